#ifndef KMYRIAD_ACTOR_ROLLOUT_CUDA_SEGMENT_DEVICE_H_
#define KMYRIAD_ACTOR_ROLLOUT_CUDA_SEGMENT_DEVICE_H_

#include <memory>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "actor/rollout/cuda/segment_view.h"
#include "common/device/device.h"

namespace kmyriad {

// Where segments are stepped: a GPU, or the kernels' twin on the host. Run may
// return before it is done.
class SegmentDevice : public Device {
 public:
  virtual absl::Status Run(const SegmentView& view) = 0;
};

// This machine's first GPU, with a stream of its own. FAILED_PRECONDITION in
// one line where there is none, or where this build has no CUDA.
absl::StatusOr<std::unique_ptr<SegmentDevice>> CreateCudaSegmentDevice();

}  // namespace kmyriad

#endif  // KMYRIAD_ACTOR_ROLLOUT_CUDA_SEGMENT_DEVICE_H_
