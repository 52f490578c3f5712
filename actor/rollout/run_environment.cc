#include "actor/rollout/run_environment.h"

namespace kmyriad {

absl::StatusOr<std::shared_ptr<const EnvironmentModel>> EnvironmentOfRun(
    const v1::RunConfig& config) {
  VectorEnvOptions options;
  options.task = config.env().task();
  options.terrain = config.env().terrain();
  options.horizon = config.env().horizon();
  options.frame_skip = config.env().frame_skip();
  options.integrator = config.env().integrator();
  options.action_scale = config.env().action_scale();
  options.backend = config.physics().backend();
  options.features = config.entropy().features();
  return EnvironmentModel::Create(options);
}

}  // namespace kmyriad
