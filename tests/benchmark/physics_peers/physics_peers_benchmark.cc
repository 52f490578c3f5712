#include "tests/benchmark/physics_peers/physics_peers_benchmark.h"

#include <sched.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <memory>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "actor/env/terrain_library.h"
#include "actor/env/vector_env.h"
#include "actor/physics/backend_factory.h"
#include "actor/physics/mujoco/ant_mjcf.h"
#include "common/base/clock.h"
#include "common/base/segment.h"
#include "common/base/simd_level.h"
#include "common/base/status_macros.h"
#include "common/math/philox.h"
#include "common/policy/policy_inference.h"
#include "tests/benchmark/ant_placement.h"
#include "tests/benchmark/cpu_clock.h"
#include "tests/benchmark/physics_peers/peer_engine.h"
#include "tests/benchmark/physics_peers/quiet_process.h"
#include "tests/benchmark/random_weights.h"

namespace kmyriad {
namespace {

constexpr uint32_t kFrameSkip = 5;
constexpr float kActionScale = 0.3f;
constexpr uint32_t kHorizon = 400;
// Env steps of a slice of one engine: tens of milliseconds in MuJoCo, and of
// ours long enough that what it finds in the caches is its own.
constexpr uint32_t kSlice = 8;
// The fall from the start and its impact, before anything is measured.
constexpr uint32_t kWarmUp = 20;
// What is compared: env steps from the start, and metres.
constexpr uint32_t kCheckedSteps = 2;
constexpr double kSameStep = 1e-3;

// Confines the calling thread, and threads that it starts, to the first
// processors of those it may use.
class ConfinedToProcessors {
 public:
  explicit ConfinedToProcessors(uint32_t count) {
    sched_getaffinity(0, sizeof(before_), &before_);
    cpu_set_t chosen;
    CPU_ZERO(&chosen);
    for (int cpu = 0; cpu < CPU_SETSIZE && count > 0; ++cpu) {
      if (!CPU_ISSET(cpu, &before_)) continue;
      CPU_SET(cpu, &chosen);
      --count;
    }
    sched_setaffinity(0, sizeof(chosen), &chosen);
  }
  ~ConfinedToProcessors() { sched_setaffinity(0, sizeof(before_), &before_); }
  ConfinedToProcessors(const ConfinedToProcessors&) = delete;
  ConfinedToProcessors& operator=(const ConfinedToProcessors&) = delete;

 private:
  cpu_set_t before_;
};

struct Contender {
  const char* name;
  std::unique_ptr<PeerEngine> engine;
  double wall = 0, cpu = 0;
};

class Race {
 public:
  Race(const PeerTask& task, const Terrain& terrain,
       std::vector<Contender> contenders)
      : task_(task), terrain_(terrain), contenders_(std::move(contenders)) {}

  // The first contender is what the others are compared with.
  absl::Status Run(double seconds) {
    Reset();
    Advance(kCheckedSteps);
    KMYRIAD_RETURN_IF_ERROR(CheckSameStep());
    Restart();
    const double end = RealClock().MonotonicSeconds() + seconds;
    size_t first = 0;
    do {
      if (step_ >= kHorizon) Restart();
      Slice(first++);
      env_steps_ += kSlice;
    } while (RealClock().MonotonicSeconds() < end);
    return absl::OkStatus();
  }

  nlohmann::json Report(double evaluations_per_env_step) const {
    const double robots = task_.blocks * kBlockLanes;
    const double evaluations =
        static_cast<double>(env_steps_) * robots * evaluations_per_env_step;
    nlohmann::json engines;
    for (const Contender& c : contenders_) {
      engines[c.name] = {{"evaluations_per_second", evaluations / c.wall},
                         {"evaluations_per_cpu_second", evaluations / c.cpu},
                         {"ratio", contenders_.front().cpu / c.cpu}};
    }
    return {{"env_steps", env_steps_ * task_.blocks * kBlockLanes},
            {"engines", engines}};
  }

 private:
  void Reset() {
    std::vector<double> all;
    for (uint32_t robot = 0; robot < task_.blocks * kBlockLanes; ++robot) {
      std::vector<double> qpos(task_.positions);
      PlaceAnt(terrain_, robot, qpos.data());
      qpos[3] = 1;
      all.insert(all.end(), qpos.begin(), qpos.end());
    }
    for (Contender& c : contenders_) c.engine->Reset(all);
    step_ = 0;
  }

