#include "tests/actor/physics/parity/run_policy.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "actor/physics/backend_factory.h"
#include "actor/rollout/run_environment.h"
#include "common/base/simd_level.h"
#include "common/base/status_macros.h"
#include "common/math/elementary.h"

namespace kmyriad {

absl::StatusOr<std::unique_ptr<RunPolicy>> RunPolicy::Create(
    const Population& population, const std::string& terrain, Actions actions) {
  v1::RunConfig config = population.config;
  if (config.env().task() != "ant") {
    return absl::InvalidArgumentError(absl::StrCat(
        "run ", population.run_name, ": env.task = ", config.env().task(),
        "; name a run of task ant"));
  }
  config.mutable_env()->set_terrain(terrain);
  // The caller's physics moves the robot.
  config.mutable_physics()->set_backend("mujoco");
  KMYRIAD_ASSIGN_OR_RETURN(std::shared_ptr<const EnvironmentModel> model,
                           EnvironmentOfRun(config));
  KMYRIAD_ASSIGN_OR_RETURN(const Integrator integrator,
                           ParseIntegrator(config.env().integrator()));
  KMYRIAD_ASSIGN_OR_RETURN(const SimdLevel level, ChooseSimdLevel());
  KMYRIAD_ASSIGN_OR_RETURN(std::unique_ptr<PolicyInference> inference,
                           PolicyInference::Create(population.weights, level));
  return std::unique_ptr<RunPolicy>(new RunPolicy(
      population, std::move(model), std::move(inference), integrator, actions));
}

RunPolicy::RunPolicy(const Population& population,
                     std::shared_ptr<const EnvironmentModel> model,
                     std::unique_ptr<PolicyInference> inference,
                     Integrator integrator, Actions actions)
    : model_(std::move(model)),
      task_(DescribeAnt(*model_).task),
      inference_(std::move(inference)),
      episode_{model_->options().horizon, model_->options().frame_skip,
               integrator},
      actions_(actions),
      seed_(population.config.run().seed()),
      agents_(population.weights.agent_count) {}

ParityState RunPolicy::Start() {
  const AntState start = AntStart(task_, seed_, 0, started_++);
  ParityState state;
  state.qpos.assign(std::begin(start.q), std::end(start.q));
  state.qvel.assign(std::begin(start.v), std::end(start.v));
  state.control.assign(kAntActions, 0.0);
  return state;
}

void RunPolicy::Act(uint32_t step, ParityState* state) {
  const uint32_t episode = started_ - 1;
  // All lanes the same; the first one is read.
  float observations[kAntObservations * kBlockLanes];
  const auto put = [&](uint32_t row, float value) {
    std::fill_n(observations + row * kBlockLanes, kBlockLanes, value);
  };
  for (uint32_t i = 0; i < kAntPositions; ++i) {
    put(i, AntObservation(task_, i, state->qpos[i]));
  }
  for (uint32_t i = 0; i < kAntVelocities; ++i) {
    const uint32_t row = kAntPositions + i;
    put(row, AntObservation(task_, row, state->qvel[i]));
  }
  put(kAntObservations - 1, AntTime(task_, step));
  uint32_t agents[kBlockLanes];
  std::fill_n(agents, kBlockLanes, episode % agents_);
  float mean[kAntActions * kBlockLanes], unbounded[kAntActions * kBlockLanes],
      squashed[kAntActions * kBlockLanes], log_probs[kBlockLanes];
  inference_->Act(observations, agents, {seed_, episode, 0, step}, scratch_,
                  mean, unbounded, squashed, log_probs);
  for (uint32_t i = 0; i < kAntActions; ++i) {
    const float action = actions_ == Actions::kMean
                             ? Tanh(mean[i * kBlockLanes])
                             : squashed[i * kBlockLanes];
    state->control[i] = double{action * task_.action_scale};
  }
}

}  // namespace kmyriad
