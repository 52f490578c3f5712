#include <memory>

#include "absl/strings/str_cat.h"
#include "entropy_service/index/cuda/knn_device.h"

#if defined(KMYRIAD_HAVE_CUDA)
#include <cuda_runtime.h>

#include "common/base/status_macros.h"
#include "entropy_service/index/cuda/knn_launchers.h"
#endif

namespace kmyriad {

#if defined(KMYRIAD_HAVE_CUDA)
namespace {

absl::Status StatusOf(cudaError_t error, absl::string_view doing) {
  if (error == cudaSuccess) return absl::OkStatus();
  return absl::InternalError(
      absl::StrCat("CUDA, ", doing, ": ", cudaGetErrorString(error)));
}

class CudaKnnDevice final : public KnnDevice {
 public:
  explicit CudaKnnDevice(cudaStream_t stream) : stream_(stream) {}
  ~CudaKnnDevice() override { cudaStreamDestroy(stream_); }

  absl::StatusOr<void*> Allocate(size_t bytes) override {
    void* memory = nullptr;
    const cudaError_t error = cudaMalloc(&memory, bytes);
    if (error == cudaErrorMemoryAllocation) {
      cudaGetLastError();
      return absl::ResourceExhaustedError(
          absl::StrCat("the GPU has no ", bytes,
                       " bytes left: use fewer points or a CPU "
                       "engine"));
    }
    KMYRIAD_RETURN_IF_ERROR(StatusOf(error, "allocating"));
    return memory;
  }
  void Free(void* memory) override {
    cudaStreamSynchronize(stream_);
    cudaFree(memory);
  }
  absl::Status Upload(const void* from, size_t bytes, void* to) override {
    return StatusOf(
        cudaMemcpyAsync(to, from, bytes, cudaMemcpyHostToDevice, stream_),
        "copying to the GPU");
  }
  absl::Status Download(const void* from, size_t bytes, void* to) override {
    KMYRIAD_RETURN_IF_ERROR(StatusOf(
        cudaMemcpyAsync(to, from, bytes, cudaMemcpyDeviceToHost, stream_),
        "copying from the GPU"));
    return StatusOf(cudaStreamSynchronize(stream_), "waiting for a search");
  }
  absl::Status BuildCells(const CellViews& cells, uint64_t* codes,
                          const SortViews& sort) override {
    return StatusOf(LaunchBuildCells(cells, codes, sort, stream_),
                    "building the grid");
  }
  absl::Status SearchCells(const CellViews& cells, const QueryViews& queries,
                           const SortViews& sort,
                           const DevicePeriods& periods) override {
    return StatusOf(LaunchSearchCells(cells, queries, sort, periods, stream_),
                    "searching the grid");
  }
  absl::Status SearchBruteForce(const PointViews& points,
                                const QueryViews& queries,
                                const DevicePeriods& periods) override {
    return StatusOf(LaunchSearchBruteForce(points, queries, periods, stream_),
                    "searching by brute force");
  }

 private:
  const cudaStream_t stream_;
};

}  // namespace

absl::StatusOr<std::shared_ptr<KnnDevice>> CreateCudaKnnDevice() {
  int devices = 0;
  const cudaError_t error = cudaGetDeviceCount(&devices);
  if (error != cudaSuccess || devices == 0) {
    return absl::FailedPreconditionError(absl::StrCat(
        "no CUDA device (",
        error == cudaSuccess ? "none is visible" : cudaGetErrorString(error),
        "): use engine auto, grid, kd_tree or brute_force"));
  }
  cudaStream_t stream = nullptr;
  KMYRIAD_RETURN_IF_ERROR(
      StatusOf(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking),
               "making a stream"));
  return std::make_shared<CudaKnnDevice>(stream);
}
#else
absl::StatusOr<std::shared_ptr<KnnDevice>> CreateCudaKnnDevice() {
  return absl::FailedPreconditionError(
      "this build has no CUDA (no nvcc was found): use engine auto, grid, "
      "kd_tree or brute_force");
}
#endif

}  // namespace kmyriad
