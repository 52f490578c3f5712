#include "tests/actor/physics/parity/parity_step.h"

#include "gtest/gtest.h"

namespace kmyriad {
namespace {

using Numbers = std::vector<double>;

TEST(SortContactsTest, RowsFollowTheirContacts) {
  ParityStep step;
  step.contacts.resize(4);
  const int geoms[4][2] = {{7, 9}, {0, 5}, {7, 8}, {0, 5}};
  for (size_t k = 0; k < 4; ++k) {
    step.contacts[k].geom1 = geoms[k][0];
    step.contacts[k].geom2 = geoms[k][1];
    step.contacts[k].dist = static_cast<double>(k);
  }
  // A limit, two rows of contact 0, one of 1, none of 2, one of 3.
  ConstraintProblem& p = step.problem;
  p.dofs = 2;
  p.aref = {10, 0, 0.5, 1, 3};
  p.d = p.r = p.aref;
  for (const double value : p.aref) {
    p.jacobian.insert(p.jacobian.end(), {value, -value});
  }
  SortContacts({2, 1, 0, 1}, &step);
  Numbers order;
  for (const ParityContact& c : step.contacts) order.push_back(c.dist);
  EXPECT_EQ(order, (Numbers{1, 3, 2, 0}));
  EXPECT_EQ(step.problem.aref, (Numbers{10, 1, 3, 0, 0.5}));
  EXPECT_EQ(step.problem.r, step.problem.aref);
  EXPECT_EQ(step.problem.jacobian,
            (Numbers{10, -10, 1, -1, 3, -3, 0, -0.0, 0.5, -0.5}));
}

}  // namespace
}  // namespace kmyriad
