#include <memory>
#include <utility>

#include "actor/rollout/cuda/segment_device.h"
#include "common/device/cuda/cuda_device.h"

#if defined(KMYRIAD_HAVE_CUDA)
#include "actor/rollout/cuda/segment_launchers.h"
#endif

namespace kmyriad {

#if defined(KMYRIAD_HAVE_CUDA)
namespace {

class CudaSegmentDevice final : public SegmentDevice {
 public:
  explicit CudaSegmentDevice(std::unique_ptr<CudaDevice> device)
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
  absl::Status Run(const SegmentView& view) override {
    return CudaStatus(LaunchSegment(view, device_->stream()),
                      "stepping a segment");
  }

 private:
  const std::unique_ptr<CudaDevice> device_;
};

}  // namespace
#endif

absl::StatusOr<std::unique_ptr<SegmentDevice>> CreateCudaSegmentDevice() {
  absl::StatusOr<std::unique_ptr<CudaDevice>> device = CudaDevice::Create();
#if defined(KMYRIAD_HAVE_CUDA)
  if (device.ok()) {
    return std::make_unique<CudaSegmentDevice>(*std::move(device));
  }
#endif
  return device.status();
}

}  // namespace kmyriad
