#include "actor/physics/simd/step_trace.h"

namespace kmyriad {

const StepKernel<double> kScalarDoubleStepKernel = StepKernelOf<DoubleLanes>();

}  // namespace kmyriad
