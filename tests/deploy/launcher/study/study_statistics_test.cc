#include "deploy/launcher/study/study_statistics.h"

#include <gtest/gtest.h>

#include <random>

namespace kmyriad {
namespace {

const Strata kX = {{0.1, 0.9, 0.8, 0.7, 1.0}, {0.0, 0.2, 0.95, 0.5, 0.6}};
const Strata kY = {{0.1, 0.3, 0.8, 0.0, 0.2}, {0.0, 0.1, 0.95, 0.4}};

// Expected values are scipy 1.17's: stats.trim_mean(values, 0.25).
TEST(InterquartileMeanTest, IsScipysTrimmedMean) {
  EXPECT_DOUBLE_EQ(InterquartileMean({9, 1, 2, -50}), 1.5);
  EXPECT_DOUBLE_EQ(InterquartileMean({1, 2, 4, 8, 16}), 14.0 / 3);
  EXPECT_DOUBLE_EQ(InterquartileMean({0.25}), 0.25);
  EXPECT_NEAR(InterquartileMeanInterval(kX).value, 0.6166666666666666, 1e-15);
}

// numpy.quantile over 100,000 replicates drawn with numpy's own generator:
// [0.31667, 0.84167]. Means of six of ten values with two digits are a coarse
// grid, and 10,000 replicates have an error of their own.
TEST(InterquartileMeanTest, IntervalIsThatOfNumpysBootstrap) {
  const Interval interval = InterquartileMeanInterval(kX);
  EXPECT_NEAR(interval.low, 0.31667, 0.017);
  EXPECT_NEAR(interval.high, 0.84167, 0.017);
}

TEST(InterquartileMeanTest, IntervalIsThatOfNormalTheoryOnManyValues) {
  std::mt19937 random(7);
  std::normal_distribution<double> normal;
  Strata values(1);
  for (int i = 0; i < 400; ++i) values[0].push_back(normal(random));
  const Interval interval = InterquartileMeanInterval(values);
  // The IQM of a normal sample has about 1.1 times the mean's error.
  EXPECT_NEAR(interval.high - interval.low, 2 * 1.96 * 1.1 / 20, 0.03);
}

// Drawing values from all tasks at once would give this one an interval.
TEST(InterquartileMeanTest, SeedsAreDrawnWithinTheirTask) {
  const Interval interval =
      InterquartileMeanInterval({{0, 0, 0, 0}, {1, 1, 1, 1}});
  EXPECT_EQ(interval.value, 0.5);
  EXPECT_EQ(interval.low, 0.5);
  EXPECT_EQ(interval.high, 0.5);
}

// scipy.stats.mannwhitneyu(x, y).statistic / (len(x) * len(y)), mean over
// tasks: 0.7; interval of 40,000 numpy replicates: [0.45, 0.93].
TEST(ProbabilityOfImprovementTest, IsScipysMannWhitney) {
  const Interval interval = ProbabilityOfImprovement(kX, kY);
  EXPECT_NEAR(interval.value, 0.7, 1e-15);
  EXPECT_NEAR(interval.low, 0.45, 0.02);
  EXPECT_NEAR(interval.high, 0.93, 0.02);
}

TEST(ProbabilityOfImprovementTest, TurnsAroundWithTheArms) {
  EXPECT_NEAR(ProbabilityOfImprovement(kY, kX).value, 0.3, 1e-15);
  EXPECT_EQ(ProbabilityOfImprovement(kX, kX).value, 0.5);
}

TEST(ProbabilityOfImprovementTest, ArmsAreDrawnIndependently) {
  // The same draw for both arms would never let them differ.
  const Interval interval = ProbabilityOfImprovement(kX, kX);
  EXPECT_LT(interval.low, 0.4);
  EXPECT_GT(interval.high, 0.6);
}

TEST(ShareAboveTest, CountsRunsAboveTheThreshold) {
  EXPECT_DOUBLE_EQ(ShareAbove(kX, 0.5), 0.6);
  EXPECT_DOUBLE_EQ(ShareAbove(kX, 1.0), 0);
  EXPECT_DOUBLE_EQ(ShareAbove(kX, -1), 1);
}

}  // namespace
}  // namespace kmyriad