  // All engines, off the watch.
  void Advance(uint32_t env_steps) {
    for (uint32_t i = 0; i < env_steps; ++i) {
      const std::vector<float> controls = Controls();
      for (Contender& c : contenders_) c.engine->Step(controls);
      ++step_;
    }
  }

  void Restart() {
    Reset();
    Advance(kWarmUp);
  }

  std::vector<float> Controls() const {
    std::vector<float> controls(task_.blocks * task_.controls * kBlockLanes);
    for (size_t i = 0; i < controls.size(); ++i) {
      const PhiloxBlock random = RunRandom(
          1, RandomStream::kEvaluation, static_cast<uint32_t>(i), 0, step_, 0);
      controls[i] = kActionScale * (2 * UniformOpen(random.word[0]) - 1);
    }
    return controls;
  }

  void Slice(size_t first) {
    std::vector<std::vector<float>> controls;
    for (uint32_t i = 0; i < kSlice; ++i) {
      controls.push_back(Controls());
      ++step_;
    }
    for (size_t i = 0; i < contenders_.size(); ++i) {
      Contender& c = contenders_[(first + i) % contenders_.size()];
      NapUntilQuiet(ProcessCpuSeconds, [] {
        std::this_thread::sleep_for(std::chrono::duration<double>(kNapSeconds));
      });
      const double wall = RealClock().MonotonicSeconds();
      const double cpu = ProcessCpuSeconds();
      for (const std::vector<float>& step : controls) c.engine->Step(step);
      c.wall += RealClock().MonotonicSeconds() - wall;
      c.cpu += ProcessCpuSeconds() - cpu;
    }
  }

  absl::Status CheckSameStep() const {
    const std::vector<double> expected =
        contenders_.front().engine->Positions();
    for (const Contender& c : contenders_) {
      const std::vector<double> actual = c.engine->Positions();
      for (size_t i = 0; i < expected.size(); ++i) {
        // A NaN is no same step.
        if (std::abs(actual[i] - expected[i]) <= kSameStep) continue;
        return absl::InternalError(
            absl::StrCat(c.name, ": position ", i, " is ", actual[i], " after ",
                         kCheckedSteps, " env steps, that of ",
                         contenders_.front().name, " ", expected[i]));
      }
    }
    return absl::OkStatus();
  }

