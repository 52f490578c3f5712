#include "actor/physics/simd/step_trace.h"

namespace kmyriad {

const StepKernel<float> kScalarFloatStepKernel = StepKernelOf<FloatLanes>();

}  // namespace kmyriad
