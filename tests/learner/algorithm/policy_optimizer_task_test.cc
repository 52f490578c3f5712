#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>

#include "learner/algorithm/policy_optimizer.h"
#include "tests/learner/algorithm/optimizer_probe.h"

namespace kmyriad {
namespace {

using ::testing::HasSubstr;

bool IsCritic(const std::string& name) {
  return name.find("critic") != std::string::npos ||
         name.find("embedding") != std::string::npos;
}

// The first update, in which nobody is trained: the critic learns alone.
void LearnWithoutHeads(PolicyOptimizer& optimizer, const SyntheticEpoch& data) {
  EpochSamples view = data.View();
  const std::vector<uint8_t> nobody(4, 0);
  view.trained = nobody.data();
  const auto stats = optimizer.Update(view, 1, kMean, kInvStd, nullptr);
  ASSERT_TRUE(stats.ok()) << stats.status();
}

TEST(PolicyOptimizerTest, TheCriticCanLearnAlone) {
  const auto optimizer = MakeOptimizer(SmallOptions());
  const std::vector<NamedTensor> before = optimizer->SaveParameters();
  const SyntheticEpoch data = EpochOf(*optimizer, 1);
  LearnWithoutHeads(*optimizer, data);
  const std::vector<NamedTensor> after = optimizer->SaveParameters();
  for (size_t i = 0; i < before.size(); ++i) {
    EXPECT_EQ(before[i].data != after[i].data, IsCritic(before[i].name))
        << before[i].name;
  }
  // Then the policy's first step is that of a policy that never waited: moments
  // and their correction begin with it.
  const auto fresh = MakeOptimizer(SmallOptions());
  std::vector<NamedTensor> mixed = fresh->SaveParameters();
  for (size_t i = 0; i < mixed.size(); ++i) {
    if (IsCritic(mixed[i].name)) mixed[i] = after[i];
  }
  ASSERT_TRUE(fresh->Load(mixed, fresh->SaveOptimizer()).ok());
  ASSERT_TRUE(optimizer->Update(data.View(), 2, kMean, kInvStd, nullptr).ok());
  ASSERT_TRUE(fresh->Update(data.View(), 2, kMean, kInvStd, nullptr).ok());
  // The critics differ by their moments, which the policy does not see within
  // one update.
  EXPECT_EQ(FloatsOf(*optimizer, "trunk.0.weight"),
            FloatsOf(*fresh, "trunk.0.weight"));
  EXPECT_EQ(FloatsOf(*optimizer, "heads.weight"),
            FloatsOf(*fresh, "heads.weight"));
}

// The others have the gradient of the bonus.
TEST(PolicyOptimizerTest, TheLargestNormIsOfTheHeadsThatLearn) {
  PolicyOptimizerOptions options = SmallOptions();
  options.entropy_coefficient = 0.1;
  const auto optimizer = MakeOptimizer(options);
  const SyntheticEpoch data = EpochOf(*optimizer, 1);
  const auto largest = [&](const std::vector<uint8_t>& trained) {
    EpochSamples view = data.View();
    view.trained = trained.data();
    const auto again = MakeOptimizer(options);
    const auto stats = again->Update(view, 1, kMean, kInvStd, nullptr);
    EXPECT_TRUE(stats.ok()) << stats.status();
    return stats.ok() ? stats->head_grad_norm_max : -1;
  };
  EXPECT_EQ(largest({0, 0, 0, 0}), 0);
  EXPECT_GT(largest({1, 1, 1, 1}), 0);
}

TEST(PolicyOptimizerTest, HeldStepsSurviveACheckpoint) {
  const auto optimizer = MakeOptimizer(SmallOptions());
  LearnWithoutHeads(*optimizer, EpochOf(*optimizer, 1));
  const auto restored = MakeOptimizer(SmallOptions());
  ASSERT_TRUE(
      restored->Load(optimizer->SaveParameters(), optimizer->SaveOptimizer())
          .ok());
  MustUpdate(*optimizer, 2);
  MustUpdate(*restored, 2);
  EXPECT_EQ(StateOf(*optimizer), StateOf(*restored));
}

// Older checkpoints count the steps that trunk and heads sat out together.
TEST(PolicyOptimizerTest, TwoCountsAreThoseOfTheTrunkAndOfEveryHead) {
  const auto optimizer = MakeOptimizer(SmallOptions());
  LearnWithoutHeads(*optimizer, EpochOf(*optimizer, 1));
  MustUpdate(*optimizer, 2);
  const std::vector<NamedTensor> parameters = optimizer->SaveParameters();
  std::vector<NamedTensor> state = optimizer->SaveOptimizer();
  int64_t counts[6];
  ASSERT_EQ(state.back().data.size(), sizeof(counts));
  std::memcpy(counts, state.back().data.data(), sizeof(counts));
  ASSERT_GT(counts[1], 0);
  ASSERT_EQ(std::count(counts + 2, counts + 6, counts[1]), 4);
  const auto resume = [&](int64_t held) {
    const int64_t two[2] = {counts[0], held};
    state.back().shape = {2};
    state.back().data.resize(sizeof(two));
    std::memcpy(state.back().data.data(), two, sizeof(two));
    auto resumed = MakeOptimizer(SmallOptions());
    EXPECT_TRUE(resumed->Load(parameters, state).ok());
    MustUpdate(*resumed, 3);
    return StateOf(*resumed);
  };
  MustUpdate(*optimizer, 3);
  EXPECT_EQ(resume(counts[1]), StateOf(*optimizer));
  EXPECT_NE(resume(0), StateOf(*optimizer));
}

// Neither a bonus that asks for no sample nor the momentum of earlier steps
// moves it.
TEST(PolicyOptimizerTest, AnAgentThatIsNotTrainedKeepsItsHead) {
  for (const bool moved_before : {false, true}) {
    PolicyOptimizerOptions options = SmallOptions();
    options.entropy_coefficient = 0.1;
    const auto optimizer = MakeOptimizer(options);
    if (moved_before) MustUpdate(*optimizer, 1);
    std::vector<std::vector<float>> before;
    for (size_t agent = 0; agent < 4; ++agent) {
      before.push_back(HeadOf(*optimizer, agent));
    }
    const SyntheticEpoch data = EpochOf(*optimizer, 2);
    EpochSamples view = data.View();
    const std::vector<uint8_t> trained = {1, 0, 1, 0};
    view.trained = trained.data();
    ASSERT_TRUE(optimizer->Update(view, 2, kMean, kInvStd, nullptr).ok());
    for (size_t agent = 0; agent < 4; ++agent) {
      EXPECT_EQ(HeadOf(*optimizer, agent) == before[agent], trained[agent] == 0)
          << agent << (moved_before ? " moved before" : "");
    }
  }
}

// Its moments and their correction begin with its own first step, whatever the
// others did before.
TEST(PolicyOptimizerTest, AHeadThatWaitedStepsLikeOneThatNeverDid) {
  PolicyOptimizerOptions options = SmallOptions();
  options.epochs = 1;
  options.minibatches = 1;
  const auto waited = MakeOptimizer(options);
  const SyntheticEpoch first = EpochOf(*waited, 1);
  EpochSamples view = first.View();
  const std::vector<uint8_t> trained = {0, 1, 0, 1};
  view.trained = trained.data();
  ASSERT_TRUE(waited->Update(view, 1, kMean, kInvStd, nullptr).ok());
  const auto fresh = MakeOptimizer(options);
  ASSERT_TRUE(
      fresh->Load(waited->SaveParameters(), fresh->SaveOptimizer()).ok());
  MustUpdate(*waited, 2);
  MustUpdate(*fresh, 2);
  for (const size_t agent : {0, 1, 2, 3}) {
    EXPECT_EQ(HeadOf(*waited, agent) == HeadOf(*fresh, agent),
              trained[agent] == 0)
        << agent;
  }
}

TEST(PolicyOptimizerTest, HeadsThatSatStepsOutSurviveACheckpoint) {
  const auto optimizer = MakeOptimizer(SmallOptions());
  const SyntheticEpoch data = EpochOf(*optimizer, 1);
  EpochSamples view = data.View();
  const std::vector<uint8_t> trained = {1, 0, 0, 1};
  view.trained = trained.data();
  ASSERT_TRUE(optimizer->Update(view, 1, kMean, kInvStd, nullptr).ok());
  std::vector<NamedTensor> state = optimizer->SaveOptimizer();
  EXPECT_EQ(state.back().shape, std::vector<int64_t>{2 + 4});
  const auto restored = MakeOptimizer(SmallOptions());
  ASSERT_TRUE(restored->Load(optimizer->SaveParameters(), state).ok());
  MustUpdate(*optimizer, 2);
  MustUpdate(*restored, 2);
  EXPECT_EQ(StateOf(*optimizer), StateOf(*restored));
  // Counts of another population, and more waiting than there were steps.
  state.back().data.resize(5 * sizeof(int64_t));
  EXPECT_THAT(
      std::string(restored->Load(optimizer->SaveParameters(), state).message()),
      HasSubstr("adam.steps is not one int64, or 2, or 6, or 10"));
  state.back().data.assign(6 * sizeof(int64_t), 1);
  state.back().data[0] = 0;
  EXPECT_THAT(
      std::string(restored->Load(optimizer->SaveParameters(), state).message()),
      HasSubstr("more are held than there are"));
}

TEST(PolicyOptimizerTest, WhatComesAfterAnEpisodesEndDoesNotMatter) {
  std::vector<uint8_t> counts(kEnvs * kHorizon, 1);
  for (uint32_t env = 0; env < kEnvs; ++env) {
    std::fill_n(counts.begin() + env * kHorizon + 10 + env, kHorizon - 10 - env,
                uint8_t{0});
  }
  const auto parameters = [&counts](bool change, bool use_counts) {
    const auto optimizer = MakeOptimizer(SmallOptions());
    SyntheticEpoch data = EpochOf(*optimizer, 1);
    for (size_t i = 0; change && i < counts.size(); ++i) {
      if (counts[i] == 0) data.rewards[i] += 3;
    }
    EpochSamples view = data.View();
    if (use_counts) view.counts = counts.data();
    EXPECT_TRUE(optimizer->Update(view, 1, kMean, kInvStd, nullptr).ok());
    return StateOf(*optimizer);
  };
  EXPECT_EQ(parameters(false, true), parameters(true, true));
  EXPECT_NE(parameters(false, false), parameters(true, false));
  EXPECT_NE(parameters(false, true), parameters(false, false));
}

// Episodes that end after a quarter: what is said of the update is said of
// what they are made of, so that ppo.kl_stop means the same with a task.
TEST(PolicyOptimizerTest, MeansAreThoseOfTheSamplesThatCount) {
  PolicyOptimizerOptions options = SmallOptions();
  options.learning_rate = 0.02;
  options.minibatches = 1;
  const auto whole = MakeOptimizer(options);
  const auto cut = MakeOptimizer(options);
  SyntheticEpoch data = EpochOf(*whole, 1);
  std::vector<uint8_t> counts(kEnvs * kHorizon, 0);
  for (uint32_t env = 0; env < kEnvs; ++env) {
    std::fill_n(counts.begin() + env * kHorizon, kHorizon / 4, uint8_t{1});
  }
  EpochSamples view = data.View();
  view.counts = counts.data();
  const auto stats = cut->Update(view, 1, kMean, kInvStd, nullptr);
  ASSERT_TRUE(stats.ok()) << stats.status();
  // The same update of the short episodes alone.
  SyntheticEpoch parts;
  parts.envs = kEnvs;
  parts.horizon = kHorizon / 4;
  for (uint32_t env = 0; env < kEnvs; ++env) {
    const auto take = [&](const std::vector<float>& from, size_t columns,
                          std::vector<float>* to) {
      const auto first = from.begin() + env * kHorizon * columns;
      to->insert(to->end(), first, first + parts.horizon * columns);
    };
    take(data.observations, 5, &parts.observations);
    take(data.actions, 2, &parts.actions);
    take(data.log_probs, 1, &parts.log_probs);
    take(data.rewards, 1, &parts.rewards);
  }
  const auto same = whole->Update(parts.View(), 1, kMean, kInvStd, nullptr);
  ASSERT_TRUE(same.ok()) << same.status();
  // Adam hardly sees that its gradients are a quarter.
  EXPECT_NEAR(stats->kl_mean, same->kl_mean, 0.1 * same->kl_mean);
  EXPECT_NEAR(stats->value_loss, same->value_loss, 0.1 * same->value_loss);
  EXPECT_NEAR(stats->clip_fraction, same->clip_fraction, 0.02);
  EXPECT_GT(stats->kl_mean, 0.01);
}

TEST(PolicyOptimizerTest, SamplesThatAllCountAreAsWithoutCounts) {
  const auto one = MakeOptimizer(SmallOptions());
  const auto other = MakeOptimizer(SmallOptions());
  const SyntheticEpoch data = EpochOf(*one, 1);
  EpochSamples view = data.View();
  const std::vector<uint8_t> counts(kEnvs * kHorizon, 1);
  const std::vector<uint8_t> trained(4, 1);
  ASSERT_TRUE(one->Update(view, 1, kMean, kInvStd, nullptr).ok());
  view.counts = counts.data();
  view.trained = trained.data();
  ASSERT_TRUE(other->Update(view, 1, kMean, kInvStd, nullptr).ok());
  EXPECT_EQ(StateOf(*one), StateOf(*other));
}

TEST(PolicyOptimizerTest, AHeadBecomesANoisyCopyWithoutAPast) {
  PolicyOptimizerOptions options = SmallOptions();
  const auto optimizer = MakeOptimizer(options);
  MustUpdate(*optimizer, 1);
  const std::vector<float> parent = HeadOf(*optimizer, 2);
  const std::vector<float> other = HeadOf(*optimizer, 1);
  optimizer->CopyHeads({{2, 0}}, 0.05, 1);
  const std::vector<float> copy = HeadOf(*optimizer, 0);
  EXPECT_EQ(HeadOf(*optimizer, 1), other);
  EXPECT_EQ(HeadOf(*optimizer, 2), parent);
  // 16 x 2 weights with noise, 2 + 2 numbers without.
  double square = 0;
  for (size_t i = 0; i < 32; ++i) {
    square += std::pow(double{copy[i]} - parent[i], 2) / 32;
  }
  EXPECT_NEAR(std::sqrt(square), 0.05 / std::sqrt(16.0), 0.005);
  EXPECT_TRUE(std::equal(copy.begin() + 32, copy.end(), parent.begin() + 32));
  const std::vector<float> embedding = FloatsOf(*optimizer, "embedding");
  EXPECT_TRUE(std::equal(embedding.begin(), embedding.begin() + 8,
                         embedding.begin() + 16));
  // Other epochs, other noise; and it is all in the checkpoint.
  const auto restored = MakeOptimizer(options);
  ASSERT_TRUE(
      restored->Load(optimizer->SaveParameters(), optimizer->SaveOptimizer())
          .ok());
  MustUpdate(*restored, 2);
  MustUpdate(*optimizer, 2);
  EXPECT_EQ(StateOf(*restored), StateOf(*optimizer));
  optimizer->CopyHeads({{2, 0}}, 0.05, 1);
  const std::vector<float> again = HeadOf(*optimizer, 0);
  optimizer->CopyHeads({{2, 0}}, 0.05, 2);
  EXPECT_NE(HeadOf(*optimizer, 0), again);
}

// An agent's row of "embedding" or of its moments.
std::vector<float> RowOf(const std::vector<NamedTensor>& tensors,
                         const std::string& name, size_t agent) {
  const NamedTensor* const tensor = FindTensor(tensors, name);
  if (tensor == nullptr) return {};
  std::vector<float> row(8);
  std::memcpy(row.data(), tensor->data.data() + agent * 8 * sizeof(float),
              8 * sizeof(float));
  return row;
}

TEST(PolicyOptimizerTest, TheCriticsRowOfACopyBeginsAnew) {
  PolicyOptimizerOptions options = SmallOptions();
  options.epochs = 1;
  options.minibatches = 1;
  const auto optimizer = MakeOptimizer(options);
  for (uint64_t epoch = 1; epoch <= 5; ++epoch) MustUpdate(*optimizer, epoch);
  const std::vector<NamedTensor> before = optimizer->SaveOptimizer();
  optimizer->CopyHeads({{2, 0}}, 0.05, 5);
  const std::vector<NamedTensor> after = optimizer->SaveOptimizer();
  const std::vector<float> zeros(8);
  for (const char* name : {"adam.embedding.first", "adam.embedding.second"}) {
    EXPECT_NE(RowOf(before, name, 0), zeros);
    EXPECT_EQ(RowOf(after, name, 0), zeros);
    for (const size_t other : {1, 2, 3}) {
      EXPECT_EQ(RowOf(after, name, other), RowOf(before, name, other));
    }
  }
  EXPECT_EQ(after.back().shape, std::vector<int64_t>{2 + 4 + 4});
  // Adam's first step is the rate in each direction, moments and their
  // correction both new; without the correction it would be the triple.
  const auto from = RowOf(optimizer->SaveParameters(), "embedding", 0);
  MustUpdate(*optimizer, 6);
  const auto to = RowOf(optimizer->SaveParameters(), "embedding", 0);
  for (size_t i = 0; i < 8; ++i) {
    EXPECT_NEAR(std::abs(to[i] - from[i]), options.critic_learning_rate,
                0.01 * options.critic_learning_rate);
  }
}

}  // namespace
}  // namespace kmyriad
