#include "tests/benchmark/physics_stages/stage_benchmark.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <memory>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

#include "actor/physics/mujoco/ant_mjcf.h"
#include "actor/physics/mujoco/robot_reader.h"
#include "actor/physics/simd/stepper.h"
#include "common/base/clock.h"
#include "common/base/status_macros.h"
#include "tests/benchmark/ant_controls.h"
#include "tests/benchmark/ant_placement.h"
#include "tests/benchmark/core_peak.h"
#include "tests/benchmark/cpu_clock.h"
#include "tests/benchmark/physics_stages/slice_ticks.h"
#include "tests/benchmark/physics_stages/stage_kernels.h"

namespace kmyriad {
namespace {

// Env steps of a slice: a fraction of a millisecond.
constexpr uint32_t kSlice = 4;
// Every so many env steps the robots' own operations are counted.
constexpr uint32_t kSampleEvery = 20;
// A slice took more wall time than this over its processor time: interrupted.
constexpr double kInterrupted = 1.05;
constexpr const char* kStageNames[kStepStages] = {
    "kinematics", "mass_matrix", "bias",   "factor",
    "collision",  "rows",        "solver", "integration"};

// 16 Ants of a block on one kernel.
class AntStepper {
 public:
  AntStepper(std::shared_ptr<const StepperModel> model, const Robot& robot,
             const Terrain& terrain)
      : stepper_(Stepper::Create(std::move(model))),
        reference_(robot.model->reference,
                   robot.model->reference + robot.model->positions),
        rest_(static_cast<size_t>(robot.model->dofs)),
        terrain_(terrain) {}

  void Place() {
    std::vector<double> qpos = reference_;
    for (uint32_t lane = 0; lane < kBlockLanes; ++lane) {
      PlaceAnt(terrain_, lane, qpos.data());
      stepper_->Reset(lane, qpos.data(), rest_.data());
    }
  }

  void Step(const AntControls& controls) {
    failed_ = failed_ || stepper_->Step(controls.data(), kAntFrameSkip) != 0;
  }

  // Puts a lane of another stepper into all lanes of this one.
  void Copy(const AntStepper& from, uint32_t from_lane) {
    std::vector<double> qpos(reference_), qvel(rest_), qacc(rest_);
    from.stepper_->Read(from_lane, qpos.data(), qvel.data(), qacc.data());
    for (uint32_t lane = 0; lane < kBlockLanes; ++lane) {
      stepper_->Reset(lane, qpos.data(), qvel.data());
      stepper_->SetWarmStart(lane, qacc.data());
    }
  }

  bool HasStateOf(const AntStepper& other) const {
    for (uint32_t lane = 0; lane < kBlockLanes; ++lane) {
      if (StateOf(lane) != other.StateOf(lane)) return false;
    }
    return true;
  }

  bool failed() const { return failed_; }

 private:
  // All numbers of a lane; equal bits give equal bytes.
  std::string StateOf(uint32_t lane) const {
    std::vector<double> qpos(reference_), qvel(rest_), qacc(rest_);
    stepper_->Read(lane, qpos.data(), qvel.data(), qacc.data());
    std::string bytes;
    for (const auto* part : {&qpos, &qvel, &qacc}) {
      bytes.append(reinterpret_cast<const char*>(part->data()),
                   part->size() * sizeof(double));
    }
    return bytes;
  }

