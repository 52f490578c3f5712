#ifndef KMYRIAD_TESTS_ACTOR_PHYSICS_CUDA_DEVICE_SUBJECT_H_
#define KMYRIAD_TESTS_ACTOR_PHYSICS_CUDA_DEVICE_SUBJECT_H_

#include <mujoco/mujoco.h>

#include <memory>
#include <vector>

#include "tests/actor/physics/cuda/step_place.h"
#include "tests/actor/physics/parity/parity_step.h"

namespace kmyriad {

// The step kernels under comparison with the oracle. State and acceleration
// after a step are the kernels'; they export no stages, so contacts and rows
// are those of the stepper on the host. `Real` is float or double.
template <class Real>
std::unique_ptr<ParitySubject> MakeDeviceSubject(const mjModel& model,
                                                 StepPlace place);

extern template std::unique_ptr<ParitySubject> MakeDeviceSubject<float>(
    const mjModel& model, StepPlace place);
extern template std::unique_ptr<ParitySubject> MakeDeviceSubject<double>(
    const mjModel& model, StepPlace place);

}  // namespace kmyriad

#endif  // KMYRIAD_TESTS_ACTOR_PHYSICS_CUDA_DEVICE_SUBJECT_H_
