#include "actor/physics/simd/step_trace.h"
#include "tests/benchmark/physics_stages/stage_kernels.h"

namespace kmyriad {

const StepKernel<float> kTimedAvx2StepKernel =
    StepKernelOf<FloatLanes, TimedStages>();

}  // namespace kmyriad
