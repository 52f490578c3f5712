#include "tests/benchmark/physics_stages/counting_lanes.h"
//
#include "actor/physics/simd/step_trace.h"

namespace kmyriad {

const StepKernel<float> kCountingStepKernel =
    StepKernelOf<CountingLanes, CountedStages>();

}  // namespace kmyriad
