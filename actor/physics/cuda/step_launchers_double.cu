#define KMYRIAD_LANES_LEVEL 3
#include "actor/physics/cuda/step_launchers.h"
#include "actor/physics/cuda/step_robots.h"
#include "common/device/device_block.cuh"

namespace kmyriad {

int LaunchSteps(const StepView<double>& view, void* stream) {
  DeviceStream device(static_cast<cudaStream_t>(stream));
  EnqueueSteps<kStepThreads>(view, device);
  return static_cast<int>(device.error());
}

}  // namespace kmyriad
