#include "common/math/exp_double.h"

#include <cmath>

#include "gtest/gtest.h"
#include "tests/testing/seeded_random.h"

namespace kmyriad {
namespace {

TEST(ExpDoubleTest, IsWithinTwoUnitsInTheLastPlace) {
  SeededRandom random(4);
  for (int i = 0; i < 100000; ++i) {
    const double x = (2 * random.Unit() - 1) * (i % 2 == 0 ? 700 : 1);
    const double expected = std::exp(x);
    ASSERT_NEAR(ExpDouble(x), expected, expected * 0x1p-51) << x;
  }
  EXPECT_EQ(ExpDouble(0), 1);
}

TEST(ExpDoubleTest, HoldsAtTheEndsOfItsRange) {
  for (const double x : {-700.0, 700.0, 0x1p-60, -0x1p-60}) {
    EXPECT_NEAR(ExpDouble(x), std::exp(x), std::exp(x) * 0x1p-51) << x;
  }
}

}  // namespace
}  // namespace kmyriad
