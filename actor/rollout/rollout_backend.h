#ifndef KMYRIAD_ACTOR_ROLLOUT_ROLLOUT_BACKEND_H_
#define KMYRIAD_ACTOR_ROLLOUT_ROLLOUT_BACKEND_H_

#include <cstdint>
#include <functional>
#include <memory>

#include "absl/status/statusor.h"
#include "actor/env/vector_env.h"
#include "actor/rollout/actor_engine.h"
#include "actor/rollout/cuda/segment_device.h"
#include "common/base/simd_level.h"

namespace kmyriad {

// What an actor steps its blocks with. Thread-safe.
struct RolloutBackend {
  ActorEngine::MakeRollout make_rollout;
  PolicyCache::MakePolicy make_policy;
};

// Vector environments and inference on the host.
RolloutBackend HostRolloutBackend(std::shared_ptr<const EnvironmentModel> model,
                                  SimdLevel level);

using MakeSegmentDevice =
    std::function<absl::StatusOr<std::unique_ptr<SegmentDevice>>()>;
// Segments of the Ant on a device, `batch` blocks side by side.
RolloutBackend DeviceRolloutBackend(
    std::shared_ptr<const EnvironmentModel> model,
    MakeSegmentDevice make_device, uint32_t batch);

}  // namespace kmyriad

#endif  // KMYRIAD_ACTOR_ROLLOUT_ROLLOUT_BACKEND_H_
