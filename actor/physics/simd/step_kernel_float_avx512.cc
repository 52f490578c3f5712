#include "actor/physics/simd/step_trace.h"

namespace kmyriad {

const StepKernel<float> kAvx512FloatStepKernel = StepKernelOf<FloatLanes>();

}  // namespace kmyriad
