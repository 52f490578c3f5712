#define KMYRIAD_LANES_LEVEL 3
#include "actor/physics/cuda/step_launchers.h"
#include "actor/rollout/cuda/segment_kernels.h"
#include "actor/rollout/cuda/segment_launchers.h"
#include "common/device/device_block.cuh"

namespace kmyriad {

int LaunchSegment(const SegmentView& view, void* stream) {
  DeviceStream device(static_cast<cudaStream_t>(stream));
  int error = 0;
  EnqueueSegment(view, device, [&](const StepView<float>& steps) {
    if (error == 0) error = LaunchSteps(steps, stream);
  });
  return error != 0 ? error : static_cast<int>(device.error());
}

}  // namespace kmyriad
