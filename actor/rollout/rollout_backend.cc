#include "actor/rollout/rollout_backend.h"

#include <utility>

#include "actor/rollout/cuda/device_policy.h"
#include "actor/rollout/cuda/device_rollout.h"
#include "actor/rollout/rollout_worker.h"
#include "common/base/status_macros.h"

namespace kmyriad {

RolloutBackend HostRolloutBackend(std::shared_ptr<const EnvironmentModel> model,
                                  SimdLevel level) {
  using Rollout = absl::StatusOr<std::unique_ptr<RolloutEngine>>;
  return {[model = std::move(model)]() -> Rollout {
            KMYRIAD_ASSIGN_OR_RETURN(std::unique_ptr<VectorEnv> env,
                                     VectorEnv::Create(model));
            return std::make_unique<RolloutWorker>(std::move(env),
                                                   model->spec());
          },
          [level](const PolicyWeights& weights) {
            return PolicyInference::Create(weights, level);
          }};
}

RolloutBackend DeviceRolloutBackend(
    std::shared_ptr<const EnvironmentModel> model,
    MakeSegmentDevice make_device, uint32_t batch) {
  using Rollout = absl::StatusOr<std::unique_ptr<RolloutEngine>>;
  return {[model = std::move(model), make_device = std::move(make_device),
           batch]() -> Rollout {
            KMYRIAD_ASSIGN_OR_RETURN(std::unique_ptr<SegmentDevice> device,
                                     make_device());
            return DeviceRollout::Create(model, std::move(device), batch);
          },
          &DevicePolicy::Create};
}

}  // namespace kmyriad
