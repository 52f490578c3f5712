#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "learner/algorithm/policy_optimizer.h"
#include "learner/algorithm/schedules.h"
#include "tests/learner/algorithm/optimizer_probe.h"

namespace kmyriad {
namespace {

// What "iw_entropy" asks an entropy service: here, the mean reward of samples
// that are weighted within each agent.
WeightsEvaluator MeanOf(const SyntheticEpoch& data) {
  return [&data](const std::vector<float>& log_weights)
             -> absl::StatusOr<WeightedValue> {
    constexpr size_t kAgents = 4;
    const size_t size = log_weights.size() / kAgents;
    WeightedValue value;
    value.entropy_gradient.resize(log_weights.size());
    double squares = 0;
    for (size_t first = 0; first < log_weights.size(); first += size) {
      std::vector<double> weights;
      double sum = 0;
      for (size_t i = first; i < first + size; ++i) {
        weights.push_back(std::exp(double{log_weights[i]}));
        sum += weights.back();
        value.state_kl_nats -= log_weights[i] / double(log_weights.size());
      }
      double mean = 0;
      for (size_t i = 0; i < size; ++i) {
        weights[i] /= sum * kAgents;
        mean += kAgents * weights[i] * data.rewards[first + i];
        squares += weights[i] * weights[i];
      }
      value.entropy_nats += mean / kAgents;
      for (size_t i = 0; i < size; ++i) {
        value.entropy_gradient[first + i] =
            static_cast<float>(weights[i] * (data.rewards[first + i] - mean));
      }
    }
    value.effective_samples = 1 / squares;
    return value;
  };
}

PolicyOptimizerOptions IwOptions() {
  PolicyOptimizerOptions options = SmallOptions();
  options.objective = "iw_entropy";
  options.learning_rate = 3e-3;
  options.iw_entropy = {4, 1, 2, 0.3};
  return options;
}

// Short trajectories: what an action earns must not drown in what follows.
UpdateStats MustAscend(PolicyOptimizer& optimizer, uint64_t epoch,
                       uint32_t envs = 160) {
  const SyntheticEpoch data = MakeEpoch(
      PolicyOf(optimizer), envs, 4, static_cast<uint32_t>(epoch), AlignReward);
  EpochSamples view = data.View();
  view.rewards = nullptr;
  view.evaluate = MeanOf(data);
  auto stats = optimizer.Update(view, epoch, kMean, kInvStd, nullptr);
  EXPECT_TRUE(stats.ok()) << stats.status();
  return stats.value_or(UpdateStats());
}

TEST(IwEntropyOptimizerTest, WhatItAscendsRisesAndTheCriticStays) {
  const auto optimizer = MakeOptimizer(IwOptions());
  const std::vector<float> critic = FloatsOf(*optimizer, "critic.0.weight");
  const double before = MeanReward(*optimizer);
  for (uint64_t epoch = 1; epoch <= 10; ++epoch) {
    const UpdateStats stats = MustAscend(*optimizer, epoch);
    EXPECT_LT(stats.ratio_max_error, 1e-4);
    ASSERT_TRUE(stats.ascent.has_value());
    EXPECT_GT(stats.ascent->entropy_nats, stats.ascent->entropy_before_nats);
    EXPECT_LE(stats.ascent->state_kl_nats, 1);
    EXPECT_LE(stats.kl_mean * 4, 2);
    EXPECT_GE(stats.passes, 1u);
    EXPECT_GT(stats.flops, 0u);
  }
  EXPECT_GT(MeanReward(*optimizer), before + 0.2);
  EXPECT_EQ(FloatsOf(*optimizer, "critic.0.weight"), critic);
}

TEST(IwEntropyOptimizerTest, ItsBitsDependOnNeitherThreadsNorInterruptions) {
  // Enough for as many threads as there are.
  constexpr uint32_t kManyEnvs = 1280;
  ASSERT_GE(ShardCount(4, kManyEnvs), 5u);
  std::vector<uint8_t> one;
  for (const int threads : {1, 2, 5}) {
    PolicyOptimizerOptions options = IwOptions();
    options.threads = threads;
    auto optimizer = MakeOptimizer(options);
    MustAscend(*optimizer, 1, kManyEnvs);
    // As a resumed run does.
    const auto resumed = MakeOptimizer(options);
    MustAscend(*resumed, 7, kManyEnvs);
    ASSERT_TRUE(
        resumed->Load(optimizer->SaveParameters(), optimizer->SaveOptimizer())
            .ok());
    MustAscend(*resumed, 2, kManyEnvs);
    MustAscend(*optimizer, 2, kManyEnvs);
    EXPECT_EQ(StateOf(*resumed), StateOf(*optimizer));
    if (threads == 1) one = StateOf(*optimizer);
    EXPECT_EQ(StateOf(*optimizer), one) << threads;
  }
}

// Neither the noise of its gradient nor what moved it before moves a head that
// has nothing to ascend, nor the trunk if it is so with all of them.
TEST(IwEntropyOptimizerTest, AHeadThatIsNotTrainedStandsStill) {
  constexpr uint32_t kManyEnvs = 160;
  for (const bool moved_before : {false, true}) {
    for (const uint32_t from : {4u, 2u, 0u}) {
      const auto optimizer = MakeOptimizer(IwOptions());
      if (moved_before) MustAscend(*optimizer, 1);
      std::vector<std::vector<float>> heads;
      for (size_t agent = 0; agent < 4; ++agent) {
        heads.push_back(HeadOf(*optimizer, agent));
      }
      const std::vector<float> trunk = FloatsOf(*optimizer, "trunk.0.weight");
      const SyntheticEpoch data =
          MakeEpoch(PolicyOf(*optimizer), kManyEnvs, 4, 2, AlignReward);
      EpochSamples view = data.View();
      const WeightsEvaluator all = MeanOf(data);
      // Agents `from` and above have nothing but a rounding error.
      const std::vector<uint8_t> trained = {from > 0, from > 1, from > 2,
                                            from > 3};
      view.trained = trained.data();
      view.evaluate = [&all, from](const std::vector<float>& log_weights)
          -> absl::StatusOr<WeightedValue> {
        auto value = all(log_weights);
        const auto masked =
            static_cast<std::ptrdiff_t>(log_weights.size() / 4 * size_t{from});
        std::fill(value->entropy_gradient.begin() + masked,
                  value->entropy_gradient.end(), 0.0f);
        if (from < 4) value->entropy_gradient.back() = 0x1p-60f;
        return value;
      };
      const auto stats = optimizer->Update(view, 2, kMean, kInvStd, nullptr);
      ASSERT_TRUE(stats.ok()) << stats.status();
      EXPECT_GE(stats->passes, 1u);
      for (size_t agent = 0; agent < 4; ++agent) {
        EXPECT_EQ(HeadOf(*optimizer, agent) == heads[agent], agent >= from)
            << agent << " of " << from;
      }
      EXPECT_EQ(FloatsOf(*optimizer, "trunk.0.weight") == trunk, from == 0);
      // Its steps begin anew where they ended, after a checkpoint, too.
      const auto resumed = MakeOptimizer(IwOptions());
      ASSERT_TRUE(
          resumed->Load(optimizer->SaveParameters(), optimizer->SaveOptimizer())
              .ok());
      MustAscend(*optimizer, 3);
      MustAscend(*resumed, 3);
      EXPECT_EQ(StateOf(*resumed), StateOf(*optimizer));
    }
  }
}

// Its log-weights may all be cut off.
TEST(IwEntropyOptimizerTest, AHeadThatIsTrainedKeepsItsMomentumWithoutSlope) {
  const auto optimizer = MakeOptimizer(IwOptions());
  MustAscend(*optimizer, 1);
  const std::vector<float> before = HeadOf(*optimizer, 3);
  const SyntheticEpoch data =
      MakeEpoch(PolicyOf(*optimizer), 160, 4, 2, AlignReward);
  EpochSamples view = data.View();
  const std::vector<uint8_t> trained(4, 1);
  view.trained = trained.data();
  const WeightsEvaluator all = MeanOf(data);
  view.evaluate = [&all](const std::vector<float>& log_weights)
      -> absl::StatusOr<WeightedValue> {
    auto value = all(log_weights);
    const auto last = static_cast<std::ptrdiff_t>(log_weights.size() / 4 * 3);
    std::fill(value->entropy_gradient.begin() + last,
              value->entropy_gradient.end(), 0.0f);
    return value;
  };
  const auto stats = optimizer->Update(view, 2, kMean, kInvStd, nullptr);
  ASSERT_TRUE(stats.ok()) << stats.status();
  ASSERT_GE(stats->passes, 1u);
  EXPECT_NE(HeadOf(*optimizer, 3), before);
}

TEST(IwEntropyOptimizerTest, AnAscentThatFailsLeavesTheStateOfBefore) {
  const auto optimizer = MakeOptimizer(IwOptions());
  MustAscend(*optimizer, 1);
  const std::vector<uint8_t> before = StateOf(*optimizer);
  const SyntheticEpoch data = EpochOf(*optimizer, 2);
  const WeightsEvaluator well = MeanOf(data);
  EpochSamples view = data.View();
  int calls = 0;
  view.evaluate = [&](const std::vector<float>& log_weights)
      -> absl::StatusOr<WeightedValue> {
    if (++calls == 3) return absl::CancelledError("no service");
    return well(log_weights);
  };
  EXPECT_EQ(optimizer->Update(view, 2, kMean, kInvStd, nullptr).status().code(),
            absl::StatusCode::kCancelled);
  EXPECT_EQ(StateOf(*optimizer), before);
  view.evaluate = well;
  EXPECT_EQ(optimizer
                ->Update(view, 2, kMean, kInvStd,
                         [](double share) { return share < 0.4; })
                .status()
                .code(),
            absl::StatusCode::kCancelled);
  EXPECT_EQ(StateOf(*optimizer), before);
}

}  // namespace
}  // namespace kmyriad
