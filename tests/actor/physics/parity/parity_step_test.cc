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
    step.contacts[k].constrains = k != 2;
  }
  // A limit, then rows of contacts 0, 1 and 3.
  ConstraintProblem& p = step.problem;
  p.dofs = 2;
  p.aref = {9, 0, 1, 2, 3, 10, 11, 12, 13, 30, 31, 32, 33};
  p.d = p.r = p.aref;
  for (const double value : p.aref) {
    p.jacobian.insert(p.jacobian.end(), {value, -value});
  }
  EXPECT_EQ(LimitRows(step), 1u);
  SortContacts(&step);
  Numbers order;
  for (const ParityContact& c : step.contacts) order.push_back(c.dist);
  EXPECT_EQ(order, (Numbers{1, 3, 2, 0}));
  const Numbers expected = {9, 10, 11, 12, 13, 30, 31, 32, 33, 0, 1, 2, 3};
  EXPECT_EQ(step.problem.aref, expected);
  EXPECT_EQ(step.problem.r, expected);
  EXPECT_EQ(step.problem.d, expected);
  for (size_t i = 0; i < expected.size(); ++i) {
    EXPECT_EQ(step.problem.jacobian[2 * i], expected[i]);
    EXPECT_EQ(step.problem.jacobian[2 * i + 1], -expected[i]);
  }
}

}  // namespace
}  // namespace kmyriad
