#include "entropy_service/estimator/intrinsic_reward.h"

#include <cmath>
#include <numeric>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/testing/seeded_random.h"

namespace kmyriad {
namespace {

TEST(ForwardRewardsTest, CentersLogVolumes) {
  const std::vector<double> volumes = {1, 2, 6};
  const std::vector<uint8_t> mask(3, 1);
  std::vector<float> rewards(3);
  const PoolMoments moments =
      ForwardRewards(volumes, mask, absl::MakeSpan(rewards));
  EXPECT_THAT(rewards, testing::ElementsAre(-2, -1, 3));
  EXPECT_EQ(moments.count, 3u);
  EXPECT_EQ(moments.mean, 3);
  EXPECT_EQ(moments.squared_deviations, 14);
}

TEST(ForwardRewardsTest, MaskedParticlesGetTheLowestRewardAndCountNothing) {
  // What stands at masked places must not matter.
  const double nan = std::nan("");
  const std::vector<double> volumes = {nan, 4, 100, 2, -1e300};
  const std::vector<uint8_t> mask = {0, 1, 0, 1, 0};
  std::vector<float> rewards(5);
  const PoolMoments moments =
      ForwardRewards(volumes, mask, absl::MakeSpan(rewards));
  EXPECT_THAT(rewards, testing::ElementsAre(-1, 1, -1, -1, -1));
  EXPECT_EQ(moments.count, 2u);
  EXPECT_EQ(moments.mean, 3);
  EXPECT_EQ(moments.squared_deviations, 2);
}

TEST(ForwardRewardsTest, RewardsOfAPoolSumToZero) {
  SeededRandom random(1);
  std::vector<double> volumes(10001);
  for (double& volume : volumes) volume = 5 + random.Normal();
  std::vector<float> rewards(volumes.size());
  ForwardRewards(volumes, std::vector<uint8_t>(volumes.size(), 1),
                 absl::MakeSpan(rewards));
  EXPECT_NEAR(std::accumulate(rewards.begin(), rewards.end(), 0.0) /
                  static_cast<double>(rewards.size()),
              0, 1e-8);
}

TEST(ForwardRewardsTest, RewardsDoNotDependOnTheUnitOfLength) {
  // A unit adds the same to every log volume.
  SeededRandom random(2);
  std::vector<double> volumes(500);
  for (double& volume : volumes) volume = random.Normal();
  const std::vector<uint8_t> mask(500, 1);
  std::vector<float> before(500);
  ForwardRewards(volumes, mask, absl::MakeSpan(before));
  for (double& volume : volumes) volume += 2 * std::log(1000.0);
  std::vector<float> after(500);
  ForwardRewards(volumes, mask, absl::MakeSpan(after));
  for (size_t i = 0; i < 500; ++i) EXPECT_NEAR(after[i], before[i], 1e-6);
}

}  // namespace
}  // namespace kmyriad
