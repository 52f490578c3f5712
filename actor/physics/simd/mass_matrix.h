#ifndef KMYRIAD_ACTOR_PHYSICS_SIMD_MASS_MATRIX_H_
#define KMYRIAD_ACTOR_PHYSICS_SIMD_MASS_MATRIX_H_

// Symmetric matrices with the sparsity of the tree: entry (d, a) of the lower
// triangle may be non-zero only for an ancestor a of dof d. They are factored
// as L' D L from the last dof backwards, which fills nothing in
// (reference/physics.md 2.3). Layout: RobotModel::first_ancestor.

#include "actor/physics/simd/kinematics.h"

namespace kmyriad {
inline namespace KMYRIAD_LANES_NAMESPACE {

// Subtracts scale[k] row[j], j <= k, from the rows of the ancestors k; then the
// row becomes `scale`. kCount is `count` where it is known, which unrolls the
// loops, else -1: short loops of unknown length cost more than their work.
template <int kCount, class F>
KMYRIAD_LANE_FUNCTION void EliminateRow(const RobotOf<F>& robot,
                                        const int32_t* ancestor, int32_t count,
                                        F pivot, F* row, F* matrix) {
  const int32_t length = kCount >= 0 ? kCount : count;
  F scale[kCount > 0 ? kCount : kMaxDofs];
  for (int32_t k = 0; k < length; ++k) scale[k] = row[k] * pivot;
  for (int32_t k = 0; k < length; ++k) {
    const F minus = F(0) - scale[k];
    F* target = matrix + robot.first_ancestor[ancestor[k]];
    for (int32_t j = 0; j <= k; ++j) target[j] = Fma(minus, row[j], target[j]);
  }
  for (int32_t k = 0; k < length; ++k) row[k] = scale[k];
}

// In place; the diagonal becomes D, and `inverse` [dofs] is 1 / D.
template <class F>
KMYRIAD_HOST_DEVICE void Factorize(const RobotOf<F>& robot, F* matrix,
                                   F* inverse) {
  for (int32_t d = robot.dofs - 1; d >= 0; --d) {
    const int32_t count = robot.ancestors[d] - 1;
    F* row = matrix + robot.first_ancestor[d];
    const F pivot = F(1) / row[count];
    inverse[d] = pivot;
    const int32_t* ancestor = robot.ancestor + robot.first_ancestor[d];
    switch (count) {
#define KMYRIAD_ELIMINATE(n)                                        \
  case n:                                                           \
    EliminateRow<n, F>(robot, ancestor, count, pivot, row, matrix); \
    break;
      KMYRIAD_ELIMINATE(0)
      KMYRIAD_ELIMINATE(1)
      KMYRIAD_ELIMINATE(2)
      KMYRIAD_ELIMINATE(3)
      KMYRIAD_ELIMINATE(4)
      KMYRIAD_ELIMINATE(5)
      KMYRIAD_ELIMINATE(6)
      KMYRIAD_ELIMINATE(7)
#undef KMYRIAD_ELIMINATE
      default:
        EliminateRow<-1, F>(robot, ancestor, count, pivot, row, matrix);
    }
  }
}

// x := matrix^-1 x, given what Factorize made.
template <class F>
KMYRIAD_HOST_DEVICE void SolveFactored(const RobotOf<F>& robot, const F* factor,
                                       const F* inverse, F* x) {
  for (int32_t d = robot.dofs - 1; d > 0; --d) {
    const int32_t first = robot.first_ancestor[d];
    const F minus = F(0) - x[d];
    for (int32_t k = 0; k < robot.ancestors[d] - 1; ++k) {
      F* target = x + robot.ancestor[first + k];
      *target = Fma(factor[first + k], minus, *target);
    }
  }
  for (int32_t d = 0; d < robot.dofs; ++d) {
    const int32_t first = robot.first_ancestor[d];
    F sum = x[d] * inverse[d];
    for (int32_t k = 0; k < robot.ancestors[d] - 1; ++k) {
      sum = Fma(F(0) - factor[first + k], x[robot.ancestor[first + k]], sum);
    }
    x[d] = sum;
  }
}

// y := matrix x.
template <class F>
KMYRIAD_HOST_DEVICE void MultiplyMatrix(const RobotOf<F>& robot,
                                        const F* matrix, const F* x, F* y) {
  for (int32_t d = 0; d < robot.dofs; ++d) {
    const int32_t first = robot.first_ancestor[d];
    const int32_t count = robot.ancestors[d] - 1;
    F sum = matrix[first + count] * x[d];
    for (int32_t k = 0; k < count; ++k) {
      const int32_t a = robot.ancestor[first + k];
      sum = Fma(matrix[first + k], x[a], sum);
      y[a] = Fma(matrix[first + k], x[d], y[a]);
    }
    y[d] = sum;
  }
}

template <class F>
KMYRIAD_HOST_DEVICE F DotOfDofs(const RobotOf<F>& robot, const F* a,
                                const F* b) {
  F sum = a[0] * b[0];
  for (int32_t d = 1; d < robot.dofs; ++d) sum = Fma(a[d], b[d], sum);
  return sum;
}

}  // namespace KMYRIAD_LANES_NAMESPACE
}  // namespace kmyriad

#endif  // KMYRIAD_ACTOR_PHYSICS_SIMD_MASS_MATRIX_H_
