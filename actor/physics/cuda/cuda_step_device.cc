#include <memory>
#include <utility>

#include "actor/physics/cuda/step_device.h"
#include "common/device/cuda/cuda_device.h"

#if defined(KMYRIAD_HAVE_CUDA)
#include "actor/physics/cuda/step_launchers.h"
#endif

namespace kmyriad {

#if defined(KMYRIAD_HAVE_CUDA)
namespace {

class CudaStepDevice final : public StepDevice {
 public:
  explicit CudaStepDevice(std::unique_ptr<CudaDevice> device)
      : device_(std::move(device)) {}

  absl::StatusOr<void*> Allocate(size_t bytes) override {
    return device_->Allocate(bytes);
  }
  void Free(void* memory) override { device_->Free(memory); }
  absl::Status Upload(const void* from, size_t bytes, void* to) override {
    return device_->Upload(from, bytes, to);
  }
  absl::Status Download(const void* from, size_t bytes, void* to) override {
    return device_->Download(from, bytes, to);
  }
  absl::Status Step(const StepView<float>& view) override {
    return CudaStatus(LaunchSteps(view, device_->stream()), "stepping robots");
  }

 private:
  const std::unique_ptr<CudaDevice> device_;
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
