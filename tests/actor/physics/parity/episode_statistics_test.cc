#include "tests/actor/physics/parity/episode_statistics.h"

#include <algorithm>
#include <string>

#include "actor/physics/mujoco/ant_mjcf.h"
#include "actor/physics/mujoco/mujoco_backend.h"
#include "gtest/gtest.h"
#include "tests/actor/physics/parity/ant_parity.h"
#include "tests/testing/seeded_random.h"

namespace kmyriad {
namespace {

std::vector<double> Normals(uint64_t seed, double shift) {
  SeededRandom random(seed);
  std::vector<double> values(200);
  for (double& value : values) value = random.Normal() + shift;
  return values;
}

TEST(SameDistributionTest, ProbabilitiesAreUniformForOneDistribution) {
  int below_tenth = 0;
  for (uint64_t i = 0; i < 500; ++i) {
    below_tenth +=
        SameDistribution(Normals(2 * i, 0), Normals(2 * i + 1, 0)) < 0.1;
  }
  // 50 expected, deviation 7.
  EXPECT_GT(below_tenth, 20);
  EXPECT_LT(below_tenth, 80);
}

TEST(SameDistributionTest, AShiftIsSeen) {
  EXPECT_LT(SameDistribution(Normals(1, 0), Normals(2, 0.7)), 1e-6);
  EXPECT_EQ(SameDistribution({1, 1, 2}, {1, 1, 2}), 1);
}

// Episodes of MuJoCo with other actions are of one distribution, those of an
// Ant whose pair margins are maxima are not: it lies a centimetre lower.
TEST(EpisodeStatisticsTest, AnotherMarginRuleIsSeen) {
  AntBank bank = MakeAntBank("empty", 0);
  std::string halved = bank.mjcf;
  const std::string margin = "friction=\"1 0.5 0.5\" margin=\"0.01\"";
  const size_t at = halved.find(margin);
  ASSERT_NE(at, std::string::npos);
  halved.replace(at, margin.size(), "friction=\"1 0.5 0.5\" margin=\"0.005\"");
  const auto model = CreateMujocoModel(bank.mjcf);
  const auto other = CreateMujocoModel(halved);
  ASSERT_TRUE(model.ok() && other.ok());
  EpisodeOptions options;
  options.blocks = 8;
  const auto run = [&](const PhysicsModel& m, uint64_t seed) {
    options.seed = seed;
    return RunEpisodes(m, bank.terrain, *bank.oracle, options).value();
  };
  const EpisodeStatistics a = run(**model, 1), b = run(**model, 2),
                          c = run(**other, 3);
  double least_other = 1;
  for (int i = 0; i < kEpisodeQuantities; ++i) {
    EXPECT_EQ(a[i].size(), 128u);
    EXPECT_GT(SameDistribution(a[i], b[i]), 1e-3) << kEpisodeQuantityNames[i];
    least_other = std::min(least_other, SameDistribution(a[i], c[i]));
  }
  EXPECT_LT(least_other, 1e-6);
}

}  // namespace
}  // namespace kmyriad
