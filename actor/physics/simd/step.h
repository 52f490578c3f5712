#ifndef KMYRIAD_ACTOR_PHYSICS_SIMD_STEP_H_
#define KMYRIAD_ACTOR_PHYSICS_SIMD_STEP_H_

// The whole step (reference/physics.md 2.1, 2.8): forward dynamics, then
// implicitfast - which is Euler with implicit damping for these robots - or the
// classical Runge-Kutta scheme of fourth order.

#include "actor/physics/simd/dynamics.h"
#include "actor/physics/simd/newton.h"

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
    const F value = Min(Max(Load(control), F(motor.low)), F(motor.high));
    w.motor_force[motor.dof] =
        Fma(F(motor.gear), value, w.motor_force[motor.dof]);
  }
}

// Accelerations at the workspace's state.
template <class F>
KMYRIAD_HOST_DEVICE void Evaluate(const StepScope<F>& scope) {
  StepWorkspace<F>& w = scope.w;
  const auto& robot = scope.robot;
  const uint32_t lanes = ~(scope.block.bad >> scope.first_lane) & kAllLanes<F>;
  PlaceLinks(robot, w);
  PlaceGeoms(robot, w);
  ExpressAtCenter(robot, w);
  ComputeMassMatrix(robot, w);
  ComputeVelocities(robot, w);
  ComputeBias(robot, w);
  ComputeSmoothForce(robot, w);
  for (int32_t k = 0; k < robot.mass_entries; ++k) w.factor[k] = w.mass[k];
  Factorize(robot, w.factor, w.inverse_pivot);
  for (int32_t d = 0; d < robot.dofs; ++d) {
    w.smooth_acceleration[d] = w.smooth_force[d];
  }
  SolveFactored(robot, w.factor, w.inverse_pivot, w.smooth_acceleration);

  w.slots = w.row_lanes = 0;
  for (uint32_t& count : w.contacts) count = 0;
  FindPlaneContacts(scope, lanes);
  FindBoxContacts(scope, lanes);
  w.slot = SlotsOf(scope);
  scope.block.counters.contact_rounds += w.slots;
  MakeLimitRows(scope, lanes);
  MakeContactRows(scope);
  SolveConstraints(scope, lanes);
  for (int i = 0; i < LaneTraits<F>::kLanes; ++i) {
    scope.block.counters.contacts += w.contacts[i];
    scope.block.counters.newton_iterations += w.iterations[i];
    if (w.contacts[i] > kFastSlots) ++scope.block.counters.enlarged;
  }
}

// q := from (+) h v, with the low parts of a free root's position.
template <class F>
KMYRIAD_HOST_DEVICE void Advance(const RobotOf<F>& robot, const F* from,
                                 const F* from_low, const F* v, F h, F* q,
                                 F* low) {
  for (int32_t k = 0; k < robot.joints; ++k) {
    const auto& joint = robot.joint[k];
    const int32_t p = joint.position, d = joint.dof;
    if (joint.kind != JointKind::kFree) {
      q[p] = Fma(h, v[d], from[p]);
      continue;
    }
    for (int i = 0; i < 3; ++i) {
      if constexpr (kIsDouble<F>) {
        q[p + i] = Fma(h, v[d + i], from[p + i]);
      } else {
        // The rounding error of a sum, exactly (Knuth's two-sum).
        const F old = from[p + i], way = Fma(h, v[d + i], from_low[i]);
        const F sum = old + way, moved = sum - old;
        low[i] = (old - (sum - moved)) + (way - moved);
        q[p + i] = sum;
      }
    }
    Vector3<F> axis = {{v[d + 3], v[d + 4], v[d + 5]}};
    const F angle = h * Normalize(&axis);
    F turn[4], orientation[4];
    QuaternionOfTurn(axis, angle, turn);
    for (int i = 0; i < 4; ++i) orientation[i] = from[p + 3 + i];
    NormalizeQuaternion(orientation);
    MultiplyQuaternions(orientation, turn, q + p + 3);
  }
}