  const PeerTask task_;
  const Terrain& terrain_;
  std::vector<Contender> contenders_;
  uint32_t step_ = 0;
  uint64_t env_steps_ = 0;
};

// Observation, inference and physics of one block, as an actor does it.
absl::StatusOr<nlohmann::json> MeasureWholeEnvStep(
    const PhysicsPeersOptions& options, double seconds) {
  VectorEnvOptions env_options;
  env_options.task = "ant";
  env_options.terrain = options.terrain;
  env_options.horizon = kHorizon;
  env_options.frame_skip = kFrameSkip;
  env_options.integrator = options.integrator;
  env_options.action_scale = kActionScale;
  env_options.backend = options.backend;
  KMYRIAD_ASSIGN_OR_RETURN(const auto model,
                           EnvironmentModel::Create(env_options));
  KMYRIAD_ASSIGN_OR_RETURN(const std::unique_ptr<VectorEnv> env,
                           VectorEnv::Create(model));
  NetworkShape shape;
  shape.obs_dim = model->spec().obs_dim();
  shape.act_dim = model->spec().act_dim;
  shape.trunk = {512, 256};
  shape.agents = 1;
  KMYRIAD_ASSIGN_OR_RETURN(const SimdLevel level, ChooseSimdLevel());
  KMYRIAD_ASSIGN_OR_RETURN(
      const std::unique_ptr<PolicyInference> policy,
      PolicyInference::Create(RandomPolicyWeights(shape), level));
  std::vector<float> observations(shape.obs_dim * kBlockLanes);
  std::vector<float> mean(shape.act_dim * kBlockLanes), actions(mean),
      squashed(mean);
  std::vector<float> log_probs(kBlockLanes);
  std::vector<float> features(model->spec().feature_dim() * kBlockLanes);
  std::vector<uint8_t> flags(kBlockLanes);
  const std::vector<uint32_t> agents(kBlockLanes, 0);
  PolicyInference::Scratch scratch;
  double inference = 0, all = 0;
  uint64_t steps = 0;
  const double end = RealClock().MonotonicSeconds() + seconds;
  do {
    env->Reset(1, static_cast<uint32_t>(steps), 0);
    for (uint32_t step = 0; step < kHorizon; ++step, ++steps) {
      const double start = ProcessCpuSeconds();
      env->Observe(observations.data());
      const double observed = ProcessCpuSeconds();
      policy->Act(observations.data(), agents.data(), {1, 0, 0, step}, scratch,
                  mean.data(), actions.data(), squashed.data(),
                  log_probs.data());
      const double acted = ProcessCpuSeconds();
      env->Step(squashed.data(), features.data(), flags.data());
      inference += acted - observed;
      all += ProcessCpuSeconds() - start;
    }
  } while (RealClock().MonotonicSeconds() < end);
  return nlohmann::json{
      {"env_steps_per_second", static_cast<double>(steps) * kBlockLanes / all},
      {"inference_share", inference / all}};
}

absl::Status Validate(const PhysicsPeersOptions& options) {
  if (options.envs < 16 || options.envs > 65536 || options.envs % 16 != 0) {
    return absl::InvalidArgumentError(absl::StrCat(
        "envs = ", options.envs, ": use a multiple of 16 from 16 to 65536"));
  }
  if (options.threads < 1 || options.threads > 1024) {
    return absl::InvalidArgumentError(
        absl::StrCat("threads = ", options.threads, ": use 1 to 1024"));
  }
  if (!(options.seconds > 0 && options.seconds <= 3600)) {
    return absl::InvalidArgumentError(
        absl::StrCat("seconds = ", options.seconds, ": use up to 3600"));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<nlohmann::json> RunPhysicsPeersBenchmark(
    const PhysicsPeersOptions& options) {
  KMYRIAD_RETURN_IF_ERROR(Validate(options));
  PhysicsOptions physics;
  KMYRIAD_ASSIGN_OR_RETURN(physics.integrator,
                           ParseIntegrator(options.integrator));
  KMYRIAD_ASSIGN_OR_RETURN(const Terrain terrain,
                           LoadTerrain(options.terrain, {}));
  physics.boxes = terrain.boxes;
  KMYRIAD_ASSIGN_OR_RETURN(const std::shared_ptr<const PhysicsModel> model,
                           CreateAntPhysics(options.backend, physics));
  const ConfinedToProcessors confined(options.threads);
  PeerTask task;
  task.mjcf = AntMjcf(physics);
  task.frame_skip = kFrameSkip;
  task.blocks = options.envs / kBlockLanes;
  task.threads = options.threads;
  task.positions = model->dimensions().position;
  task.velocities = model->dimensions().velocity;
  task.controls = model->dimensions().control;
  std::vector<Contender> contenders(3);
  contenders[0].name = "mujoco_loop";
  KMYRIAD_ASSIGN_OR_RETURN(contenders[0].engine, CreateMujocoLoop(task));
  contenders[1].name = "mujoco_batch";
  KMYRIAD_ASSIGN_OR_RETURN(contenders[1].engine, CreateMujocoBatch(task));
  contenders[2].name = "backend";
  KMYRIAD_ASSIGN_OR_RETURN(contenders[2].engine,
                           CreateBackendEngine(task, model));
  Race race(task, terrain, std::move(contenders));
  KMYRIAD_RETURN_IF_ERROR(race.Run(options.seconds * 0.75));
  KMYRIAD_ASSIGN_OR_RETURN(const nlohmann::json env_step,
                           MeasureWholeEnvStep(options, options.seconds / 4));
  nlohmann::json report =
      race.Report(kFrameSkip * (options.integrator == "rk4" ? 4 : 1));
  report["backend"] = options.backend;
  report["terrain"] = options.terrain;
  report["boxes"] = physics.boxes.size();
  report["integrator"] = options.integrator;
  report["envs"] = options.envs;
  report["threads"] = options.threads;
  report["whole_env_step"] = env_step;
  return report;
}

}  // namespace kmyriad
