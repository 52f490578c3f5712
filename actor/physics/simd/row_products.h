#ifndef KMYRIAD_ACTOR_PHYSICS_SIMD_ROW_PRODUCTS_H_
#define KMYRIAD_ACTOR_PHYSICS_SIMD_ROW_PRODUCTS_H_

// Passes over all constraint rows of a block.

#include "actor/physics/simd/rows.h"

namespace kmyriad {
inline namespace KMYRIAD_LANES_NAMESPACE {

// Calls `visit(weight, reference, residual, change)` for every row.
template <class F, class Visit>
KMYRIAD_LANE_FUNCTION void ForEachRow(const StepScope<F>& scope, Visit visit) {
  StepWorkspace<F>& w = scope.w;
  for (int32_t k = 0; k < scope.robot.limits; ++k) {
    LimitRow<F>& row = w.limit[k];
    if (row.lanes == 0) continue;
    visit(row.weight, row.reference, row.residual, row.change);
  }
  for (uint32_t s = 0; s < w.slots; ++s) {
    ContactSlot<F>& slot = w.slot[s];
    if (slot.row_lanes == 0) continue;
    for (int k = 0; k < 4; ++k) {
      visit(slot.weight, slot.reference[k], slot.residual[k], slot.change[k]);
    }
  }
}

// Writes J x to residual - the field `change` if `to_change` - of every row.
template <class F>
KMYRIAD_HOST_DEVICE void MultiplyRows(const StepScope<F>& scope, const F* x,
                                      bool to_change) {
  StepWorkspace<F>& w = scope.w;
  for (int32_t k = 0; k < scope.robot.limits; ++k) {
    LimitRow<F>& row = w.limit[k];
    if (row.lanes == 0) continue;
    (to_change ? row.change : row.residual) =
        row.sign * x[scope.robot.limit[k].dof];
  }
  for (uint32_t s = 0; s < w.slots; ++s) {
    ContactSlot<F>& slot = w.slot[s];
    if (slot.row_lanes == 0) continue;
    MultiplyEdges(scope.robot.dofs, slot, x,
                  to_change ? slot.change : slot.residual);
  }
}

// Sets the residuals at `a` and returns the rows' part of the cost.
template <class F>
KMYRIAD_HOST_DEVICE F PlaceRows(const StepScope<F>& scope, const F* a) {
  MultiplyRows(scope, a, false);
  F cost = F(0);
  ForEachRow(scope, [&](F weight, F reference, F& residual, F&) {
    residual = residual - reference;
    const F violated = Min(residual, F(0));
    cost = Fma(weight * violated, violated, cost);
  });
  return cost;
}

}  // namespace KMYRIAD_LANES_NAMESPACE
}  // namespace kmyriad

#endif  // KMYRIAD_ACTOR_PHYSICS_SIMD_ROW_PRODUCTS_H_