template <class F>
KMYRIAD_HOST_DEVICE void StepImplicitFast(const StepScope<F>& scope) {
  StepWorkspace<F>& w = scope.w;
  const auto& robot = scope.robot;
  const ScalarOf<F> h = robot.timestep;
  Evaluate(scope);
  const F* acceleration = w.acceleration_now;
  if (robot.damped) {
    for (int32_t k = 0; k < robot.mass_entries; ++k) w.factor[k] = w.mass[k];
    for (int32_t d = 0; d < robot.dofs; ++d) {
      F* diagonal = w.factor + robot.first_ancestor[d] + robot.ancestors[d] - 1;
      *diagonal = *diagonal + F(h * robot.damping[d]);
      // At the minimum M a is all forces together.
      w.search[d] = w.mass_times[d];
    }
    Factorize(robot, w.factor, w.inverse_pivot);
    SolveFactored(robot, w.factor, w.inverse_pivot, w.search);
    acceleration = w.search;
  }
  for (int32_t d = 0; d < robot.dofs; ++d) {
    w.v[d] = Fma(F(h), acceleration[d], w.v[d]);
  }
  Advance(robot, w.q, w.q_low, w.v, F(h), w.q, w.q_low);
}

template <class F>
KMYRIAD_HOST_DEVICE void StepRungeKutta(const StepScope<F>& scope) {
  using Real = ScalarOf<F>;
  StepWorkspace<F>& w = scope.w;
  const auto& robot = scope.robot;
  const Real h = robot.timestep;
  constexpr Real kAhead[3] = {Real(0.5), Real(0.5), Real(1)};
  constexpr Real kWeight[4] = {Real(1) / 6, Real(1) / 3, Real(1) / 3,
                               Real(1) / 6};
  for (int32_t i = 0; i < robot.positions; ++i) w.q_start[i] = w.q[i];
  for (int i = 0; i < 3; ++i) w.q_low_start[i] = w.q_low[i];
  for (int32_t d = 0; d < robot.dofs; ++d) {
    w.v_start[d] = w.v[d];
    w.v_sum[d] = w.a_sum[d] = F(0);
  }
  for (int stage = 0; stage < 4; ++stage) {
    Evaluate(scope);
    for (int32_t d = 0; d < robot.dofs; ++d) {
      w.v_sum[d] = Fma(F(kWeight[stage]), w.v[d], w.v_sum[d]);
      w.a_sum[d] = Fma(F(kWeight[stage]), w.acceleration_now[d], w.a_sum[d]);
    }
    if (stage == 3) break;
    const F ahead = F(kAhead[stage] * h);
    Advance(robot, w.q_start, w.q_low_start, w.v, ahead, w.q, w.q_low);
    for (int32_t d = 0; d < robot.dofs; ++d) {
      w.v[d] = Fma(ahead, w.acceleration_now[d], w.v_start[d]);
    }
  }
  Advance(robot, w.q_start, w.q_low_start, w.v_sum, F(h), w.q, w.q_low);
  for (int32_t d = 0; d < robot.dofs; ++d) {
    w.v[d] = Fma(F(h), w.a_sum[d], w.v_start[d]);
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
    w.q[i] = Load(block.q + kStepLanes * i + scope.first_lane);
  }
  for (int i = 0; i < 3; ++i) {
    w.q_low[i] = Load(block.q_low + kStepLanes * i + scope.first_lane);
  }
  for (int32_t d = 0; d < scope.robot.dofs; ++d) {
    w.v[d] = Load(block.v + kStepLanes * d + scope.first_lane);
    w.warm[d] = Load(block.warm + kStepLanes * d + scope.first_lane);
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

template <class F>
KMYRIAD_HOST_DEVICE void TakeSubsteps(const StepScope<F>& scope,
                                      uint32_t substeps) {
  StepWorkspace<F>& w = scope.w;
  for (uint32_t k = 0; k < substeps; ++k) {
    if (scope.robot.runge_kutta) {
      StepRungeKutta(scope);
    } else {
      StepImplicitFast(scope);
    }
    for (int32_t d = 0; d < scope.robot.dofs; ++d) {
      w.warm[d] = w.acceleration_now[d];
    }
    scope.block.bad |= (~ValidLanes(scope) & kAllLanes<F>) << scope.first_lane;
  }
}

template <class F>
void StepLanes(const RobotModel<ScalarOf<F>>& robot,
               StepBlock<ScalarOf<F>>* block, uint32_t first_lane,
               uint32_t substeps) {
  const uint32_t group = first_lane / LaneTraits<F>::kLanes;
  auto& w = *static_cast<StepWorkspace<F>*>(block->workspace[group]);
  const StepScope<F> scope = {robot, *block, w, first_lane, group};
  LoadState(scope);
  TakeSubsteps(scope, substeps);
  StoreState(scope);
}

}  // namespace KMYRIAD_LANES_NAMESPACE
}  // namespace kmyriad

#endif  // KMYRIAD_ACTOR_PHYSICS_SIMD_STEP_H_
