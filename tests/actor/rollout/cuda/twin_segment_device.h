#ifndef KMYRIAD_TESTS_ACTOR_ROLLOUT_CUDA_TWIN_SEGMENT_DEVICE_H_
#define KMYRIAD_TESTS_ACTOR_ROLLOUT_CUDA_TWIN_SEGMENT_DEVICE_H_

#include <cstdint>
#include <functional>
#include <memory>

#include "actor/rollout/cuda/segment_device.h"

namespace kmyriad {

struct TwinSegmentOptions {
  // Runs blocks and threads backwards.
  bool reversed = false;
  // What Run answers.
  absl::Status failure;
  // Called after each environment step, 0, 1, ...; may spoil the state.
  std::function<void(uint32_t step, const StepView<float>& view)> after_step;
};

// The host twin of the kernels of segments.
std::unique_ptr<SegmentDevice> MakeTwinSegmentDevice(
    const TwinSegmentOptions& options);

}  // namespace kmyriad

#endif  // KMYRIAD_TESTS_ACTOR_ROLLOUT_CUDA_TWIN_SEGMENT_DEVICE_H_
