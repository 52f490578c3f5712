#ifndef KMYRIAD_ACTOR_PHYSICS_CUDA_ROBOT_STATE_H_
#define KMYRIAD_ACTOR_PHYSICS_CUDA_ROBOT_STATE_H_

// One robot's state in the memory of a StepView, for host and device. What is
// rounded, and how, is what Stepper::Reset and Read (../simd) do.

#include "actor/physics/cuda/step_view.h"
#include "common/math/lanes.h"

namespace kmyriad {
inline namespace KMYRIAD_LANES_NAMESPACE {

// Where a number of robot `index` lies in an array [blocks, fields, 16].
KMYRIAD_HOST_DEVICE inline uint64_t RobotField(uint32_t index, uint32_t fields,
                                               uint32_t field) {
  return (uint64_t{index / kStepLanes} * fields + field) * kStepLanes +
         index % kStepLanes;
}

// As if the robot were new: no warm start, a valid state. q [positions],
// v [dofs].
template <class Real>
KMYRIAD_HOST_DEVICE void PutRobot(const StepView<Real>& view, uint32_t index,
                                  uint32_t positions, uint32_t dofs,
                                  bool free_root, const double* q,
                                  const double* v) {
  for (uint32_t i = 0; i < positions; ++i) {
    const Real rounded = static_cast<Real>(q[i]);
    view.q[RobotField(index, positions, i)] = rounded;
    if (i >= 3) continue;
    view.q_low[RobotField(index, 3, i)] =
        free_root ? static_cast<Real>(q[i] - static_cast<double>(rounded))
                  : Real(0);
  }
  for (uint32_t d = 0; d < dofs; ++d) {
    view.v[RobotField(index, dofs, d)] = static_cast<Real>(v[d]);
    view.warm[RobotField(index, dofs, d)] = 0;
  }
  view.bad[index] = 0;
}

// Number `i` of qpos.
template <class Real>
KMYRIAD_HOST_DEVICE double RobotPosition(const StepView<Real>& view,
                                         uint32_t index, uint32_t positions,
                                         uint32_t i) {
  double value = static_cast<double>(view.q[RobotField(index, positions, i)]);
  if (i < 3) value += static_cast<double>(view.q_low[RobotField(index, 3, i)]);
  return value;
}

// Number `d` of qvel.
template <class Real>
KMYRIAD_HOST_DEVICE double RobotVelocity(const StepView<Real>& view,
                                         uint32_t index, uint32_t dofs,
                                         uint32_t d) {
  return static_cast<double>(view.v[RobotField(index, dofs, d)]);
}

}  // namespace KMYRIAD_LANES_NAMESPACE
}  // namespace kmyriad

#endif  // KMYRIAD_ACTOR_PHYSICS_CUDA_ROBOT_STATE_H_
