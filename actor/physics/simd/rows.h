#ifndef KMYRIAD_ACTOR_PHYSICS_SIMD_ROWS_H_
#define KMYRIAD_ACTOR_PHYSICS_SIMD_ROWS_H_

// Constraint rows: joint limits and the friction pyramids of contacts
// (reference/physics.md 2.6).

#include "actor/physics/simd/contacts.h"

namespace kmyriad {
inline namespace KMYRIAD_LANES_NAMESPACE {

template <class F>
struct RowConstants {
  F stiffness, damping, impedance_min, impedance_max, width, midpoint, linear;
};

// How strongly a row acts at `violation` = dist - margin.
template <class F>
KMYRIAD_HOST_DEVICE F Impedance(const RowConstants<F>& row, F violation) {
  const F x = Min(Magnitude(violation) / row.width, F(1));
  const F rest = F(1) - x;
  const F below = (x * x) / row.midpoint;
  const F above = F(1) - (rest * rest) / (F(1) - row.midpoint);
  F y = Select(Less(row.midpoint, x), above, below);
  y = Select(Less(F(0.5), row.linear), x, y);
  return Fma(y, row.impedance_max - row.impedance_min, row.impedance_min);
}

// R of a row whose inverse inertia is estimated as `inverse_weight`.
template <class F>
KMYRIAD_LANE_FUNCTION F Regularizer(F impedance, F inverse_weight) {
  const F r = ((F(1) - impedance) / impedance) * inverse_weight;
  return Max(r, TinyLength<F>());
}

template <class F>
KMYRIAD_HOST_DEVICE void MakeLimitRows(const StepScope<F>& scope,
                                       uint32_t lanes) {
  using Real = ScalarOf<F>;
  StepWorkspace<F>& w = scope.w;
  for (int32_t k = 0; k < scope.robot.limits; ++k) {
    const auto& limit = scope.robot.limit[k];
    LimitRow<F>& row = w.limit[k];
    const F q = w.q[limit.position];
    const F below = q - F(limit.low), above = F(limit.high) - q;
    const F margin = F(limit.margin);
    const MaskOf<F> low = Less(below, margin);
    const MaskOf<F> active = (low | Less(above, margin)) & MaskOfBits<F>(lanes);
    row.lanes = BitsOfMask(active);
    w.row_lanes |= row.lanes;
    if (row.lanes == 0) continue;
    const RowConstants<F> constants = {
        F(limit.row.stiffness),     F(limit.row.damping),
        F(limit.row.impedance_min), F(limit.row.impedance_max),
        F(limit.row.width),         F(limit.row.midpoint),
        F(limit.row.linear)};
    const F violation = Select(low, below, above) - margin;
    const F impedance = Impedance(constants, violation);
    row.sign = Select(active, Select(low, F(1), F(-1)), F(0));
    const F weight =
        F(1) / Regularizer(impedance, F(Real(limit.inverse_weight)));
    row.weight = Select(active, weight, F(0));
    const F pull = constants.stiffness * impedance * violation;
    const F reference =
        Fma(F(0) - constants.damping, row.sign * w.v[limit.dof], F(0) - pull);
    row.reference = Select(active, reference, F(0));
  }
}

template <class F>
KMYRIAD_HOST_DEVICE void MakeJacobian(const StepScope<F>& scope,
                                      ContactSlot<F>& slot) {
  StepWorkspace<F>& w = scope.w;
  const Vector3<F> normal = {{LoadAs<F>(slot.normal[0]),
                              LoadAs<F>(slot.normal[1]),
                              LoadAs<F>(slot.normal[2])}};
  const Vector3<F> seed = {{LoadAs<F>(slot.seed[0]), LoadAs<F>(slot.seed[1]),
                            LoadAs<F>(slot.seed[2])}};
  Vector3<F> frame[3];
  CompleteFrame(normal, seed, frame);
  const F side = LoadAs<F>(slot.side);
  Vector3<F> arm;
  for (int i = 0; i < 3; ++i) {
    for (int k = 0; k < 3; ++k) {
      slot.frame[k][i] = frame[k][i];
      frame[k][i] = frame[k][i] * side;
    }
    arm[i] = LoadAs<F>(slot.position[i]) - w.center[i];
  }
  for (int32_t d = 0; d < scope.robot.dofs; ++d) {
    const uint32_t lanes = slot.dof_lanes[d] & slot.row_lanes;
    if (lanes == 0) {
      for (int k = 0; k < 3; ++k) slot.jacobian[k][d] = F(0);
      continue;
    }
    const Vector3<F> motion =
        Add(LinearPart(w.axis[d]), Cross(AngularPart(w.axis[d]), arm));
    const MaskOf<F> moved = MaskOfBits<F>(lanes);
    for (int k = 0; k < 3; ++k) {
      const F entry = Fma(frame[k][2], motion[2],
                          Fma(frame[k][1], motion[1], frame[k][0] * motion[0]));
      slot.jacobian[k][d] = Select(moved, entry, F(0));
    }
  }
}

// The four edges of a pyramid from its normal and tangents.
template <class F>
KMYRIAD_LANE_FUNCTION void EdgesOf(F friction, const F parts[3], F edges[4]) {
  edges[0] = Fma(friction, parts[1], parts[0]);
  edges[1] = Fma(F(0) - friction, parts[1], parts[0]);
  edges[2] = Fma(friction, parts[2], parts[0]);
  edges[3] = Fma(F(0) - friction, parts[2], parts[0]);
}

// J x by edge.
template <class F>
KMYRIAD_LANE_FUNCTION void MultiplyEdges(int32_t dofs,
                                         const ContactSlot<F>& slot, const F* x,
                                         F edges[4]) {
  F parts[3];
  for (int k = 0; k < 3; ++k) parts[k] = slot.jacobian[k][0] * x[0];
  for (int32_t d = 1; d < dofs; ++d) {
    for (int k = 0; k < 3; ++k) {
      parts[k] = Fma(slot.jacobian[k][d], x[d], parts[k]);
    }
  }
  EdgesOf(LoadAs<F>(slot.friction), parts, edges);
}

template <class F>
KMYRIAD_HOST_DEVICE void MakeContactRows(const StepScope<F>& scope) {
  using Real = ScalarOf<F>;
  StepWorkspace<F>& w = scope.w;
  for (uint32_t s = 0; s < w.slots; ++s) {
    ContactSlot<F>& slot = w.slot[s];
    if (slot.row_lanes == 0) continue;
    // Lanes without a row hold what was there before: clear what is computed.
    const MaskOf<F> rows = MaskOfBits<F>(slot.row_lanes);
    MakeJacobian(scope, slot);
    const RowConstants<F> constants = {
        LoadAs<F>(slot.stiffness),     LoadAs<F>(slot.damping),
        LoadAs<F>(slot.impedance_min), LoadAs<F>(slot.impedance_max),
        LoadAs<F>(slot.width),         LoadAs<F>(slot.midpoint),
        LoadAs<F>(slot.linear)};
    const F violation = LoadAs<F>(slot.distance) - LoadAs<F>(slot.margin);
    const F impedance = Impedance(constants, violation);
    const F friction = LoadAs<F>(slot.friction), square = friction * friction;
    const F weight = LoadAs<F>(slot.inverse_weight);
    const F first = Regularizer(impedance, Fma(square, weight, weight));
    const F ratio = F(Real(2) / scope.robot.impedance_ratio);
    slot.weight = Select(rows, F(1) / (ratio * square * first), F(0));
    F edges[4];
    MultiplyEdges(scope.robot.dofs, slot, w.v, edges);
    const F pull = constants.stiffness * impedance * violation;
    for (int k = 0; k < 4; ++k) {
      const F reference = Fma(F(0) - constants.damping, edges[k], F(0) - pull);
      slot.reference[k] = Select(rows, reference, F(0));
    }
  }
}

}  // namespace KMYRIAD_LANES_NAMESPACE
}  // namespace kmyriad

#endif  // KMYRIAD_ACTOR_PHYSICS_SIMD_ROWS_H_
