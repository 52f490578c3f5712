#include "tests/actor/physics/parity/optimality.h"

#include <algorithm>
#include <cmath>

#include "gtest/gtest.h"

namespace kmyriad {
namespace {

// One dof of mass 2 pushed by -4, and a row that wants a >= 1:
//   (a + 2)^2 + 3/2 min(0, a - 1)^2, least at a = -1/5, where it is 5.4.
ConstraintProblem OneDof() {
  ConstraintProblem problem;
  problem.dofs = 1;
  problem.mass = {2};
  problem.qfrc_smooth = {-4};
  problem.jacobian = {1};
  problem.d = {3};
  problem.r = {1.0 / 3};
  problem.aref = {1};
  return problem;
}

TEST(CertifyTest, TheSolutionHasTheLeastCostAndNoExcess) {
  const OptimalityCertificate c = Certify(OneDof(), {-0.2});
  EXPECT_NEAR(c.cost, 1.8 * 1.8 + 1.5 * 1.2 * 1.2, 1e-15);
  EXPECT_NEAR(c.excess, 0, 1e-30);
  EXPECT_NEAR(c.distance, 0, 1e-15);
}

TEST(CertifyTest, BoundsTheExcessAndTheDistanceFromAbove) {
  const double least = Certify(OneDof(), {-0.2}).cost;
  for (const double a : {-3.0, -1.0, -0.21, -0.2001, 0.0, 0.9, 1.5, 40.0}) {
    const OptimalityCertificate c = Certify(OneDof(), {a});
    EXPECT_GE(c.excess, c.cost - least) << a;
    EXPECT_GE(c.distance * (1 + std::sqrt(8.0)),
              std::sqrt(2.0) * std::abs(a + 0.2) * (1 - 1e-12))
        << a;
    EXPECT_GT(c.excess, 0) << a;
  }
}

TEST(CertifyTest, WithoutRowsTheSmoothAccelerationIsTheSolution) {
  ConstraintProblem problem;
  problem.dofs = 2;
  problem.mass = {2, 1, 1, 3};
  problem.qfrc_smooth = {5, 5};  // M (2, 1)
  EXPECT_NEAR(Certify(problem, {2, 1}).excess, 0, 1e-28);
  // 1/2 (1, 0) M (1, 0)', and the bound is exact.
  EXPECT_NEAR(Certify(problem, {3, 1}).cost, 1, 1e-14);
  EXPECT_NEAR(Certify(problem, {3, 1}).excess, 1, 1e-14);
}

}  // namespace
}  // namespace kmyriad
