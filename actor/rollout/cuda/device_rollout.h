#ifndef KMYRIAD_ACTOR_ROLLOUT_CUDA_DEVICE_ROLLOUT_H_
#define KMYRIAD_ACTOR_ROLLOUT_CUDA_DEVICE_ROLLOUT_H_

#include <memory>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "actor/env/vector_env.h"
#include "actor/physics/cuda/robot_fleet.h"
#include "actor/rollout/cuda/device_policy.h"
#include "actor/rollout/cuda/segment_device.h"
#include "actor/rollout/rollout_engine.h"
#include "common/device/device_array.h"

namespace kmyriad {

// Steps whole segments of the Ant in a device's memory, many blocks side by
// side, with the bits of a RolloutWorker on the batched stepper; takes
// DevicePolicy. A batch is done before its progress is told, and its time is
// dealt evenly to its requests, as physics.
class DeviceRollout final : public RolloutEngine {
 public:
  // `model` is an Ant's. Takes memory for `batch` blocks over the model's
  // horizon: per block 1 MB at 400 steps, besides the kernels' local memory.
  // Errors are the device's.
  static absl::StatusOr<std::unique_ptr<DeviceRollout>> Create(
      std::shared_ptr<const EnvironmentModel> model,
      std::unique_ptr<SegmentDevice> device, uint32_t batch);

  uint32_t batch() const override { return batch_; }
  absl::Status Rollout(absl::Span<const RolloutRequest> requests,
                       const Progress& progress,
                       absl::Span<RolloutResult> results) override;

 private:
  DeviceRollout(std::shared_ptr<const EnvironmentModel> model,
                std::unique_ptr<SegmentDevice> device, uint32_t batch);
  absl::Status Place();
  // Steps the requests' blocks; may return before it is done.
  absl::Status Run(absl::Span<const RolloutRequest> requests);
  // Copies the columns of the `index`-th block of the last Run.
  absl::Status Fetch(size_t index, const RolloutRequest& request,
                     Segment& segment) const;
  absl::Status FetchAll(absl::Span<const RolloutRequest> requests,
                        absl::Span<RolloutResult> results);

  const std::shared_ptr<const EnvironmentModel> model_;
  const std::unique_ptr<SegmentDevice> device_;
  const uint32_t batch_;
  // Of the model: rows and horizon of a whole block.
  SegmentShape shape_;
  std::unique_ptr<RobotFleet<float>> fleet_;
  uint64_t overflows_ = 0;
  DevicePolicyMemory policy_;
  DeviceArray<uint8_t> walls_;
  DeviceArray<StaticBox> layers_;
  DeviceArray<uint32_t> first_env_, agent_;
  DeviceArray<float> observations_, actions_, log_probs_, features_;
  DeviceArray<uint8_t> flags_;
  SegmentView view_ = {};
};

}  // namespace kmyriad

#endif  // KMYRIAD_ACTOR_ROLLOUT_CUDA_DEVICE_ROLLOUT_H_
