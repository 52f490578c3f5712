#include <utility>

#include "actor/physics/cuda/step_launchers.h"
#include "common/device/cuda/cuda_device.h"
#include "tests/actor/physics/cuda/step_place.h"

namespace kmyriad {

StepPlace MakeGpuPlace() {
  auto created = CudaDevice::Create();
  if (!created.ok()) return {};
  std::shared_ptr<CudaDevice> gpu = *std::move(created);
  const auto step = [gpu](const auto& view) {
    return CudaStatus(LaunchSteps(view, gpu->stream()), "stepping robots");
  };
  return {gpu, step, step};
}

}  // namespace kmyriad
