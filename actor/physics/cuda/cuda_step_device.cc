#include <memory>
#include <utility>

#include "actor/physics/cuda/step_device.h"
#include "common/device/cuda/cuda_device.h"
#include "common/device/forwarding_device.h"

#if defined(KMYRIAD_HAVE_CUDA)
#include "actor/physics/cuda/step_launchers.h"
#endif

namespace kmyriad {

#if defined(KMYRIAD_HAVE_CUDA)
namespace {

class CudaStepDevice final : public ForwardingDevice<StepDevice, CudaDevice> {
 public:
  using ForwardingDevice::ForwardingDevice;

  absl::Status Step(const StepView<float>& view) override {
    return CudaStatus(LaunchSteps(view, device().stream()), "stepping robots");
  }
};

}  // namespace
#endif

absl::StatusOr<std::shared_ptr<StepDevice>> CreateCudaStepDevice() {
  absl::StatusOr<std::unique_ptr<CudaDevice>> device = CudaDevice::Create();
#if defined(KMYRIAD_HAVE_CUDA)
  if (device.ok()) {
    return std::make_shared<CudaStepDevice>(*std::move(device));
  }
#endif
  return device.status();
}

}  // namespace kmyriad
