#include "actor/physics/simd/step_trace.h"

namespace kmyriad {

const StepKernel<double> kAvx512DoubleStepKernel = StepKernelOf<DoubleLanes>();

}  // namespace kmyriad
