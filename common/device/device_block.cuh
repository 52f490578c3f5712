#ifndef KMYRIAD_COMMON_DEVICE_DEVICE_BLOCK_CUH_
#define KMYRIAD_COMMON_DEVICE_DEVICE_BLOCK_CUH_

#include <cuda_runtime.h>

#include <cstddef>
#include <cstdint>

#include "common/device/block.h"

// Kernels of common/device/block.h on a GPU. Only for .cu files.

namespace kmyriad {

template <uint32_t kThreads>
class DeviceBlock {
 public:
  template <typename T>
  class PerThread {
   public:
    __device__ T& operator[](uint32_t /*thread*/) { return value_; }

   private:
    T value_;
  };

  __device__ uint32_t index() const { return blockIdx.x; }
  template <typename T>
  __device__ T* Shared(size_t offset) const {
    extern __shared__ __align__(16) unsigned char shared[];
    return reinterpret_cast<T*>(shared + offset);
  }
  template <typename Phase>
  __device__ void ForEachThread(const Phase& phase) const {
    phase(threadIdx.x);
    if constexpr (kThreads == 32) {
      __syncwarp();
    } else {
      __syncthreads();
    }
  }
  template <typename Phase>
  __device__ bool Any(const Phase& phase) const {
    if constexpr (kThreads == 32) {
      return __any_sync(0xffffffffu, phase(threadIdx.x)) != 0;
    } else {
      return __syncthreads_or(phase(threadIdx.x)) != 0;
    }
  }
};

template <typename Kernel>
__global__ void __launch_bounds__(Kernel::kThreads)
    RunKernel(const __grid_constant__ Kernel kernel) {
  DeviceBlock<Kernel::kThreads> block;
  kernel(block);
}

// What any kernel may use.
inline constexpr size_t kPlainSharedBytes = 48 << 10;

// Enqueues kernels; keeps the first error.
class DeviceStream {
 public:
  explicit DeviceStream(cudaStream_t stream) : stream_(stream) {}

  template <typename Kernel>
  void Launch(const Kernel& kernel, uint32_t blocks, size_t shared_bytes) {
    if (error_ != cudaSuccess || blocks == 0) return;
    if (shared_bytes > kPlainSharedBytes) {
      // More has to be asked for; the device's limit is 99 KB and up.
      error_ = cudaFuncSetAttribute(RunKernel<Kernel>,
                                    cudaFuncAttributeMaxDynamicSharedMemorySize,
                                    static_cast<int>(shared_bytes));
      if (error_ != cudaSuccess) return;
    }
    RunKernel<<<blocks, Kernel::kThreads, shared_bytes, stream_>>>(kernel);
    error_ = cudaGetLastError();
  }
  cudaError_t error() const { return error_; }

 private:
  const cudaStream_t stream_;
  cudaError_t error_ = cudaSuccess;
};

}  // namespace kmyriad

#endif  // KMYRIAD_COMMON_DEVICE_DEVICE_BLOCK_CUH_