  const std::unique_ptr<Stepper> stepper_;
  const std::vector<double> reference_, rest_;
  const Terrain& terrain_;
  bool failed_ = false;
};

// Processor time, and whether anything interrupted it.
struct Slice {
  double cpu = 0;
  bool disturbed = false;
};
template <typename Work>
Slice Measure(const Work& work) {
  const double wall_start = RealClock().MonotonicSeconds();
  const double cpu_start = ThreadCpuSeconds();
  work();
  const double cpu = ThreadCpuSeconds() - cpu_start;
  const double wall = RealClock().MonotonicSeconds() - wall_start;
  return {cpu, wall > kInterrupted * cpu};
}

// What was measured, and over how many evaluations of 16 robots.
struct StageTimes {
  double product_seconds = 0, timed_seconds = 0, peak_seconds = 0;
  double peak_flops = 0;
  uint64_t evaluations = 0;
  SliceTicks slices;
};

struct StageFlops {
  FlopCounts issued[kStepStages];  // by vectors of 16 lanes
  FlopCounts useful[kStepStages];
  uint64_t evaluations = 0;          // of 16 robots
  uint64_t sampled_evaluations = 0;  // of one robot
};

class StageBenchmark {
 public:
  StageBenchmark(const Robot& robot, SimdLevel level,
                 std::shared_ptr<const StepperModel> product,
                 const Terrain& terrain, const StageBenchmarkOptions& options)
      : options_(options),
        level_(level),
        evaluations_(kAntFrameSkip * (robot.model->runge_kutta ? 4u : 1u)),
        product_(std::move(product), robot, terrain),
        timed_(
            CreateStepperModel(*robot.model, robot.boxes, TimedKernelOf(level)),
            robot, terrain),
        counting_(
            CreateStepperModel(*robot.model, robot.boxes, kCountingStepKernel),
            robot, terrain),
        alone_(
            CreateStepperModel(*robot.model, robot.boxes, kCountingStepKernel),
            robot, terrain) {}

  absl::StatusOr<nlohmann::json> Run() {
    StageTimes times;
    StageFlops flops;
    for (uint32_t block = 0; block < options_.blocks; ++block) {
      KMYRIAD_RETURN_IF_ERROR(CountBlock(block, &flops));
    }
    const double end = RealClock().MonotonicSeconds() + options_.seconds;
    do {
      for (uint32_t block = 0; block < options_.blocks; ++block) {
        KMYRIAD_RETURN_IF_ERROR(TimeBlock(block, &times));
      }
    } while (RealClock().MonotonicSeconds() < end);
    return Report(times, flops);
  }

 private:
  absl::Status CheckStates(const AntStepper& observed) const {
    if (product_.failed() || observed.failed() || alone_.failed()) {
      return absl::InternalError("a lane of the stepper failed");
    }
    if (!observed.HasStateOf(product_)) {
      return absl::InternalError(
          "an observed step's states differ from the product's");
    }
    return absl::OkStatus();
  }

  // A block's steps in slices, in turns with the peak.
  absl::Status TimeBlock(uint32_t block, StageTimes* times) {
    const FmaChains& chains = FmaChainsOf(level_);
    constexpr uint64_t kIterations = 10000;
    float sink[kBlockLanes];
    product_.Place();
    timed_.Place();
    for (uint32_t step = 0; step < options_.env_steps; step += kSlice) {
      const uint32_t count = std::min(kSlice, options_.env_steps - step);
      std::array<AntControls, kSlice> controls;
      for (uint32_t i = 0; i < count; ++i) {
        controls[i] = RandomAntControls(block, step + i);
      }
      const auto advance = [&](AntStepper& ants) {
        for (uint32_t i = 0; i < count; ++i) ants.Step(controls[i]);
      };
      times->peak_seconds +=
          Measure([&] { chains.run(kIterations, sink); }).cpu;
      times->peak_flops +=
          static_cast<double>(kIterations * chains.flops_per_iteration);
      times->product_seconds += Measure([&] { advance(product_); }).cpu;
      const StageTicks before = TimedStages::total();
      const Slice slice = Measure([&] { advance(timed_); });
      times->timed_seconds += slice.cpu;
      times->evaluations += count * evaluations_;
      StageTicks ticks = TimedStages::total();
      for (int k = 0; k < kStepStages; ++k) ticks.ticks[k] -= before.ticks[k];
      times->slices.Add(ticks, slice.disturbed);
    }
    return CheckStates(timed_);
  }

  // Adds what a step counts to `counts`.
  static void Count(AntStepper& ants, const AntControls& controls,
                    FlopCounts counts[kStepStages]) {
    for (int k = 0; k < kStepStages; ++k) {
      CountedStages::of(static_cast<StepStage>(k)) = {};
    }
    ants.Step(controls);
    for (int k = 0; k < kStepStages; ++k) {
      counts[k] += CountedStages::of(static_cast<StepStage>(k));
    }
  }

