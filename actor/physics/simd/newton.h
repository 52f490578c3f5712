#ifndef KMYRIAD_ACTOR_PHYSICS_SIMD_NEWTON_H_
#define KMYRIAD_ACTOR_PHYSICS_SIMD_NEWTON_H_

// The acceleration that minimises
//   1/2 (a - a_smooth)' M (a - a_smooth) + sum_i 1/2 D_i min(0, J_i a -
//   ref_i)^2
// by Newton's method (reference/physics.md 2.7). Along a search direction the
// derivative is continuous, increasing and piecewise linear, so the line search
// needs no cost and no tolerance of its own. A full step that leaves the set of
// active rows as it is ends at the minimum. Lanes that are done do not change.

#include "actor/physics/simd/mass_matrix.h"
#include "actor/physics/simd/row_products.h"

namespace kmyriad {
inline namespace KMYRIAD_LANES_NAMESPACE {

// Beyond any count that was seen; a lane that meets it is counted.
inline constexpr int kMaxNewtonIterations = 60;
inline constexpr int kMaxLineEvaluations = 12;

// The cheaper of the warm start and the smooth acceleration.
template <class F>
KMYRIAD_HOST_DEVICE void ChooseStart(const StepScope<F>& scope) {
  StepWorkspace<F>& w = scope.w;
  const int32_t dofs = scope.robot.dofs;
  MultiplyMatrix(scope.robot, w.mass, w.warm, w.mass_search);
  F gauss = F(0);
  for (int32_t d = 0; d < dofs; ++d) {
    gauss = Fma(w.warm[d] - w.smooth_acceleration[d],
                w.mass_search[d] - w.smooth_force[d], gauss);
  }
  const F warm_cost = PlaceRows(scope, w.warm) + gauss;
  const F smooth_cost = PlaceRows(scope, w.smooth_acceleration);
  const MaskOf<F> warm = Less(warm_cost, smooth_cost);
  for (int32_t d = 0; d < dofs; ++d) {
    w.acceleration_now[d] = Select(warm, w.warm[d], w.smooth_acceleration[d]);
    w.mass_times[d] = Select(warm, w.mass_search[d], w.smooth_force[d]);
  }
  if (BitsOfMask(warm) != 0) PlaceRows(scope, w.acceleration_now);
}

// Adds the rows' forces to gradient and the active rows to the Hessian, which
// hold those of the smooth part.
template <class F>
KMYRIAD_HOST_DEVICE void AddLimitRows(const StepScope<F>& scope) {
  StepWorkspace<F>& w = scope.w;
  const auto& robot = scope.robot;
  for (int32_t k = 0; k < robot.limits; ++k) {
    const LimitRow<F>& row = w.limit[k];
    if (row.lanes == 0) continue;
    const int32_t d = robot.limit[k].dof;
    const MaskOf<F> active = Less(row.residual, F(0));
    const F weight = Select(active, row.weight, F(0));
    w.gradient[d] = Fma(weight * row.residual, row.sign, w.gradient[d]);
    F* diagonal = w.factor + robot.first_ancestor[d] + robot.ancestors[d] - 1;
    *diagonal = *diagonal + weight * (row.sign * row.sign);
  }
}

template <class F>
KMYRIAD_HOST_DEVICE void AddContactRows(const StepScope<F>& scope,
                                        const ContactSlot<F>& slot) {
  StepWorkspace<F>& w = scope.w;
  const auto& robot = scope.robot;
  const F friction = LoadAs<F>(slot.friction);
  F weight[4], pull[4];
  for (int k = 0; k < 4; ++k) {
    weight[k] = Select(Less(slot.residual[k], F(0)), slot.weight, F(0));
    pull[k] = weight[k] * slot.residual[k];
  }
  const F along[3] = {(pull[0] + pull[1]) + (pull[2] + pull[3]),
                      friction * (pull[0] - pull[1]),
                      friction * (pull[2] - pull[3])};
  // The edges' weights in the basis of normal and tangents: both tangents
  // never meet in an edge.
  const F normal = (weight[0] + weight[1]) + (weight[2] + weight[3]);
  const F mixed[2] = {friction * (weight[0] - weight[1]),
                      friction * (weight[2] - weight[3])};
  const F square = friction * friction;
  const F tangent[2] = {square * (weight[0] + weight[1]),
                        square * (weight[2] + weight[3])};
  for (int32_t d = 0; d < robot.dofs; ++d) {
    if ((slot.dof_lanes[d] & slot.row_lanes) == 0) continue;
    const F j[3] = {slot.jacobian[0][d], slot.jacobian[1][d],
                    slot.jacobian[2][d]};
    w.gradient[d] =
        Fma(along[2], j[2],
            Fma(along[1], j[1], Fma(along[0], j[0], w.gradient[d])));
    const F row[3] = {Fma(mixed[1], j[2], Fma(mixed[0], j[1], normal * j[0])),
                      Fma(tangent[0], j[1], mixed[0] * j[0]),
                      Fma(tangent[1], j[2], mixed[1] * j[0])};
    const int32_t first = robot.first_ancestor[d];
    for (int32_t k = 0; k < robot.ancestors[d]; ++k) {
      const int32_t a = robot.ancestor[first + k];
      w.factor[first + k] =
          Fma(row[2], slot.jacobian[2][a],
              Fma(row[1], slot.jacobian[1][a],
                  Fma(row[0], slot.jacobian[0][a], w.factor[first + k])));
    }
  }
}

// Gradient and search direction at the present acceleration.
template <class F>
KMYRIAD_HOST_DEVICE void FindDirection(const StepScope<F>& scope) {
  StepWorkspace<F>& w = scope.w;
  const auto& robot = scope.robot;
  for (int32_t k = 0; k < robot.mass_entries; ++k) w.factor[k] = w.mass[k];
  for (int32_t d = 0; d < robot.dofs; ++d) {
    w.gradient[d] = (w.mass_times[d] - w.smooth_force[d]) + F(0);
  }
  AddLimitRows(scope);
  for (uint32_t s = 0; s < w.slots; ++s) {
    if (w.slot[s].row_lanes != 0) AddContactRows(scope, w.slot[s]);
  }
  Factorize(robot, w.factor, w.inverse_pivot);
  for (int32_t d = 0; d < robot.dofs; ++d) {
    w.search[d] = F(0) - w.gradient[d];
  }
  SolveFactored(robot, w.factor, w.inverse_pivot, w.search);
}

// Derivative of the cost along the search direction at `step`, and its slope.
template <class F>
KMYRIAD_HOST_DEVICE void EvaluateLine(const StepScope<F>& scope, F step,
                                      F smooth, F curvature, F* derivative,
                                      F* slope) {
  F sum = Fma(step, curvature, smooth), bend = curvature;
  ForEachRow(scope, [&](F weight, F, F residual, F change) {
    const F at = Fma(step, change, residual);
    const F pull = Select(Less(at, F(0)), weight * change, F(0));
    sum = Fma(pull, at, sum);
    bend = Fma(pull, change, bend);
  });
  *derivative = sum;
  *slope = bend;
}

// The step that minimises the cost along the search direction, for lanes in
// which 1 does not.
template <class F>
KMYRIAD_HOST_DEVICE F SearchLine(const StepScope<F>& scope, F smooth,
                                 F curvature, F start, MaskOf<F> open) {
  using Real = ScalarOf<F>;
  F step = F(1), low = F(0), high = F(Real(1e30));
  const F enough = Magnitude(start) * F(Real(kIsDouble<F> ? 1e-10 : 1e-4));
  for (int k = 0; k < kMaxLineEvaluations && BitsOfMask(open) != 0; ++k) {
    F derivative, slope;
    EvaluateLine(scope, step, smooth, curvature, &derivative, &slope);
    const MaskOf<F> rising = Less(F(0), derivative);
    low = Select(rising, low, step);
    high = Select(rising, step, high);
    open = open & Less(enough, Magnitude(derivative));
    F next = step - derivative / slope;
    const MaskOf<F> outside = (!Less(low, next)) | (!Less(next, high));
    next = Select(outside, (low + Min(high, low + F(1))) * F(0.5), next);
    step = Select(open, next, step);
  }
  return step;
}

// Moves the lanes of `live` along the search direction; returns the lanes that
// are done.
template <class F>
KMYRIAD_HOST_DEVICE MaskOf<F> TakeStep(const StepScope<F>& scope,
                                       MaskOf<F> live) {
  using Real = ScalarOf<F>;
  StepWorkspace<F>& w = scope.w;
  const auto& robot = scope.robot;
  MultiplyMatrix(robot, w.mass, w.search, w.mass_search);
  MultiplyRows(scope, w.search, true);
  F smooth = F(0);
  for (int32_t d = 0; d < robot.dofs; ++d) {
    smooth = Fma(w.search[d], w.mass_times[d] - w.smooth_force[d], smooth);
  }
  const F curvature = DotOfDofs(robot, w.search, w.mass_search);
  const F start = DotOfDofs(robot, w.search, w.gradient);
  MaskOf<F> changed = MaskOfBits<F>(0);
  ForEachRow(scope, [&](F, F, F residual, F change) {
    changed = changed | (Less(residual, F(0)) ^ Less(residual + change, F(0)));
  });
  // No way down: at the minimum, or not a number.
  const MaskOf<F> stuck = !Less(start, F(0));
  const MaskOf<F> search = live & changed & !stuck;
  F step = F(1);
  if (BitsOfMask(search) != 0) {
    step = SearchLine(scope, smooth, curvature, start, search);
  }
  step = Select(live & !stuck, step, F(0));
  const F size = DotOfDofs(robot, w.acceleration_now, w.mass_times);
  const F small = F(Real(kIsDouble<F> ? 1e-28 : 1e-12));
  const MaskOf<F> settled = Less(curvature, small * size);
  for (int32_t d = 0; d < robot.dofs; ++d) {
    w.acceleration_now[d] = Fma(step, w.search[d], w.acceleration_now[d]);
    w.mass_times[d] = Fma(step, w.mass_search[d], w.mass_times[d]);
  }
  ForEachRow(scope, [&](F, F, F& residual, F change) {
    residual = Fma(step, change, residual);
  });
  return stuck | settled | !changed;
}

// Solves for `acceleration_now`, with mass_times = M a beside it.
template <class F>
KMYRIAD_HOST_DEVICE void SolveConstraints(const StepScope<F>& scope,
                                          uint32_t lanes) {
  StepWorkspace<F>& w = scope.w;
  for (uint32_t& count : w.iterations) count = 0;
  uint32_t live = w.row_lanes & lanes;
  if (live == 0) {
    for (int32_t d = 0; d < scope.robot.dofs; ++d) {
      w.acceleration_now[d] = w.smooth_acceleration[d];
      w.mass_times[d] = w.smooth_force[d];
    }
    return;
  }
  ChooseStart(scope);
  // Lanes without rows keep the smooth solution to the bit.
  const MaskOf<F> rows = MaskOfBits<F>(live);
  for (int32_t d = 0; d < scope.robot.dofs; ++d) {
    w.acceleration_now[d] =
        Select(rows, w.acceleration_now[d], w.smooth_acceleration[d]);
    w.mass_times[d] = Select(rows, w.mass_times[d], w.smooth_force[d]);
  }
  for (int k = 0; k < kMaxNewtonIterations && live != 0; ++k) {
    FindDirection(scope);
    for (uint32_t left = live; left != 0; left &= left - 1) {
      ++w.iterations[LowestBit(left)];
    }
    live &= ~BitsOfMask(TakeStep(scope, MaskOfBits<F>(live)));
    ++scope.block.counters.newton_rounds;
  }
  scope.block.counters.unconverged += CountBits(live);
}

}  // namespace KMYRIAD_LANES_NAMESPACE
}  // namespace kmyriad

#endif  // KMYRIAD_ACTOR_PHYSICS_SIMD_NEWTON_H_
