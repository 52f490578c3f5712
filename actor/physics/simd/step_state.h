#ifndef KMYRIAD_ACTOR_PHYSICS_SIMD_STEP_STATE_H_
#define KMYRIAD_ACTOR_PHYSICS_SIMD_STEP_STATE_H_

// States and controls, on their way from a block's memory into the workspace
// and back.

#include "actor/physics/simd/contact_slots.h"

namespace kmyriad {
inline namespace KMYRIAD_LANES_NAMESPACE {

template <class F>
KMYRIAD_HOST_DEVICE void LoadControls(const StepScope<F>& scope) {
  using Real = ScalarOf<F>;
  StepWorkspace<F>& w = scope.w;
  for (int32_t d = 0; d < scope.robot.dofs; ++d) w.motor_force[d] = F(0);
  for (int32_t k = 0; k < scope.robot.motors; ++k) {
    const auto& motor = scope.robot.motor[k];
    alignas(64) Real control[LaneTraits<F>::kLanes];
    for (int i = 0; i < LaneTraits<F>::kLanes; ++i) {
      control[i] = scope.block.control[kStepLanes * k + scope.first_lane + i];
      if (!(control[i] >= Real(-1e10) && control[i] <= Real(1e10))) {
        scope.block.bad |= 1u << (scope.first_lane + i);
      }
    }
    const F value = Min(Max(LoadAs<F>(control), F(motor.low)), F(motor.high));
    w.motor_force[motor.dof] =
        Fma(F(motor.gear), value, w.motor_force[motor.dof]);
  }
}

// Lanes in which every number is finite and at most 1e10.
template <class F>
KMYRIAD_HOST_DEVICE uint32_t ValidLanes(const StepScope<F>& scope) {
  const StepWorkspace<F>& w = scope.w;
  const F bound = F(ScalarOf<F>(1e10));
  MaskOf<F> valid = MaskOfBits<F>(kAllLanes<F>);
  for (int32_t i = 0; i < scope.robot.positions; ++i) {
    valid = valid & Less(Magnitude(w.q[i]), bound);
  }
  for (int32_t d = 0; d < scope.robot.dofs; ++d) {
    valid = valid & Less(Magnitude(w.v[d]), bound) &
            Less(Magnitude(w.acceleration_now[d]), bound);
  }
  return BitsOfMask(valid);
}

// From the block's memory into the workspace, controls included.
template <class F>
KMYRIAD_HOST_DEVICE void LoadState(const StepScope<F>& scope) {
  const StepBlock<ScalarOf<F>>& block = scope.block;
  StepWorkspace<F>& w = scope.w;
  for (int32_t i = 0; i < scope.robot.positions; ++i) {
    w.q[i] = LoadAs<F>(block.q + kStepLanes * i + scope.first_lane);
  }
  for (int i = 0; i < 3; ++i) {
    w.q_low[i] = LoadAs<F>(block.q_low + kStepLanes * i + scope.first_lane);
  }
  for (int32_t d = 0; d < scope.robot.dofs; ++d) {
    w.v[d] = LoadAs<F>(block.v + kStepLanes * d + scope.first_lane);
    w.warm[d] = LoadAs<F>(block.warm + kStepLanes * d + scope.first_lane);
  }
  LoadControls(scope);
}

// The way back.
template <class F>
KMYRIAD_HOST_DEVICE void StoreState(const StepScope<F>& scope) {
  const StepBlock<ScalarOf<F>>& block = scope.block;
  const StepWorkspace<F>& w = scope.w;
  for (int32_t i = 0; i < scope.robot.positions; ++i) {
    Store(w.q[i], block.q + kStepLanes * i + scope.first_lane);
  }
  for (int i = 0; i < 3; ++i) {
    Store(w.q_low[i], block.q_low + kStepLanes * i + scope.first_lane);
  }
  for (int32_t d = 0; d < scope.robot.dofs; ++d) {
    Store(w.v[d], block.v + kStepLanes * d + scope.first_lane);
    Store(w.warm[d], block.warm + kStepLanes * d + scope.first_lane);
  }
}

}  // namespace KMYRIAD_LANES_NAMESPACE
}  // namespace kmyriad

#endif  // KMYRIAD_ACTOR_PHYSICS_SIMD_STEP_STATE_H_
