#define KMYRIAD_LANES_LEVEL 3
#include "actor/physics/cuda/step_launchers.h"
#include "actor/physics/cuda/step_robots.h"
#include "common/device/device_block.cuh"

namespace kmyriad {
namespace {

constexpr uint32_t kBlockThreads = 64;

template <class Real>
int Launch(const StepView<Real>& view, void* stream) {
  DeviceStream device(static_cast<cudaStream_t>(stream));
  EnqueueSteps<kBlockThreads>(view, device);
  return static_cast<int>(device.error());
}

}  // namespace

int LaunchSteps(const StepView<float>& view, void* stream) {
  return Launch(view, stream);
}
uint64_t GeneralSlotBytesOfFloat() { return GeneralSlotBytes<float>(); }

}  // namespace kmyriad
