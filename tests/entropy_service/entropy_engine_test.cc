#include "entropy_service/entropy_engine.h"

#include <cmath>
#include <cstdlib>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "common/base/simd_level.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/entropy_service/test_epoch.h"
#include "tests/testing/fake_clock.h"
#include "tests/testing/prometheus_text.h"
#include "tests/testing/status_matchers.h"

namespace kmyriad {
namespace {

using testing::HasSubstr;

class EntropyEngineTest : public testing::Test {
 protected:
  std::unique_ptr<EntropyEngine> Engine(int threads = 2,
                                        const char* engine = "auto") {
    EntropyEngineOptions options;
    options.threads = threads;
    options.engine = engine;
    options.revision = "test";
    auto created = EntropyEngine::Create(options, metrics_, clock_);
    EXPECT_TRUE(created.ok()) << created.status();
    return *std::move(created);
  }
  // Scores `epoch` by an engine of its own.
  ScoredEpoch Score(TestEpoch epoch, int threads = 2,
                    const char* engine = "auto") {
    const auto scored =
        Engine(threads, engine)->Score(epoch.Particles(), nullptr);
    EXPECT_TRUE(scored.ok()) << scored.status();
    return **scored;
  }
  absl::Status Failure(TestEpoch epoch) {
    return Engine()->Score(epoch.Particles(), nullptr).status();
  }

