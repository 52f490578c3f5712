#include "actor/physics/simd/step_trace.h"

namespace kmyriad {

const StepKernel<double> kAvx2DoubleStepKernel = StepKernelOf<DoubleLanes>();

}  // namespace kmyriad
