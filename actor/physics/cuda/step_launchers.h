#ifndef KMYRIAD_ACTOR_PHYSICS_CUDA_STEP_LAUNCHERS_H_
#define KMYRIAD_ACTOR_PHYSICS_CUDA_STEP_LAUNCHERS_H_

#include "actor/physics/cuda/step_view.h"

namespace kmyriad {

// Enqueues the steps of a view on a CUDA stream (cudaStream_t); allocates
// nothing and does not wait. Returns a cudaError_t, 0 for success.
int LaunchSteps(const StepView<float>& view, void* stream);
// For parity with the oracle; in a library of its own, since it compiles for
// minutes.
int LaunchSteps(const StepView<double>& view, void* stream);

}  // namespace kmyriad

#endif  // KMYRIAD_ACTOR_PHYSICS_CUDA_STEP_LAUNCHERS_H_
