#ifndef KMYRIAD_COMMON_DEVICE_CUDA_CUDA_DEVICE_H_
#define KMYRIAD_COMMON_DEVICE_CUDA_CUDA_DEVICE_H_

#include <memory>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/device/device.h"

namespace kmyriad {

// Whether there is a GPU to use; takes none of it. FAILED_PRECONDITION in one
// line, which says what is missing and leaves the mend to the caller, where
// there is none or where this build has no CUDA.
absl::Status CheckCudaDevice();

// A GPU's memory and a stream of its own, which kernels are enqueued on.
class CudaDevice : public Device {
 public:
  // This machine's first GPU. Errors of CheckCudaDevice.
  static absl::StatusOr<std::unique_ptr<CudaDevice>> Create();

  // A cudaStream_t.
  virtual void* stream() const = 0;
};

// OK for 0, else INTERNAL: what was being done and the name of the cudaError_t.
absl::Status CudaStatus(int error, absl::string_view doing);

}  // namespace kmyriad

#endif  // KMYRIAD_COMMON_DEVICE_CUDA_CUDA_DEVICE_H_
