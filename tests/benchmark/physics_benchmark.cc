#include "tests/benchmark/physics_benchmark.h"

#include <mujoco/mujoco.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <memory>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "actor/env/terrain_library.h"
#include "actor/physics/backend_factory.h"
#include "actor/physics/mujoco/ant_mjcf.h"
#include "actor/physics/mujoco/compiled_model.h"
#include "actor/physics/mujoco/robot_reader.h"
#include "actor/physics/simd/stepper.h"
#include "common/base/clock.h"
#include "common/base/segment.h"
#include "common/base/status_macros.h"
#include "common/base/thread_pool.h"
#include "tests/benchmark/ant_controls.h"
#include "tests/benchmark/ant_placement.h"
#include "tests/benchmark/cpu_clock.h"
#include "tests/benchmark/physics_stages/stage_benchmark.h"

namespace kmyriad {
namespace {

constexpr uint32_t kHorizon = 400;
// Env steps of one slice: a few milliseconds per block.
constexpr uint32_t kSlice = 4;
// Of which the use of lanes is counted.
constexpr uint32_t kCountedBlocks = 4;
constexpr uint32_t kCountedSteps = 100;

// Time spent in one kind of slices.
struct Stopwatch {
  double wall = 0;
  double cpu = 0;

  template <typename Work>
  void Measure(const Work& work) {
    const double wall_start = RealClock().MonotonicSeconds();
    const double cpu_start = ThreadCpuSeconds();
    work();
    cpu += ThreadCpuSeconds() - cpu_start;
    wall += RealClock().MonotonicSeconds() - wall_start;
  }
};

// 16 Ants twice: on the backend and in bare mjData.
class Twins {
 public:
  Twins(std::unique_ptr<PhysicsBlock> block, const mjModel* bare_model,
        const Terrain& terrain, uint32_t index)
      : block_(std::move(block)),
        bare_model_(bare_model),
        terrain_(terrain),
        index_(index) {
    for (DataPointer& data : bare_) data.reset(mj_makeData(bare_model_));
  }

  // Steps both sides by one slice, each on its watch.
  void RunSlice(bool ours_first, Stopwatch& ours, Stopwatch& bare) {
    if (step_ % kHorizon == 0) Reset();
    std::array<AntControls, kSlice> controls;
    for (uint32_t i = 0; i < kSlice; ++i) {
      controls[i] = RandomAntControls(index_, step_ + i);
    }
    step_ += kSlice;
    if (ours_first) ours.Measure([&] { StepOurs(controls); });
    bare.Measure([&] { StepBare(controls); });
    if (!ours_first) ours.Measure([&] { StepOurs(controls); });
  }

  bool HaveEqualStates() const {
    std::vector<double> qpos(bare_model_->nq), qvel(bare_model_->nv);
    for (uint32_t lane = 0; lane < kBlockLanes; ++lane) {
      block_->Read(lane, qpos.data(), qvel.data());
      if (std::memcmp(qpos.data(), bare_[lane]->qpos,
                      qpos.size() * sizeof(double)) != 0 ||
          std::memcmp(qvel.data(), bare_[lane]->qvel,
                      qvel.size() * sizeof(double)) != 0) {
        return false;
      }
    }
    return failed_ == 0;
  }

  uint64_t env_steps() const { return uint64_t{step_} * kBlockLanes; }
  LaneMask failed() const { return failed_; }

 private:
  void Reset() {
    std::vector<double> qpos(bare_model_->qpos0,
                             bare_model_->qpos0 + bare_model_->nq);
    const std::vector<double> qvel(bare_model_->nv, 0.0);
    for (uint32_t lane = 0; lane < kBlockLanes; ++lane) {
      PlaceAnt(terrain_, lane, qpos.data());
      block_->Reset(lane, qpos.data(), qvel.data());
      mj_resetData(bare_model_, bare_[lane].get());
      std::copy(qpos.begin(), qpos.end(), bare_[lane]->qpos);
    }
  }

  void StepOurs(const std::array<AntControls, kSlice>& controls) {
    for (const AntControls& c : controls) {
      failed_ |= block_->Step(c.data(), kAntFrameSkip);
    }
  }

