#ifndef KMYRIAD_ACTOR_PHYSICS_SIMD_MASS_MATRIX_H_
#define KMYRIAD_ACTOR_PHYSICS_SIMD_MASS_MATRIX_H_

// Symmetric matrices with the sparsity of the tree: entry (d, a) of the lower
// triangle may be non-zero only for an ancestor a of dof d. They are factored
// as L' D L from the last dof backwards, which fills nothing in
// (reference/physics.md 2.3). Layout: RobotModel::first_ancestor.

#include "actor/physics/simd/kinematics.h"

namespace kmyriad {
inline namespace KMYRIAD_LANES_NAMESPACE {

// In place; the diagonal becomes D, and `inverse` [dofs] is 1 / D.
template <class F>
void Factorize(const RobotOf<F>& robot, F* matrix, F* inverse) {
  for (int32_t d = robot.dofs - 1; d >= 0; --d) {
    const int32_t count = robot.ancestors[d] - 1;
    F* row = matrix + robot.first_ancestor[d];
    const F pivot = F(1) / row[count];
    inverse[d] = pivot;
    const int32_t* ancestor = robot.ancestor + robot.first_ancestor[d];
    for (int32_t k = 0; k < count; ++k) {
      const F scale = row[k] * pivot;
      const F minus = F(0) - scale;
      F* target = matrix + robot.first_ancestor[ancestor[k]];
      for (int32_t j = 0; j <= k; ++j) {
        target[j] = Fma(minus, row[j], target[j]);
      }
    }
    for (int32_t k = 0; k < count; ++k) row[k] = row[k] * pivot;
  }
}

// x := matrix^-1 x, given what Factorize made.
template <class F>
void SolveFactored(const RobotOf<F>& robot, const F* factor, const F* inverse,
                   F* x) {
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
void MultiplyMatrix(const RobotOf<F>& robot, const F* matrix, const F* x,
                    F* y) {
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
F DotOfDofs(const RobotOf<F>& robot, const F* a, const F* b) {
  F sum = a[0] * b[0];
  for (int32_t d = 1; d < robot.dofs; ++d) sum = Fma(a[d], b[d], sum);
  return sum;
}

}  // namespace KMYRIAD_LANES_NAMESPACE
}  // namespace kmyriad

#endif  // KMYRIAD_ACTOR_PHYSICS_SIMD_MASS_MATRIX_H_
