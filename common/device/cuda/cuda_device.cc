#include "common/device/cuda/cuda_device.h"

#include "absl/strings/str_cat.h"

#if defined(KMYRIAD_HAVE_CUDA)
#include <cuda_runtime.h>

#include "common/base/status_macros.h"
#endif

namespace kmyriad {

#if defined(KMYRIAD_HAVE_CUDA)
absl::Status CudaStatus(int error, absl::string_view doing) {
  if (error == cudaSuccess) return absl::OkStatus();
  return absl::InternalError(
      absl::StrCat("CUDA, ", doing, ": ",
                   cudaGetErrorString(static_cast<cudaError_t>(error))));
}

namespace {

class StreamDevice final : public CudaDevice {
 public:
  explicit StreamDevice(cudaStream_t stream) : stream_(stream) {}
  ~StreamDevice() override { cudaStreamDestroy(stream_); }

  absl::StatusOr<void*> Allocate(size_t bytes) override {
    void* memory = nullptr;
    const cudaError_t error = cudaMalloc(&memory, bytes);
    if (error == cudaErrorMemoryAllocation) {
      cudaGetLastError();
      return absl::ResourceExhaustedError(
          absl::StrCat("the GPU has no ", bytes, " bytes left"));
    }
    KMYRIAD_RETURN_IF_ERROR(CudaStatus(error, "allocating"));
    return memory;
  }
  void Free(void* memory) override {
    cudaStreamSynchronize(stream_);
    cudaFree(memory);
  }
  absl::Status Upload(const void* from, size_t bytes, void* to) override {
    return CudaStatus(
        cudaMemcpyAsync(to, from, bytes, cudaMemcpyHostToDevice, stream_),
        "copying to the GPU");
  }
  absl::Status Download(const void* from, size_t bytes, void* to) override {
    KMYRIAD_RETURN_IF_ERROR(CudaStatus(
        cudaMemcpyAsync(to, from, bytes, cudaMemcpyDeviceToHost, stream_),
        "copying from the GPU"));
    return CudaStatus(cudaStreamSynchronize(stream_), "waiting for the GPU");
  }
  void* stream() const override { return stream_; }

 private:
  const cudaStream_t stream_;
};

}  // namespace

absl::Status CheckCudaDevice() {
  int devices = 0;
  const cudaError_t error = cudaGetDeviceCount(&devices);
  if (error != cudaSuccess || devices == 0) {
    return absl::FailedPreconditionError(absl::StrCat(
        "no CUDA device (",
        error == cudaSuccess ? "none is visible" : cudaGetErrorString(error),
        ")"));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<CudaDevice>> CudaDevice::Create() {
  KMYRIAD_RETURN_IF_ERROR(CheckCudaDevice());
  cudaStream_t stream = nullptr;
  KMYRIAD_RETURN_IF_ERROR(
      CudaStatus(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking),
                 "making a stream"));
  return std::make_unique<StreamDevice>(stream);
}
#else
absl::Status CudaStatus(int error, absl::string_view doing) {
  if (error == 0) return absl::OkStatus();
  return absl::InternalError(absl::StrCat("CUDA, ", doing, ": error ", error));
}

absl::Status CheckCudaDevice() {
  return absl::FailedPreconditionError(
      "this build has no CUDA (no nvcc was found)");
}

absl::StatusOr<std::unique_ptr<CudaDevice>> CudaDevice::Create() {
  return CheckCudaDevice();
}
#endif

}  // namespace kmyriad
