#include <memory>
#include <utility>

#include "actor/rollout/cuda/segment_device.h"
#include "common/device/cuda/cuda_device.h"
#include "common/device/forwarding_device.h"

#if defined(KMYRIAD_HAVE_CUDA)
#include "actor/rollout/cuda/segment_launchers.h"
#endif

namespace kmyriad {

#if defined(KMYRIAD_HAVE_CUDA)
namespace {

class CudaSegmentDevice final
    : public ForwardingDevice<SegmentDevice, CudaDevice> {
 public:
  using ForwardingDevice::ForwardingDevice;

  absl::Status Run(const SegmentView& view) override {
    return CudaStatus(LaunchSegment(view, device().stream()),
                      "stepping a segment");
  }
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
