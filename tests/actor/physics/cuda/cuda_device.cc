#include <cuda_runtime.h>

#include "actor/physics/cuda/step_launchers.h"
#include "common/base/check.h"
#include "tests/actor/physics/cuda/step_device.h"

namespace kmyriad {
namespace {

class CudaDevice final : public StepDevice {
 public:
  std::shared_ptr<void> Allocate(size_t bytes) override {
    void* memory = nullptr;
    KMYRIAD_CHECK(cudaMalloc(&memory, bytes + 1) == cudaSuccess);
    return {memory, [](void* p) { cudaFree(p); }};
  }
  void Upload(void* to, const void* from, size_t bytes) override {
    KMYRIAD_CHECK(cudaMemcpy(to, from, bytes, cudaMemcpyHostToDevice) ==
                  cudaSuccess);
  }
  void Download(void* to, const void* from, size_t bytes) override {
    KMYRIAD_CHECK(cudaMemcpy(to, from, bytes, cudaMemcpyDeviceToHost) ==
                  cudaSuccess);
  }
  void Step(const StepView<float>& view) override {
    KMYRIAD_CHECK(LaunchSteps(view, nullptr) == 0);
    KMYRIAD_CHECK(cudaDeviceSynchronize() == cudaSuccess);
  }
  void Step(const StepView<double>&) override { KMYRIAD_CHECK(false); }
  size_t GeneralSlotBytes(bool) const override {
    return GeneralSlotBytesOfFloat();
  }
};

}  // namespace

std::unique_ptr<StepDevice> MakeCudaDevice() {
  int count = 0;
  if (cudaGetDeviceCount(&count) != cudaSuccess || count == 0) return nullptr;
  return std::make_unique<CudaDevice>();
}

}  // namespace kmyriad