  absl::Status CountBlock(uint32_t block, StageFlops* flops) {
    product_.Place();
    counting_.Place();
    for (uint32_t step = 0; step < options_.env_steps; ++step) {
      const AntControls controls = RandomAntControls(block, step);
      if (step % kSampleEvery == kSampleEvery / 2) {
        CountAlone(controls, flops);
      }
      Count(counting_, controls, flops->issued);
      flops->evaluations += evaluations_;
      product_.Step(controls);
    }
    return CheckStates(counting_);
  }

  // Each robot in the company of its copies, which all do what it does: no lane
  // works for another.
  void CountAlone(const AntControls& controls, StageFlops* flops) {
    for (uint32_t lane = 0; lane < kBlockLanes; ++lane) {
      alone_.Copy(product_, lane);
      AntControls same;
      for (size_t i = 0; i < same.size(); ++i) {
        same[i] = controls[i / kBlockLanes * kBlockLanes + lane];
      }
      Count(alone_, same, flops->useful);
      flops->sampled_evaluations += evaluations_;
    }
  }

  static nlohmann::json Report(const StageTimes& times,
                               const StageFlops& flops) {
    const StageTicks& ticks = times.slices.ticks();
    const double all_ticks = static_cast<double>(
        std::accumulate(ticks.ticks, ticks.ticks + kStepStages, uint64_t{0}));
    const double peak = times.peak_flops / times.peak_seconds * 1e-9;
    const double nanoseconds =
        1e9 * times.product_seconds /
        static_cast<double>(times.evaluations * kBlockLanes);
    // A vector's operation is one of each of its 16 robots; in the samples all
    // 16 are the same one.
    const auto issued_of = [&](uint64_t operations) {
      return static_cast<double>(operations) /
             static_cast<double>(flops.evaluations);
    };
    nlohmann::json stages;
    FlopCounts sum;
    double useful = 0;
    for (int k = 0; k < kStepStages; ++k) {
      const double share = static_cast<double>(ticks.ticks[k]) / all_ticks;
      const double issued = issued_of(flops.issued[k].flops());
      const double own = static_cast<double>(flops.useful[k].flops()) /
                         static_cast<double>(flops.sampled_evaluations);
      sum += flops.issued[k];
      useful += own;
      const double rate = issued / (share * nanoseconds);
      stages[kStageNames[k]] = {{"share", share},
                                {"issued_flops", issued},
                                {"useful_flops", own},
                                {"issued_gflops", rate},
                                {"share_of_peak", rate / peak}};
    }
    const double issued = issued_of(sum.flops());
    return {{"stages", stages},
            {"issued_flops", issued},
            {"useful_flops", useful},
            {"fused_share", 2 * issued_of(sum.fused) / issued},
            {"divisions", issued_of(sum.divisions + sum.roots)},
            {"issued_gflops", issued / nanoseconds},
            {"useful_gflops", useful / nanoseconds},
            {"fma_peak_gflops", peak},
            {"issued_share_of_peak", issued / nanoseconds / peak},
            {"useful_share_of_peak", useful / nanoseconds / peak},
            {"nanoseconds_per_evaluation", nanoseconds},
            {"observer_cost", times.timed_seconds / times.product_seconds - 1},
            {"undisturbed", times.slices.undisturbed()}};
  }

  const StageBenchmarkOptions options_;
  const SimdLevel level_;
  const uint32_t evaluations_;  // of an env step
  AntStepper product_, timed_, counting_, alone_;
};

}  // namespace

absl::StatusOr<nlohmann::json> RunStageBenchmark(
    const PhysicsOptions& physics, const Terrain& terrain,
    const StageBenchmarkOptions& options) {
  KMYRIAD_ASSIGN_OR_RETURN(const Robot robot, CompileRobot(AntMjcf(physics)));
  KMYRIAD_ASSIGN_OR_RETURN(const SimdLevel level, ChooseSimdLevel());
  KMYRIAD_ASSIGN_OR_RETURN(
      auto product,
      CreateStepperModel(*robot.model, robot.boxes,
                         {.real = StepperReal::kFloat, .level = level}));
  return StageBenchmark(robot, level, std::move(product), terrain, options)
      .Run();
}

}  // namespace kmyriad
