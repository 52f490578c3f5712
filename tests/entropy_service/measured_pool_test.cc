#include "entropy_service/measured_pool.h"

#include <algorithm>
#include <cmath>
#include <memory>
#include <vector>

#include "entropy_service/entropy_engine.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/entropy_service/test_epoch.h"
#include "tests/testing/fake_clock.h"
#include "tests/testing/prometheus_text.h"
#include "tests/testing/status_matchers.h"

// The search of an epoch, by one replica or shared by several.

namespace kmyriad {
namespace {

class MeasuredPoolTest : public testing::Test {
 protected:
  std::unique_ptr<EntropyEngine> Engine() {
    EntropyEngineOptions options;
    options.threads = 2;
    auto created = EntropyEngine::Create(options, metrics_, clock_);
    EXPECT_TRUE(created.ok()) << created.status();
    return *std::move(created);
  }
  ScoredEpoch Score(TestEpoch epoch) {
    const auto scored = Engine()->Score(epoch.Particles(), nullptr);
    EXPECT_TRUE(scored.ok()) << scored.status();
    return **scored;
  }

  MetricsRegistry registry_;
  EntropyMetrics metrics_{registry_};
  FakeClock clock_;
};

// The distances that `shards` replicas find, put together.
std::vector<float> Distances(EntropyEngine& engine, const TestEpoch& epoch,
                             uint32_t shards) {
  std::vector<float> all;
  for (uint32_t shard = 0; shard < shards; ++shard) {
    TestEpoch part = epoch;
    part.request.coverage.reset();
    part.request.shard_count = shards;
    part.request.shard_index = shard;
    const auto scored = engine.Score(part.Particles(), nullptr);
    EXPECT_TRUE(scored.ok()) << scored.status();
    if (!scored.ok()) return {};
    EXPECT_TRUE((*scored)->rewards.empty());
    all.insert(all.end(), (*scored)->squared_distances.begin(),
               (*scored)->squared_distances.end());
  }
  return all;
}

absl::StatusOr<ScoredEpoch> ScoreWithDistances(
    EntropyEngine& engine, const TestEpoch& epoch,
    const std::vector<float>& distances) {
  auto particles = EpochParticles::Create(epoch.request);
  EXPECT_TRUE(particles.ok());
  EXPECT_TRUE(particles
                  ->Append(0, epoch.FeatureBytes(0, 600),
                           epoch.MaskBytes(0, 600),
                           {reinterpret_cast<const char*>(distances.data()),
                            distances.size() * sizeof(float)})
                  .ok());
  const auto scored = engine.Score(*particles, nullptr);
  if (!scored.ok()) return scored.status();
  return **scored;
}

// Features that are some periods away, exactly, are where they were.
TEST_F(MeasuredPoolTest, PeriodicFeaturesAreWrapped) {
  TestEpoch epoch = TestEpoch::Uniform();
  epoch.request.coverage.reset();
  for (float& x : epoch.features) x = std::round(x * 400) / 1024;
  epoch.request.periods = {4, 0};
  const ScoredEpoch inside = Score(epoch);
  for (size_t i = 0; i < 600; ++i) {
    epoch.features[2 * i] +=
        4 * static_cast<float>(static_cast<int>(i % 5) - 2);
  }
  EXPECT_EQ(Score(epoch).rewards, inside.rewards);
  // Control: what has no period is not wrapped.
  epoch.features[1] += 4;
  EXPECT_NE(Score(epoch).rewards, inside.rewards);
}

TEST_F(MeasuredPoolTest, ARequestMayNameItsEngine) {
  TestEpoch epoch = TestEpoch::Uniform();
  const ScoredEpoch usual = Score(epoch);
  EXPECT_EQ(usual.engine, "grid");
  for (const char* engine : {"kd_tree", "brute_force"}) {
    epoch.request.engine = engine;
    const ScoredEpoch scored = Score(epoch);
    EXPECT_EQ(scored.engine, engine);
    EXPECT_EQ(scored.rewards, usual.rewards);
    EXPECT_EQ(scored.entropy_nats, usual.entropy_nats);
  }
}

// Neighbours without an agent may lie in a particle's window, which takes them
// away: 21 of a trajectory's particles at most.
TEST_F(MeasuredPoolTest, AWindowCountsAgainstTheParticlesThatAreLeft) {
  TestEpoch epoch = TestEpoch::Uniform();
  epoch.request.reward = RewardKind::kMarginal;
  epoch.request.theiler_window = 10;
  std::fill_n(epoch.mask.begin(), 376, 0);
  EXPECT_THAT(
      Engine()->Score(epoch.Particles(), nullptr),
      StatusIs(absl::StatusCode::kFailedPrecondition,
               testing::HasSubstr("without agent 2 only 24 particles are left, "
                                  "but k = 4 neighbours need 25")));
  epoch.mask[375] = 1;
  const ScoredEpoch scored = Score(epoch);
  TestEpoch rest = epoch;
  rest.request.reward = RewardKind::kForward;
  std::fill_n(rest.mask.begin() + 400, 200, 0);
  EXPECT_NEAR(scored.agent_marginals_nats[2],
              scored.entropy_nats - Score(rest).entropy_nats, 1e-12);
}

TEST_F(MeasuredPoolTest, AnAgentThatCannotBeComparedHasNoDivergence) {
  TestEpoch epoch = TestEpoch::Uniform();
  epoch.request.measure_divergences = true;
  // Five particles have four neighbours each, 25 with a window of ten.
  for (const uint32_t window : {0u, 10u}) {
    epoch.request.theiler_window = window;
    const size_t enough = window == 0 ? 5 : 25;
    std::fill_n(epoch.mask.begin() + 200, 200, 0);
    std::fill_n(epoch.mask.begin() + 200, enough, 1);
    const std::vector<double> all = Score(epoch).agent_divergences_nats;
    for (const double divergence : all) EXPECT_TRUE(std::isfinite(divergence));
    epoch.mask[200] = 0;
    const ScoredEpoch scored = Score(epoch);
    const std::vector<double>& measured = scored.agent_divergences_nats;
    EXPECT_TRUE(std::isnan(measured[1]));
    EXPECT_NEAR(scored.divergence_nats, (measured[0] + measured[2]) / 2, 1e-12);
  }
  // One has all but three: there is nothing to compare, and a score.
  std::fill_n(epoch.mask.begin(), 397, 0);
  epoch.request.theiler_window = 0;
  const ScoredEpoch alone = Score(epoch);
  EXPECT_TRUE(std::isfinite(alone.entropy_nats));
  EXPECT_TRUE(std::isnan(alone.divergence_nats));
}

TEST_F(MeasuredPoolTest, AnyNumberOfShardsGivesTheSameBits) {
  for (const Pooling pooling : {Pooling::kCollective, Pooling::kIndividual}) {
    TestEpoch epoch = TestEpoch::Uniform();
    epoch.request.pooling = pooling;
    for (const size_t i : {0, 5, 199, 200, 201, 599}) epoch.mask[i] = 0;
    epoch.Seal();
    const ScoredEpoch whole = Score(epoch);
    for (const uint32_t shards : {1u, 2u, 3u, 7u, 64u}) {
      const auto engine = Engine();
      const std::vector<float> distances = Distances(*engine, epoch, shards);
      ASSERT_EQ(distances.size(), 600u);
      const auto scored = ScoreWithDistances(*engine, epoch, distances);
      ASSERT_THAT(scored, IsOk());
      EXPECT_EQ(scored->rewards, whole.rewards);
      EXPECT_EQ(scored->entropy_nats, whole.entropy_nats);
      EXPECT_EQ(scored->grid_entropy_nats, whole.grid_entropy_nats);
      EXPECT_EQ(scored->log_volume_mean, whole.log_volume_mean);
      EXPECT_EQ(scored->log_volume_std, whole.log_volume_std);
      EXPECT_EQ(scored->floored, whole.floored);
      EXPECT_EQ(scored->engine, "replicas");
    }
  }
}

TEST_F(MeasuredPoolTest, ADistanceThatIsWrongChangesTheScore) {
  TestEpoch epoch = TestEpoch::Uniform();
  epoch.Seal();
  const auto engine = Engine();
  std::vector<float> distances = Distances(*engine, epoch, 3);
  distances[300] *= 2;
  const auto scored = ScoreWithDistances(*engine, epoch, distances);
  ASSERT_THAT(scored, IsOk());
  EXPECT_NE(scored->rewards, Score(epoch).rewards);
}

TEST_F(MeasuredPoolTest, AShardDoesNotReplaceTheRunsLastEpoch) {
  TestEpoch epoch = TestEpoch::Uniform();
  epoch.Seal();
  const auto engine = Engine();
  ASSERT_THAT(engine->Score(epoch.Particles(), nullptr), IsOk());
  Distances(*engine, epoch, 2);
  const auto last = engine->LastEpoch(epoch.request.run_uuid);
  ASSERT_THAT(last, IsOk());
  EXPECT_EQ((*last)->rewards.size(), 600u);
  EXPECT_EQ(engine->Info().epochs_scored, 1u);
}

TEST_F(MeasuredPoolTest, DistancesThatCameAlongAreNoSearchOfTheScoringReplica) {
  TestEpoch epoch = TestEpoch::Uniform();
  epoch.Seal();
  const auto engine = Engine();
  const std::vector<float> distances = Distances(*engine, epoch, 3);
  ASSERT_THAT(ScoreWithDistances(*engine, epoch, distances), IsOk());
  EXPECT_EQ(engine->Info().engine, "grid");
  EXPECT_EQ(engine->Info().epochs_scored, 1u);
  const auto searches = [this] {
    const auto text = ParsePrometheusText(registry_.Text());
    EXPECT_THAT(text, IsOk());
    return text->Value("kmyriad_entropy_knn_duration_seconds_count");
  };
  EXPECT_EQ(searches(), 3);
  ASSERT_THAT(engine->Score(epoch.Particles(), nullptr), IsOk());
  EXPECT_EQ(searches(), 3);  // A repeat.
  epoch.request.seed = 9;
  ASSERT_THAT(engine->Score(epoch.Particles(), nullptr), IsOk());
  EXPECT_EQ(searches(), 4);
}

}  // namespace
}  // namespace kmyriad
