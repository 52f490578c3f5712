#include "entropy_service/estimator/tree_sum.h"

#include <cmath>

#include "gtest/gtest.h"

namespace kmyriad {
namespace {

TEST(TreeSumTest, SumsEveryValueOnce) {
  for (const size_t count : {0, 1, 127, 128, 129, 1000, 100001}) {
    const double n = static_cast<double>(count);
    EXPECT_EQ(TreeSum(0, count, [](size_t i) { return 1.0 + double(i); }),
              n * (n + 1) / 2)
        << count;
  }
}

TEST(TreeSumTest, SumsARangeThatDoesNotStartAtZero) {
  EXPECT_EQ(TreeSum(300, 703, [](size_t i) { return double(i); }),
            (300.0 + 702.0) * 403 / 2);
}

TEST(TreeSumTest, KeepsSmallTermsThatASequentialSumLoses) {
  const auto term = [](size_t) { return 0.1; };
  const size_t count = 1 << 20;
  double sequential = 0;
  for (size_t i = 0; i < count; ++i) sequential += term(i);
  const double exact = 0.1 * static_cast<double>(count);
  EXPECT_LT(std::abs(TreeSum(0, count, term) - exact), 1e-9);
  EXPECT_GT(std::abs(sequential - exact), 1e-7);
}

}  // namespace
}  // namespace kmyriad
