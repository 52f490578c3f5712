#ifndef KMYRIAD_ACTOR_PHYSICS_SIMD_STEP_H_
#define KMYRIAD_ACTOR_PHYSICS_SIMD_STEP_H_

// The whole step (reference/physics.md 2.1, 2.8): forward dynamics, then
// implicitfast - which is Euler with implicit damping for these robots - or the
// classical Runge-Kutta scheme of fourth order.

#include "actor/physics/simd/dynamics.h"
#include "actor/physics/simd/newton.h"
#include "actor/physics/simd/step_stages.h"
#include "actor/physics/simd/step_state.h"

namespace kmyriad {
inline namespace KMYRIAD_LANES_NAMESPACE {

// Accelerations at the workspace's state.
template <class Stages, class F>
KMYRIAD_HOST_DEVICE void Evaluate(const StepScope<F>& scope) {
  StepWorkspace<F>& w = scope.w;
  const auto& robot = scope.robot;
  const uint32_t lanes = ~(scope.block.bad >> scope.first_lane) & kAllLanes<F>;
  Stages::Enter(StepStage::kKinematics);
  PlaceLinks(robot, w);
  PlaceGeoms(robot, w);
  Stages::Enter(StepStage::kMassMatrix);
  ExpressAtCenter(robot, w);
  ComputeMassMatrix(robot, w);
  Stages::Enter(StepStage::kBias);
  ComputeVelocities(robot, w);
  ComputeBias(robot, w);
  ComputeSmoothForce(robot, w);
  Stages::Enter(StepStage::kFactor);
  for (int32_t k = 0; k < robot.mass_entries; ++k) w.factor[k] = w.mass[k];
  Factorize(robot, w.factor, w.inverse_pivot);
  for (int32_t d = 0; d < robot.dofs; ++d) {
    w.smooth_acceleration[d] = w.smooth_force[d];
  }
  SolveFactored(robot, w.factor, w.inverse_pivot, w.smooth_acceleration);

  Stages::Enter(StepStage::kCollision);
  w.slots = w.row_lanes = 0;
  for (uint32_t& count : w.contacts) count = 0;
  FindPlaneContacts(scope, lanes);
  FindBoxContacts(scope, lanes);
  w.slot = SlotsOf(scope);
  scope.block.counters.contact_rounds += w.slots;
  Stages::Enter(StepStage::kRows);
  MakeLimitRows(scope, lanes);
  MakeContactRows(scope);
  Stages::Enter(StepStage::kSolver);
  SolveConstraints(scope, lanes);
  Stages::Enter(StepStage::kIntegration);
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

template <class Stages, class F>
KMYRIAD_HOST_DEVICE void StepImplicitFast(const StepScope<F>& scope) {
  StepWorkspace<F>& w = scope.w;
  const auto& robot = scope.robot;
  const ScalarOf<F> h = robot.timestep;
  Evaluate<Stages>(scope);
  const F* acceleration = w.acceleration_now;
  if (robot.damped) {
    Stages::Enter(StepStage::kFactor);
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
    Stages::Enter(StepStage::kIntegration);
  }
  for (int32_t d = 0; d < robot.dofs; ++d) {
    w.v[d] = Fma(F(h), acceleration[d], w.v[d]);
  }
  Advance(robot, w.q, w.q_low, w.v, F(h), w.q, w.q_low);
}

template <class Stages, class F>
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
    Evaluate<Stages>(scope);
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

// Stages: who is told of them (step_stages.h).
template <class Stages = UnobservedStages, class F>
KMYRIAD_HOST_DEVICE void TakeSubsteps(const StepScope<F>& scope,
                                      uint32_t substeps) {
  StepWorkspace<F>& w = scope.w;
  for (uint32_t k = 0; k < substeps; ++k) {
    if (scope.robot.runge_kutta) {
      StepRungeKutta<Stages>(scope);
    } else {
      StepImplicitFast<Stages>(scope);
    }
    for (int32_t d = 0; d < scope.robot.dofs; ++d) {
      w.warm[d] = w.acceleration_now[d];
    }
    scope.block.bad |= (~ValidLanes(scope) & kAllLanes<F>) << scope.first_lane;
  }
}

template <class Stages, class F>
void StepLanes(const RobotModel<ScalarOf<F>>& robot,
               StepBlock<ScalarOf<F>>* block, uint32_t first_lane,
               uint32_t substeps) {
  const uint32_t group = first_lane / LaneTraits<F>::kLanes;
  auto& w = *static_cast<StepWorkspace<F>*>(block->workspace[group]);
  const StepScope<F> scope = {robot, *block, w, first_lane, group};
  Stages::Enter(StepStage::kIntegration);
  LoadState(scope);
  TakeSubsteps<Stages>(scope, substeps);
  StoreState(scope);
  Stages::Leave();
}

}  // namespace KMYRIAD_LANES_NAMESPACE
}  // namespace kmyriad

#endif  // KMYRIAD_ACTOR_PHYSICS_SIMD_STEP_H_
