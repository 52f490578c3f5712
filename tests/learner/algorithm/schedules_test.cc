#include "learner/algorithm/schedules.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>

namespace kmyriad {
namespace {

TEST(LearningRateTest, FallsLinearlyToATenthAndStays) {
  EXPECT_DOUBLE_EQ(LearningRate(2.0, 1, 11), 2.0);
  EXPECT_DOUBLE_EQ(LearningRate(2.0, 6, 11), 1.1);
  EXPECT_DOUBLE_EQ(LearningRate(2.0, 11, 11), 0.2);
  EXPECT_DOUBLE_EQ(LearningRate(2.0, 500, 11), 0.2);
  EXPECT_DOUBLE_EQ(LearningRate(2.0, 1, 1), 2.0);
}

TEST(MinibatchOrderTest, IsAPermutationKeyedByEpochAndPass) {
  const std::vector<int64_t> order = MinibatchOrder(1001, 5, 3, 1);
  std::vector<int64_t> sorted = order;
  std::sort(sorted.begin(), sorted.end());
  for (size_t i = 0; i < sorted.size(); ++i) {
    ASSERT_EQ(sorted[i], static_cast<int64_t>(i));
  }
  EXPECT_EQ(MinibatchOrder(1001, 5, 3, 1), order);
  EXPECT_NE(MinibatchOrder(1001, 6, 3, 1), order);
  EXPECT_NE(MinibatchOrder(1001, 5, 4, 1), order);
  EXPECT_NE(MinibatchOrder(1001, 5, 3, 2), order);
}

TEST(MinibatchOrderTest, EveryPlaceIsEquallyLikely) {
  // Where index 0 ends up over 6000 orders of 6: 1000 each, sd 29.
  std::vector<int> places(6);
  for (uint64_t epoch = 1; epoch <= 6000; ++epoch) {
    const std::vector<int64_t> order = MinibatchOrder(6, 1, epoch, 0);
    ++places[static_cast<size_t>(std::find(order.begin(), order.end(), 0) -
                                 order.begin())];
  }
  for (const int count : places) EXPECT_NEAR(count, 1000, 150);
}

TEST(PartBeginTest, PartsCoverEverythingNearlyEqually) {
  for (uint64_t part = 0; part < 7; ++part) {
    const uint64_t size = PartBegin(100, 7, part + 1) - PartBegin(100, 7, part);
    EXPECT_TRUE(size == 14 || size == 15);
  }
  EXPECT_EQ(PartBegin(100, 7, 0), 0u);
  EXPECT_EQ(PartBegin(100, 7, 7), 100u);
  EXPECT_EQ(PartCount(9, 4), 3u);
  EXPECT_EQ(PartCount(8, 4), 2u);
}

TEST(ShardCountTest, GrowsWithTheRowsToEightAndNeverBeyondTheSamples) {
  EXPECT_EQ(ShardCount(4, 160), 1u);
  EXPECT_EQ(ShardCount(4, 256), 2u);
  EXPECT_EQ(ShardCount(4, 512), 4u);
  EXPECT_EQ(ShardCount(4, 1 << 20), 8u);
  EXPECT_EQ(ShardCount(1000, 3), 3u);
}

}  // namespace
}  // namespace kmyriad