  void StepBare(const std::array<AntControls, kSlice>& controls) {
    for (const AntControls& c : controls) {
      for (uint32_t lane = 0; lane < kBlockLanes; ++lane) {
        mjData* data = bare_[lane].get();
        for (uint32_t i = 0; i < kAntMotors; ++i) {
          data->ctrl[i] = static_cast<double>(c[i * kBlockLanes + lane]);
        }
        for (uint32_t i = 0; i < kAntFrameSkip; ++i) mj_step(bare_model_, data);
      }
    }
  }

  std::unique_ptr<PhysicsBlock> block_;
  const mjModel* const bare_model_;
  const Terrain& terrain_;
  const uint32_t index_;
  std::array<DataPointer, kBlockLanes> bare_;
  uint32_t step_ = 0;
  LaneMask failed_ = 0;
};

// What one thread did.
struct ThreadResult {
  Stopwatch ours, bare;
  uint64_t env_steps = 0;
  bool equal = true;
};

// `exact`: the backend is the bare engine, and its states are to be equal.
ThreadResult RunThread(std::vector<Twins>& blocks, double seconds, bool exact) {
  ThreadResult result;
  Stopwatch warm_up;
  for (Twins& block : blocks) block.RunSlice(true, warm_up, warm_up);
  const uint64_t warm_up_steps = blocks.size() * kSlice * kBlockLanes;
  const double end = RealClock().MonotonicSeconds() + seconds;
  bool ours_first = false;
  do {
    for (Twins& block : blocks) {
      block.RunSlice(ours_first, result.ours, result.bare);
      ours_first = !ours_first;
    }
  } while (RealClock().MonotonicSeconds() < end);
  for (const Twins& block : blocks) {
    result.env_steps += block.env_steps();
    result.equal =
        result.equal && (exact ? block.HaveEqualStates() : block.failed() == 0);
  }
  result.env_steps -= warm_up_steps;
  return result;
}

absl::Status Validate(const PhysicsBenchmarkOptions& options) {
  if (options.envs < 1 || options.envs > 65536) {
    return absl::InvalidArgumentError(
        absl::StrCat("envs = ", options.envs, ": use 1 to 65536"));
  }
  if (!(options.seconds > 0 && options.seconds <= 3600)) {
    return absl::InvalidArgumentError(
        absl::StrCat("seconds = ", options.seconds, ": use up to 3600"));
  }
  if (options.threads > 1024) {
    return absl::InvalidArgumentError(
        absl::StrCat("threads = ", options.threads, ": use at most 1024"));
  }
  return absl::OkStatus();
}

// What lanes that step together lose by waiting for each other. Exact numbers,
// the same on every machine.
absl::StatusOr<nlohmann::json> CountLaneUse(const PhysicsOptions& physics,
                                            const Terrain& terrain) {
  KMYRIAD_ASSIGN_OR_RETURN(Robot robot, CompileRobot(AntMjcf(physics)));
  KMYRIAD_ASSIGN_OR_RETURN(const SimdLevel level, ChooseSimdLevel());
  KMYRIAD_ASSIGN_OR_RETURN(
      const auto model,
      CreateStepperModel(*robot.model, std::move(robot.boxes),
                         {.real = StepperReal::kFloat, .level = level}));
  const std::unique_ptr<Stepper> stepper = Stepper::Create(model);
  std::vector<double> qpos(robot.model->reference,
                           robot.model->reference + robot.model->positions);
  const std::vector<double> qvel(static_cast<size_t>(robot.model->dofs));
  for (uint32_t block = 0; block < kCountedBlocks; ++block) {
    for (uint32_t lane = 0; lane < kBlockLanes; ++lane) {
      PlaceAnt(terrain, lane, qpos.data());
      stepper->Reset(lane, qpos.data(), qvel.data());
    }
    for (uint32_t step = 0; step < kCountedSteps; ++step) {
      if (stepper->Step(RandomAntControls(block, step).data(), kAntFrameSkip) !=
          0) {
        return absl::InternalError("a lane of the stepper failed");
      }
    }
  }
  const StepperCounters& sum = stepper->counters();
  const auto per_evaluation = [&](uint64_t count) {
    return static_cast<double>(count) /
           static_cast<double>(sum.lane_evaluations);
  };
  const auto used = [](uint64_t lanes, uint64_t rounds) {
    return static_cast<double>(lanes) /
           static_cast<double>(std::max<uint64_t>(1, kBlockLanes * rounds));
  };
  return nlohmann::json{
      {"contacts", per_evaluation(sum.contacts)},
      {"contact_lanes_used", used(sum.contacts, sum.contact_rounds)},
      {"newton_iterations", per_evaluation(sum.newton_iterations)},
      {"newton_lanes_used", used(sum.newton_iterations, sum.newton_rounds)},
      {"box_pairs", per_evaluation(sum.box_pairs)},
      {"enlarged", per_evaluation(sum.enlarged)}};
}

nlohmann::json Report(const PhysicsBenchmarkOptions& options,
                      const std::vector<ThreadResult>& results) {
  const double evaluations_per_env_step =
      kAntFrameSkip * (options.integrator == "rk4" ? 4 : 1);
  double env_steps_per_second = 0, bare_env_steps_per_second = 0;
  double ours_cpu = 0, bare_cpu = 0, seconds = 0;
  uint64_t env_steps = 0;
  for (const ThreadResult& result : results) {
    const auto steps = static_cast<double>(result.env_steps);
    env_steps_per_second += steps / result.ours.wall;
    bare_env_steps_per_second += steps / result.bare.wall;
    ours_cpu += result.ours.cpu;
    bare_cpu += result.bare.cpu;
    seconds = std::max(seconds, result.ours.wall + result.bare.wall);
    env_steps += result.env_steps;
  }
  return {{"backend", options.backend},
          {"engine", absl::StrCat("MuJoCo ", mj_versionString())},
          {"terrain", options.terrain},
          {"integrator", options.integrator},
          {"envs", options.envs},
          {"threads", results.size()},
          {"seconds", seconds},
          {"env_steps", env_steps},
          {"env_steps_per_second", env_steps_per_second},
          {"evaluations_per_second",
           env_steps_per_second * evaluations_per_env_step},
          {"bare_evaluations_per_second",
           bare_env_steps_per_second * evaluations_per_env_step},
          {"ratio", bare_cpu / ours_cpu}};
}

}  // namespace

absl::StatusOr<nlohmann::json> RunPhysicsBenchmark(
    const PhysicsBenchmarkOptions& options) {
  KMYRIAD_RETURN_IF_ERROR(Validate(options));
  PhysicsOptions physics;
  KMYRIAD_ASSIGN_OR_RETURN(physics.integrator,
                           ParseIntegrator(options.integrator));
  KMYRIAD_ASSIGN_OR_RETURN(const Terrain terrain,
                           LoadTerrain(options.terrain, {}));
  physics.boxes = terrain.boxes;
  KMYRIAD_ASSIGN_OR_RETURN(const std::shared_ptr<const PhysicsModel> model,
                           CreateAntPhysics(options.backend, physics));
  KMYRIAD_ASSIGN_OR_RETURN(const ModelPointer bare,
                           CompileModel(AntMjcf(physics)));

  const uint32_t blocks = BlockCount(options.envs);
  const uint32_t cores = std::max(1u, std::thread::hardware_concurrency());
  const uint32_t threads =
      std::min(blocks, options.threads == 0 ? cores : options.threads);
  std::vector<std::vector<Twins>> shares(threads);
  for (uint32_t i = 0; i < blocks; ++i) {
    KMYRIAD_ASSIGN_OR_RETURN(std::unique_ptr<PhysicsBlock> block,
                             model->CreateBlock());
    shares[i % threads].emplace_back(std::move(block), bare.get(), terrain, i);
  }
  std::vector<ThreadResult> results(threads);
  {
    ThreadPool pool(static_cast<int>(threads));
    for (uint32_t i = 0; i < threads; ++i) {
      pool.Schedule([&, i] {
        results[i] =
            RunThread(shares[i], options.seconds, options.backend == "mujoco");
      });
    }
  }
  for (const ThreadResult& result : results) {
    if (!result.equal) {
      return absl::InternalError(
          "the backend's states differ from the bare engine's");
    }
  }
  nlohmann::json report = Report(options, results);
  if (options.backend == "simd") {
    KMYRIAD_ASSIGN_OR_RETURN(report["lane_use"],
                             CountLaneUse(physics, terrain));
    KMYRIAD_ASSIGN_OR_RETURN(
        report["stages"],
        RunStageBenchmark(physics, terrain, {.seconds = options.seconds}));
  }
  return report;
}

}  // namespace kmyriad