  MetricsRegistry registry_;
  EntropyMetrics metrics_{registry_};
  FakeClock clock_;
};

// All that a request determines.
void ExpectSameBits(const ScoredEpoch& a, const ScoredEpoch& b) {
  EXPECT_EQ(a.rewards, b.rewards);
  EXPECT_EQ(a.entropy_nats, b.entropy_nats);
  EXPECT_EQ(a.grid_entropy_nats, b.grid_entropy_nats);
  EXPECT_EQ(a.coverage, b.coverage);
  EXPECT_EQ(a.cell_visits, b.cell_visits);
  EXPECT_EQ(a.diversity_nats, b.diversity_nats);
  EXPECT_EQ(a.diversity_null_nats, b.diversity_null_nats);
  EXPECT_EQ(a.log_volume_mean, b.log_volume_mean);
  EXPECT_EQ(a.log_volume_std, b.log_volume_std);
  EXPECT_EQ(a.floored, b.floored);
  EXPECT_EQ(a.reward_std, b.reward_std);
}

constexpr RewardKind kEveryReward[] = {
    RewardKind::kForward,         RewardKind::kApt,
    RewardKind::kSelfnormReverse, RewardKind::kMepolExact,
    RewardKind::kCrossNovelty,    RewardKind::kMarginal};

bool ComparesAgents(RewardKind reward) {
  return reward == RewardKind::kCrossNovelty || reward == RewardKind::kMarginal;
}

// The particles of one agent as a run of its own.
TestEpoch OnlyAgent(const TestEpoch& epoch, uint32_t agent) {
  TestEpoch own = epoch;
  own.request.envs = epoch.request.envs / epoch.request.agents;
  own.request.agents = 1;
  own.request.pooling = Pooling::kCollective;
  const size_t count = own.request.particles();
  const size_t first = agent * count;
  own.features.assign(epoch.features.begin() + first * 2,
                      epoch.features.begin() + (first + count) * 2);
  own.mask.assign(epoch.mask.begin() + first,
                  epoch.mask.begin() + first + count);
  return own;
}

TEST_F(EntropyEngineTest, UniformParticlesHaveTheEntropyOfTheirBox) {
  const ScoredEpoch scored = Score(TestEpoch::Uniform());
  // Boundary bias at N = 500, k = 4 is 0.06; sd below 0.05.
  EXPECT_NEAR(scored.entropy_nats, std::log(100.0) + 0.06, 0.15);
  EXPECT_GT(scored.grid_entropy_nats, 4.3);
  EXPECT_LE(scored.grid_entropy_nats, std::log(100.0));
  EXPECT_GT(scored.coverage, 0.95);
  EXPECT_EQ(scored.unreachable_hits, 0u);
  EXPECT_EQ(scored.masked, 0u);
  EXPECT_EQ(scored.engine, "grid");
  // Agents are alike.
  EXPECT_NEAR(scored.diversity_nats, scored.diversity_null_nats, 0.05);
}

TEST_F(EntropyEngineTest, RewardsAreCenteredAndScaledAsTheSummarySays) {
  const ScoredEpoch scored = Score(TestEpoch::Uniform());
  double sum = 0;
  double squares = 0;
  for (const float reward : scored.rewards) {
    sum += reward;
    squares += double{reward} * reward;
  }
  EXPECT_NEAR(sum / 600, 0, 1e-7);
  EXPECT_NEAR(std::sqrt(squares / 600), scored.log_volume_std, 1e-6);
}

TEST_F(EntropyEngineTest, LonelyParticlesGetMoreThanCrowdedOnes) {
  TestEpoch epoch = TestEpoch::Uniform();
  for (size_t i = 0; i < 300; ++i) {
    epoch.features[2 * i] = 1 + 0.01f * epoch.features[2 * i];
    epoch.features[2 * i + 1] = 1 + 0.01f * epoch.features[2 * i + 1];
    // The others keep away from there.
    epoch.features[600 + 2 * i] = 2 + 0.8f * epoch.features[600 + 2 * i];
  }
  const ScoredEpoch scored = Score(epoch);
  for (size_t i = 0; i < 300; ++i) {
    EXPECT_LT(scored.rewards[i], 0);
    EXPECT_GT(scored.rewards[300 + i], 0);
  }
}

TEST_F(EntropyEngineTest, ThreadsEnginesAndInstructionSetsGiveTheSameBits) {
  TestEpoch epoch = TestEpoch::Uniform();
  epoch.mask[3] = 0;
  const ScoredEpoch expected = Score(epoch);
  ExpectSameBits(Score(epoch, 1), expected);
  ExpectSameBits(Score(epoch, 5), expected);
  ExpectSameBits(Score(epoch, 2, "brute_force"), expected);
  for (const SimdLevel level :
       {SimdLevel::kScalar, SimdLevel::kAvx2, SimdLevel::kAvx512}) {
    if (!SupportsSimdLevel(level)) continue;
    setenv("KMYRIAD_SIMD", std::string(SimdLevelName(level)).c_str(), 1);
    ExpectSameBits(Score(epoch), expected);
    unsetenv("KMYRIAD_SIMD");
  }
}

TEST_F(EntropyEngineTest, MaskedParticlesChangeNothingForTheOthers) {
  TestEpoch epoch = TestEpoch::Uniform();
  for (size_t i = 0; i < 600; i += 4) epoch.mask[i] = 0;
  const ScoredEpoch expected = Score(epoch);
  for (size_t i = 0; i < 600; i += 4) {
    epoch.features[2 * i] = std::numeric_limits<float>::quiet_NaN();
    epoch.features[2 * i + 1] = 1e38f;
  }
  const ScoredEpoch scored = Score(epoch);
  ExpectSameBits(scored, expected);
  EXPECT_EQ(scored.masked, 150u);
  float lowest = 0;
  for (const float reward : scored.rewards) lowest = std::min(lowest, reward);
  for (size_t i = 0; i < 600; i += 4) EXPECT_EQ(scored.rewards[i], lowest);
}

TEST_F(EntropyEngineTest, IndividualPoolsEqualSeparateRuns) {
  TestEpoch epoch = TestEpoch::Uniform();
  epoch.mask[250] = 0;
  epoch.request.pooling = Pooling::kIndividual;
  const ScoredEpoch pooled = Score(epoch);
  double entropy = 0;
  uint64_t floored = 0;
  for (uint32_t agent = 0; agent < 3; ++agent) {
    const ScoredEpoch own = Score(OnlyAgent(epoch, agent));
    const auto first = pooled.rewards.begin() + agent * 200;
    EXPECT_EQ(std::vector<float>(first, first + 200), own.rewards);
    entropy += own.entropy_nats / 3;
    floored += own.floored;
  }
  EXPECT_NEAR(pooled.entropy_nats, entropy, 1e-14);
  EXPECT_EQ(pooled.floored, floored);
  // The pool is all that differs.
  epoch.request.pooling = Pooling::kCollective;
  EXPECT_NE(Score(epoch).rewards, pooled.rewards);
}

TEST_F(EntropyEngineTest, AgentsApartHaveTheDiversityLnM) {
  TestEpoch epoch = TestEpoch::Uniform();
  for (size_t i = 0; i < 600; ++i) {
    // Three columns of cells for each agent.
    epoch.features[2 * i] =
        0.29f * epoch.features[2 * i] + 3.0f * static_cast<float>(i / 200);
  }
  const ScoredEpoch scored = Score(epoch);
  EXPECT_NEAR(scored.diversity_nats, std::log(3.0), 1e-12);
  EXPECT_LT(scored.diversity_null_nats, 0.8);
}

TEST_F(EntropyEngineTest, CoincidentParticlesAreFlooredAndFinite) {
  TestEpoch epoch = TestEpoch::Uniform();
  epoch.features.assign(1200, 2.5f);
  const ScoredEpoch scored = Score(epoch);
  EXPECT_EQ(scored.floored, 600u);
  EXPECT_TRUE(std::isfinite(scored.entropy_nats));
  for (const float reward : scored.rewards) EXPECT_NEAR(reward, 0, 1e-12);
}

TEST_F(EntropyEngineTest, WithoutAGridCoverageIsNotANumber) {
  TestEpoch epoch = TestEpoch::Uniform();
  epoch.request.coverage.reset();
  const ScoredEpoch scored = Score(epoch);
  EXPECT_TRUE(std::isnan(scored.coverage));
  EXPECT_TRUE(std::isnan(scored.grid_entropy_nats));
  EXPECT_TRUE(std::isnan(scored.diversity_nats));
  EXPECT_TRUE(scored.cell_visits.empty());
}

TEST_F(EntropyEngineTest, ARepeatIsTheStoredAnswer) {
  const auto engine = Engine();
  TestEpoch epoch = TestEpoch::Uniform();
  const auto first = engine->Score(epoch.Particles(), nullptr);
  const auto second = engine->Score(epoch.Particles(), nullptr);
  ASSERT_THAT(second, IsOk());
  EXPECT_EQ(first->get(), second->get());
  EXPECT_EQ(engine->Info().epochs_scored, 1u);
  // Computed anew it has the same bits, too.
  ExpectSameBits(Score(epoch), **first);
}

TEST_F(EntropyEngineTest, OtherParticlesForTheSameEpochReplaceTheAnswer) {
  const auto engine = Engine();
  TestEpoch epoch = TestEpoch::Uniform();
  ASSERT_THAT(engine->Score(epoch.Particles(), nullptr), IsOk());
  epoch.features[0] = 9.9f;
  const auto replaced = engine->Score(epoch.Particles(), nullptr);
  ASSERT_THAT(replaced, IsOk());
  EXPECT_EQ(engine->Info().epochs_scored, 2u);
  KMYRIAD_ASSERT_OK_AND_ASSIGN(const auto last,
                               engine->LastEpoch(epoch.request.run_uuid));
  EXPECT_EQ(last, *replaced);
}

TEST_F(EntropyEngineTest, AnotherDigestThanTheParticlesIsDataLoss) {
  TestEpoch epoch = TestEpoch::Uniform();
  epoch.Seal();
  KMYRIAD_ASSERT_OK_AND_ASSIGN(auto particles,
                               EpochParticles::Create(epoch.request));
  epoch.features[8] = 1;
  ASSERT_THAT(
      particles.Append(0, epoch.FeatureBytes(0, 600), epoch.MaskBytes(0, 600)),
      IsOk());
  EXPECT_THAT(Engine()->Score(particles, nullptr),
              StatusIs(absl::StatusCode::kDataLoss));
}

TEST_F(EntropyEngineTest, NonFiniteFeaturesInThePoolAreRefused) {
  TestEpoch epoch = TestEpoch::Uniform();
  epoch.features[2 * 41 + 1] = std::numeric_limits<float>::infinity();
  EXPECT_THAT(Failure(epoch), StatusIs(absl::StatusCode::kInvalidArgument,
                                       HasSubstr("feature 1 of point 41")));
}

TEST_F(EntropyEngineTest, PoolsThatAreTooSmallAreNamed) {
  TestEpoch epoch = TestEpoch::Uniform();
  std::fill(epoch.mask.begin(), epoch.mask.end() - 4, 0);
  EXPECT_THAT(Failure(epoch), StatusIs(absl::StatusCode::kFailedPrecondition,
                                       HasSubstr("4 of 600 particles")));
  epoch.mask[0] = 1;
  Score(epoch);
  std::fill(epoch.mask.begin(), epoch.mask.end(), 0);
  EXPECT_THAT(Failure(epoch), StatusIs(absl::StatusCode::kFailedPrecondition));
  epoch = TestEpoch::Uniform();
  epoch.request.pooling = Pooling::kIndividual;
  std::fill(epoch.mask.begin() + 200, epoch.mask.begin() + 397, 0);
  EXPECT_THAT(Failure(epoch), StatusIs(absl::StatusCode::kFailedPrecondition,
                                       HasSubstr("agent 1: 3 of 200")));
}

TEST_F(EntropyEngineTest, ACancelledEpochIsNotKept) {
  const auto engine = Engine();
  TestEpoch epoch = TestEpoch::Uniform();
  const std::atomic<bool> cancelled = true;
  EXPECT_THAT(engine->Score(epoch.Particles(), &cancelled),
              StatusIs(absl::StatusCode::kCancelled));
  EXPECT_THAT(engine->LastEpoch(epoch.request.run_uuid),
              StatusIs(absl::StatusCode::kNotFound));
}

TEST_F(EntropyEngineTest, InfoAndMetricsTellOfTheLastEpoch) {
  const auto engine = Engine();
  EXPECT_EQ(engine->Info().engine, "");
  EXPECT_EQ(engine->Info().revision, "test");
  EXPECT_EQ(engine->Info().threads, 2);
  TestEpoch epoch = TestEpoch::Uniform();
  epoch.mask[0] = 0;
  const auto scored = engine->Score(epoch.Particles(), nullptr);
  ASSERT_THAT(scored, IsOk());
  EXPECT_EQ(engine->Info().engine_reason, "d = 2 <= 3");
  KMYRIAD_ASSERT_OK_AND_ASSIGN(const auto text,
                               ParsePrometheusText(registry_.Text()));
  EXPECT_EQ(text.Value("kmyriad_entropy_epochs_scored_total"), 1);
  EXPECT_EQ(text.Value("kmyriad_exploration_particles"), 599);
  EXPECT_EQ(text.Value("kmyriad_exploration_state_entropy_nats",
                       {{"estimator", "knn"}}),
            (*scored)->entropy_nats);
  EXPECT_EQ(text.Value("kmyriad_exploration_coverage_ratio"),
            (*scored)->coverage);
  EXPECT_EQ(text.Value("kmyriad_entropy_knn_duration_seconds_count"), 1);
  EXPECT_EQ(text.Value("kmyriad_exploration_knn_distance_count"), 599);
  double radii = 0;
  for (size_t i = 1; i < epoch.mask.size(); ++i) {
    radii += std::hypot(epoch.features[2 * i], epoch.features[2 * i + 1]);
  }
  EXPECT_EQ(text.Value("kmyriad_exploration_radius_meters_count"), 599);
  EXPECT_NEAR(text.Value("kmyriad_exploration_radius_meters_sum"), radii,
              1e-3);
  // ln V = ln(pi r^2): the mean distance lies above the geometric one.
  EXPECT_GT(text.Value("kmyriad_exploration_knn_distance_sum"),
            599 * std::exp(((*scored)->log_volume_mean - std::log(M_PI)) / 2));
}

TEST_F(EntropyEngineTest, HigherDimensionsAreScoredByTheProbedEngine) {
  TestEpoch epoch = TestEpoch::Uniform();
  SeededRandom random(8);
  epoch.request.dims = 7;
  epoch.features = random.Normals(600 * 7);
  const ScoredEpoch scored = Score(epoch);
  EXPECT_EQ(scored.engine, "brute_force");
  EXPECT_THAT(scored.engine_reason, HasSubstr("d = 7, 256 probes"));
  // Bias at N = 600 is negative and below 0.2; measured for Gaussians.
  EXPECT_NEAR(scored.entropy_nats, 3.5 * std::log(2 * M_PI * M_E), 0.5);
}

TEST_F(EntropyEngineTest, EveryRewardIsCenteredScaledAndTheSameEverywhere) {
  std::vector<std::vector<float>> seen;
  for (const RewardKind reward : kEveryReward) {
    TestEpoch epoch = TestEpoch::Uniform();
    epoch.request.reward = reward;
    for (size_t i = 0; i < 600; i += 7) epoch.mask[i] = 0;
    const ScoredEpoch scored = Score(epoch);
    ExpectSameBits(Score(epoch, 5, "brute_force"), scored);
    double sum = 0;
    double squares = 0;
    float lowest = 0;
    for (size_t i = 0; i < 600; ++i) {
      if (epoch.mask[i] == 0) continue;
      sum += scored.rewards[i];
      squares += double{scored.rewards[i]} * scored.rewards[i];
      lowest = std::min(lowest, scored.rewards[i]);
    }
    EXPECT_NEAR(sum, 0, 1e-4);
    EXPECT_NEAR(std::sqrt(squares / 514), scored.reward_std, 1e-6);
    EXPECT_EQ(scored.rewards[0], lowest);
    EXPECT_EQ(std::isnan(scored.in_degree_std), !NeedsGraph(reward));
    seen.push_back(scored.rewards);
  }
  for (size_t i = 0; i < seen.size(); ++i) {
    for (size_t j = 0; j < i; ++j) EXPECT_NE(seen[i], seen[j]);
  }
}

TEST_F(EntropyEngineTest, EveryRewardOfIndividualPoolsEqualsSeparateRuns) {
  for (const RewardKind reward : kEveryReward) {
    if (ComparesAgents(reward)) continue;
    TestEpoch epoch = TestEpoch::Uniform();
    epoch.request.reward = reward;
    epoch.mask[250] = 0;
    epoch.request.pooling = Pooling::kIndividual;
    const ScoredEpoch pooled = Score(epoch);
    for (uint32_t agent = 0; agent < 3; ++agent) {
      const auto first = pooled.rewards.begin() + agent * 200;
      EXPECT_EQ(std::vector<float>(first, first + 200),
                Score(OnlyAgent(epoch, agent)).rewards);
    }
  }
}

TEST_F(EntropyEngineTest, AChangeOfUnitChangesAptAndMepolOnly) {
  for (const RewardKind reward : kEveryReward) {
    TestEpoch epoch = TestEpoch::Uniform();
    epoch.request.reward = reward;
    epoch.request.coverage.reset();
    const ScoredEpoch before = Score(epoch);
    for (float& value : epoch.features) value *= 16;
    epoch.request.floor *= 16;
    const ScoredEpoch after = Score(epoch);
    EXPECT_NEAR(after.entropy_nats, before.entropy_nats + 2 * std::log(16.0),
                1e-12);
    double largest = 0;
    for (size_t i = 0; i < 600; ++i) {
      largest = std::max(
          largest, std::abs(double{after.rewards[i]} - before.rewards[i]));
    }
    const bool free =
        reward != RewardKind::kApt && reward != RewardKind::kMepolExact;
    EXPECT_EQ(largest < 1e-6, free) << largest;
    EXPECT_EQ(largest > 0.1, !free) << largest;
  }
}

TEST_F(EntropyEngineTest, MepolEstimatesWithTheLogarithmOfN) {
  TestEpoch epoch = TestEpoch::Uniform();
  const double forward = Score(epoch).entropy_nats;
  epoch.request.reward = RewardKind::kMepolExact;
  // psi(N) = ln N - 1 / (2 N) - 1 / (12 N^2).
  EXPECT_NEAR(Score(epoch).entropy_nats - forward, 1 / 1200.0, 1e-6);
}

TEST_F(EntropyEngineTest, NeighboursAreKeptOnDemandOnly) {
  TestEpoch epoch = TestEpoch::Uniform();
  epoch.request.reward = RewardKind::kSelfnormReverse;
  EXPECT_EQ(Score(epoch).pool, nullptr);
  epoch.request.keep_neighbors = true;
  epoch.mask[7] = 0;
  const ScoredEpoch kept = Score(epoch);
  ASSERT_NE(kept.pool, nullptr);
  EXPECT_EQ(kept.pool->graph.neighbors.size(), 599u * 4);
  EXPECT_EQ(kept.pool->ids[7], 8u);
  // Keeping changes no score.
  epoch.request.keep_neighbors = false;
  ExpectSameBits(Score(epoch), kept);
}

TEST_F(EntropyEngineTest, FindsTheLastEpochOfARunByItsDigest) {
  const auto engine = Engine();
  TestEpoch epoch = TestEpoch::Uniform();
  const auto find = [&](uint64_t number) {
    return engine->FindEpoch(epoch.request.run_uuid, number,
                             epoch.request.particle_digest);
  };
  epoch.Seal();
  EXPECT_THAT(find(5), StatusIs(absl::StatusCode::kNotFound));
  ASSERT_THAT(engine->Score(epoch.Particles(), nullptr), IsOk());
  EXPECT_THAT(find(5), IsOk());
  EXPECT_THAT(find(6), StatusIs(absl::StatusCode::kNotFound,
                                HasSubstr("the run's last one is 5")));
  epoch.request.particle_digest[0] ^= 1;
  EXPECT_THAT(find(5), StatusIs(absl::StatusCode::kNotFound));
}

// Three agents: the second is where the first is, the third apart.
TestEpoch TwinsAndAHermit() {
  TestEpoch epoch = TestEpoch::Uniform();
  for (size_t i = 0; i < 600; ++i) {
    epoch.features[2 * i] *= 0.4f;
    if (i >= 400) epoch.features[2 * i] += 5.5f;
  }
  return epoch;
}

TEST_F(EntropyEngineTest, MarginalsAreWhatTheEntropyLosesWithoutTheAgent) {
  TestEpoch epoch = TwinsAndAHermit();
  for (size_t i = 0; i < 600; i += 11) epoch.mask[i] = 0;
  epoch.request.reward = RewardKind::kMarginal;
  const ScoredEpoch scored = Score(epoch);
  ASSERT_EQ(scored.agent_marginals_nats.size(), 3u);
  epoch.request.reward = RewardKind::kForward;
  const ScoredEpoch forward = Score(epoch);
  EXPECT_NEAR(scored.entropy_nats, forward.entropy_nats, 1e-12);
  EXPECT_TRUE(forward.agent_marginals_nats.empty());
  for (size_t agent = 0; agent < 3; ++agent) {
    TestEpoch rest = epoch;
    std::fill_n(rest.mask.begin() + agent * 200, 200, 0);
    EXPECT_NEAR(scored.agent_marginals_nats[agent],
                scored.entropy_nats - Score(rest).entropy_nats, 1e-12);
  }
  EXPECT_GT(scored.agent_marginals_nats[2],
            scored.agent_marginals_nats[0] + 0.1);
}

// Sum over an agent of its share of the pool's non-negative rewards.
std::vector<double> MassOfAgents(const ScoredEpoch& scored) {
  const double least =
      *std::min_element(scored.rewards.begin(), scored.rewards.end());
  std::vector<double> mass(3);
  for (size_t i = 0; i < 600; ++i) mass[i / 200] += scored.rewards[i] - least;
  const double total = mass[0] + mass[1] + mass[2];
  for (double& value : mass) value /= total;
  return mass;
}

TEST_F(EntropyEngineTest, CreditMovesRewardsToThoseWhoAddEntropy) {
  TestEpoch epoch = TwinsAndAHermit();
  const ScoredEpoch forward = Score(epoch);
  epoch.request.reward = RewardKind::kMarginal;
  const ScoredEpoch credited = Score(epoch);
  epoch.request.credit = Credit::kUniform;
  const ScoredEpoch uniform = Score(epoch);
  epoch.request.credit = Credit::kShuffled;
  epoch.request.seed = 3;
  const ScoredEpoch shuffled = Score(epoch);
  for (size_t i = 0; i < 600; ++i) {
    ASSERT_NEAR(uniform.rewards[i], forward.rewards[i], 1e-5);
  }
  EXPECT_GT(MassOfAgents(credited)[2], MassOfAgents(forward)[2] + 0.1);
  EXPECT_NE(shuffled.rewards, credited.rewards);
  EXPECT_NE(shuffled.rewards, uniform.rewards);
  EXPECT_EQ(shuffled.agent_marginals_nats, credited.agent_marginals_nats);
}

TEST_F(EntropyEngineTest, CrossNoveltyLooksAtOtherAgentsOnly) {
  TestEpoch epoch = TwinsAndAHermit();
  epoch.request.reward = RewardKind::kCrossNovelty;
  const ScoredEpoch scored = Score(epoch);
  // Crowding within an agent costs nothing: the hermit's rewards do not see
  // that it stays in one place.
  for (size_t i = 400; i < 600; ++i) {
    EXPECT_GT(scored.rewards[i], 0);
    for (size_t j = 0; j < 2; ++j) {
      epoch.features[2 * i + j] = epoch.features[2 * 400 + j];
    }
  }
  EXPECT_GT(Score(epoch).rewards[500], 0);
}

TEST_F(EntropyEngineTest, DivergencesTellAgentsApart) {
  TestEpoch epoch = TestEpoch::Uniform();
  EXPECT_TRUE(Score(epoch).agent_divergences_nats.empty());
  EXPECT_TRUE(std::isnan(Score(epoch).divergence_nats));
  epoch.request.measure_divergences = true;
  const ScoredEpoch alike = Score(epoch);
  for (const double divergence : alike.agent_divergences_nats) {
    EXPECT_NEAR(divergence, 0, 0.25);
  }
  ExpectSameBits(Score(epoch, 5, "brute_force"), alike);
  TestEpoch twins = TwinsAndAHermit();
  twins.request.measure_divergences = true;
  const ScoredEpoch apart = Score(twins);
  EXPECT_LT(apart.agent_divergences_nats[0], 1.2);
  EXPECT_GT(apart.agent_divergences_nats[2], 3);
  EXPECT_NEAR(
      apart.divergence_nats,
      (apart.agent_divergences_nats[0] + apart.agent_divergences_nats[1] +
       apart.agent_divergences_nats[2]) /
          3,
      1e-12);
  EXPECT_GT(apart.sharing.owner_share, alike.sharing.owner_share);
  EXPECT_GT(apart.sharing.vendi_score, alike.sharing.vendi_score);
  EXPECT_LT(apart.sharing.redundancy, alike.sharing.redundancy);
}

TEST_F(EntropyEngineTest, AnAgentThatIsAlmostAloneCannotBeLeftOut) {
  TestEpoch epoch = TestEpoch::Uniform();
  std::fill(epoch.mask.begin(), epoch.mask.begin() + 396, 0);
  for (const RewardKind reward :
       {RewardKind::kMarginal, RewardKind::kCrossNovelty}) {
    epoch.request.reward = reward;
    EXPECT_THAT(Failure(epoch), StatusIs(absl::StatusCode::kFailedPrecondition,
                                         HasSubstr("without agent 2 only 4")));
  }
}

TEST_F(EntropyEngineTest, PeriodicFeaturesMakeATorus) {
  // Nothing but the standard deviation, 0.8 / sqrt(N), separates the estimate
  // on a torus from its value 0; without periods the border adds 0.06.
  SeededRandom random(12);
  double sum = 0;
  double bounded = 0;
  for (int repeat = 0; repeat < 20; ++repeat) {
    TestEpoch epoch = TestEpoch::Uniform();
    epoch.request.coverage.reset();
    epoch.features = random.Uniforms(1200, 0, 1);
    epoch.request.floor = 1e-6f;
    bounded += Score(epoch).entropy_nats / 20;
    epoch.request.periods = {1, 1};
    sum += Score(epoch).entropy_nats / 20;
  }
  EXPECT_NEAR(sum, 0, 4 * 0.8 / std::sqrt(600 * 20));
  EXPECT_GT(bounded, 0.04);
}

TEST_F(EntropyEngineTest, ATheilerWindowLeavesOutNeighboursInTime) {
  TestEpoch epoch = TestEpoch::Uniform();
  // Every environment moves slowly along a line of its own.
  for (size_t i = 0; i < 600; ++i) {
    epoch.features[2 * i] = 0.01f * static_cast<float>(i % 50);
    epoch.features[2 * i + 1] = 0.8f * static_cast<float>(i / 50);
  }
  epoch.request.floor = 1e-4f;
  const double near = Score(epoch).entropy_nats;
  epoch.request.theiler_window = 50;
  // All neighbours are on the next lines now, 0.8 away and not 0.02.
  EXPECT_GT(Score(epoch).entropy_nats, near + 2 * std::log(0.8 / 0.02) - 1);
}

// An epoch of 50 steps, taken as five epochs of 10.
TEST_F(EntropyEngineTest, AWindowPoolsEpochsAndRewardsTheNewest) {
  TestEpoch whole = TestEpoch::Uniform();
  whole.mask[0] = whole.mask[49] = whole.mask[50] = 0;
  for (const RewardKind reward : kEveryReward) {
    whole.request.reward = reward;
    const ScoredEpoch all = Score(whole);
    TestEpoch windowed = whole;
    windowed.request.horizon = 10;
    windowed.request.window = 5;
    const ScoredEpoch scored = Score(windowed);
    // The pool is the same, and so is all that is said of it.
    EXPECT_EQ(scored.entropy_nats, all.entropy_nats);
    EXPECT_EQ(scored.reward_std, all.reward_std);
    EXPECT_EQ(scored.agent_marginals_nats, all.agent_marginals_nats);
    ASSERT_EQ(scored.rewards.size(), 120u);
    for (size_t env = 0; env < 12; ++env) {
      for (size_t t = 0; t < 10; ++t) {
        ASSERT_EQ(scored.rewards[env * 10 + t], all.rewards[env * 50 + 40 + t]);
      }
    }
    EXPECT_EQ(scored.masked, 1u);
    // Coverage is that of the newest epoch.
    uint32_t visits = 0;
    for (const uint32_t count : scored.cell_visits) visits += count;
    EXPECT_EQ(visits, 119u);
    EXPECT_LT(scored.coverage, all.coverage);
  }
}

TEST_F(EntropyEngineTest, AParticleOfAWindowIsSeenToVisitOnce) {
  TestEpoch epoch = TestEpoch::Uniform();
  epoch.request.horizon = 10;
  epoch.request.window = 5;
  epoch.mask[0] = epoch.mask[49] = 0;
  Score(epoch);
  double radii = 0;
  for (size_t i = 0; i < epoch.mask.size(); ++i) {
    if (i % 50 < 40 || epoch.mask[i] == 0) continue;
    radii += std::hypot(epoch.features[2 * i], epoch.features[2 * i + 1]);
  }
  KMYRIAD_ASSERT_OK_AND_ASSIGN(const PrometheusText text,
                               ParsePrometheusText(registry_.Text()));
  EXPECT_EQ(text.Value("kmyriad_exploration_radius_meters_count"), 119);
  EXPECT_NEAR(text.Value("kmyriad_exploration_radius_meters_sum"), radii,
              1e-3);
}

}  // namespace
}  // namespace kmyriad
