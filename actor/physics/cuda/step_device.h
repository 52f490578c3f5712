#ifndef KMYRIAD_ACTOR_PHYSICS_CUDA_STEP_DEVICE_H_
#define KMYRIAD_ACTOR_PHYSICS_CUDA_STEP_DEVICE_H_

#include <functional>
#include <memory>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "actor/physics/cuda/step_view.h"
#include "common/device/device.h"

namespace kmyriad {

// Where the kernels run: a GPU, or their twin on the host. Step may return
// before it is done.
class StepDevice : public Device {
 public:
  virtual absl::Status Step(const StepView<float>& view) = 0;
};

using MakeStepDevice =
    std::function<absl::StatusOr<std::shared_ptr<StepDevice>>()>;

// This machine's first GPU. FAILED_PRECONDITION in one line where there is
// none, or where this build has no CUDA.
absl::StatusOr<std::shared_ptr<StepDevice>> CreateCudaStepDevice();

}  // namespace kmyriad

#endif  // KMYRIAD_ACTOR_PHYSICS_CUDA_STEP_DEVICE_H_
