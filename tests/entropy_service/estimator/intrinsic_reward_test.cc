#include "entropy_service/estimator/intrinsic_reward.h"

#include <cmath>
#include <numeric>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/entropy_service/estimator/graph_of.h"
#include "tests/testing/seeded_random.h"

namespace kmyriad {
namespace {

TEST(CenterRewardsTest, CentersLogVolumes) {
  const std::vector<double> volumes = {1, 2, 6};
  const std::vector<uint8_t> mask(3, 1);
  std::vector<float> rewards(3);
  const PoolMoments moments =
      CenterRewards(volumes, mask, absl::MakeSpan(rewards));
  EXPECT_THAT(rewards, testing::ElementsAre(-2, -1, 3));
  EXPECT_EQ(moments.count, 3u);
  EXPECT_EQ(moments.mean, 3);
  EXPECT_EQ(moments.squared_deviations, 14);
}

TEST(CenterRewardsTest, MaskedParticlesGetTheLowestRewardAndCountNothing) {
  // What stands at masked places must not matter.
  const double nan = std::nan("");
  const std::vector<double> volumes = {nan, 4, 100, 2, -1e300};
  const std::vector<uint8_t> mask = {0, 1, 0, 1, 0};
  std::vector<float> rewards(5);
  const PoolMoments moments =
      CenterRewards(volumes, mask, absl::MakeSpan(rewards));
  EXPECT_THAT(rewards, testing::ElementsAre(-1, 1, -1, -1, -1));
  EXPECT_EQ(moments.count, 2u);
  EXPECT_EQ(moments.mean, 3);
  EXPECT_EQ(moments.squared_deviations, 2);
}

TEST(CenterRewardsTest, RewardsOfAPoolSumToZero) {
  SeededRandom random(1);
  std::vector<double> volumes(10001);
  for (double& volume : volumes) volume = 5 + random.Normal();
  std::vector<float> rewards(volumes.size());
  CenterRewards(volumes, std::vector<uint8_t>(volumes.size(), 1),
                absl::MakeSpan(rewards));
  EXPECT_NEAR(std::accumulate(rewards.begin(), rewards.end(), 0.0) /
                  static_cast<double>(rewards.size()),
              0, 1e-8);
}

TEST(CenterRewardsTest, RewardsDoNotDependOnTheUnitOfLength) {
  // A unit adds the same to every log volume.
  SeededRandom random(2);
  std::vector<double> volumes(500);
  for (double& volume : volumes) volume = random.Normal();
  const std::vector<uint8_t> mask(500, 1);
  std::vector<float> before(500);
  CenterRewards(volumes, mask, absl::MakeSpan(before));
  for (double& volume : volumes) volume += 2 * std::log(1000.0);
  std::vector<float> after(500);
  CenterRewards(volumes, mask, absl::MakeSpan(after));
  for (size_t i = 0; i < 500; ++i) EXPECT_NEAR(after[i], before[i], 1e-6);
}

TEST(AptValuesTest, AreTheLogOfOnePlusTheMeanDistance) {
  // Neighbours of 0 on the line: 1 and 3.
  const TestGraph line = GraphOf({0, 1, 3, 7}, 1, 2);
  const std::vector<double> values = AptValues(line.mean_distances);
  EXPECT_DOUBLE_EQ(values[0], std::log(3.0));
  EXPECT_DOUBLE_EQ(values[1], std::log(2.5));
  EXPECT_DOUBLE_EQ(values[3], std::log(6.0));
}

TEST(InDegreesTest, SumToNTimesKAndCountOneself) {
  SeededRandom random(3);
  for (const uint32_t k : {1u, 4u, 20u}) {
    const TestGraph measured = GraphOf(random.Normals(7 * 400), 7, k);
    const std::vector<uint32_t> degrees = InDegrees(measured.graph);
    EXPECT_EQ(std::accumulate(degrees.begin(), degrees.end(), 0u), 400 * k);
    for (const uint32_t degree : degrees) EXPECT_GE(degree, 1u);
  }
}

TEST(ReverseValuesTest, SumToZero) {
  SeededRandom random(4);
  const TestGraph measured = GraphOf(random.Normals(3 * 3000), 3, 4);
  for (const RewardKind kind :
       {RewardKind::kSelfnormReverse, RewardKind::kMepolExact}) {
    const std::vector<double> values =
        ReverseValues(kind, measured.graph, measured.log_volumes);
    EXPECT_NEAR(std::accumulate(values.begin(), values.end(), 0.0), 0, 1e-9);
  }
}

// Of rewards for x ~ N(0, s^2), what they say of dH / d ln s, which is d:
// (1 / N) sum of reward * (|x / s|^2 - d), as a share of d. 1 is perfect.
double ScaleShare(const std::vector<double>& values,
                  const std::vector<float>& x, uint32_t dims) {
  const size_t count = values.size();
  const double mean = std::accumulate(values.begin(), values.end(), 0.0) /
                      static_cast<double>(count);
  double sum = 0;
  for (size_t i = 0; i < count; ++i) {
    double score = -static_cast<double>(dims);
    for (size_t j = 0; j < dims; ++j) {
      score += double{x[i * dims + j]} * x[i * dims + j];
    }
    sum += (values[i] - mean) * score;
  }
  return sum / static_cast<double>(count * dims);
}

// Known for N = 10000 and k = 4: d = 2: forward 1.03, self-normalised 1.00,
// MEPOL 1.02, 0.99, 0.95 at scales 0.1, 1, 10; d = 7: 0.83, 0.71, and MEPOL
// 1.42, -0.38, -2.19: there it pays for density. Standard deviation of the
// estimates over draws is about 0.025.
TEST(RewardKindTest, OnlyMepolTurnsAroundWithTheUnitOfLength) {
  SeededRandom random(5);
  for (const uint32_t dims : {2u, 7u}) {
    const std::vector<float> x = random.Normals(10000 * dims);
    std::vector<double> mepol;
    for (const float scale : {0.125f, 1.0f, 8.0f}) {
      std::vector<float> scaled = x;
      for (float& value : scaled) value *= scale;
      const TestGraph measured = GraphOf(scaled, dims, 4);
      const auto share = [&](RewardKind kind) {
        return ScaleShare(
            ReverseValues(kind, measured.graph, measured.log_volumes), x, dims);
      };
      EXPECT_NEAR(ScaleShare(measured.log_volumes, x, dims),
                  dims == 2 ? 1.03 : 0.83, 0.1);
      EXPECT_NEAR(share(RewardKind::kSelfnormReverse), dims == 2 ? 1.0 : 0.71,
                  0.1);
      mepol.push_back(share(RewardKind::kMepolExact));
    }
    if (dims == 2) {
      for (const double value : mepol) EXPECT_NEAR(value, 0.99, 0.1);
    } else {
      EXPECT_GT(mepol[0], 1);
      EXPECT_LT(mepol[1], 0);
      EXPECT_LT(mepol[2], -1.5);
    }
    // Linear in the logarithm of the unit.
    EXPECT_NEAR(mepol[2] - mepol[1], mepol[1] - mepol[0], 1e-6);
  }
}

}  // namespace
}  // namespace kmyriad
