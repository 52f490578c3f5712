#ifndef KMYRIAD_TESTS_ACTOR_PHYSICS_PARITY_OPTIMALITY_H_
#define KMYRIAD_TESTS_ACTOR_PHYSICS_PARITY_OPTIMALITY_H_

#include <vector>

#include "tests/actor/physics/parity/parity_step.h"

namespace kmyriad {

// How far an acceleration can be from the solution of a constraint problem.
struct OptimalityCertificate {
  double cost = 0;
  // Upper bound of cost - minimum.
  double excess = 0;
  // Upper bound of the distance to the solution in the norm of M, relative to
  // 1 + the norm of the smooth acceleration.
  double distance = 0;
};

// Judges an acceleration [dofs] by the problem alone, whichever engine found
// it. The cost is strongly convex with a curvature of at least M, so with its
// gradient g = M a - qfrc_smooth - J' f (f_i = -D_i min(0, J_i a - aref_i)):
//   cost - minimum <= 1/2 g' M^-1 g,   |a - solution|_M <= |g|_(M^-1).
// M must be positive definite; everything is computed in double.
OptimalityCertificate Certify(const ConstraintProblem& problem,
                              const std::vector<double>& qacc);

}  // namespace kmyriad

#endif  // KMYRIAD_TESTS_ACTOR_PHYSICS_PARITY_OPTIMALITY_H_
