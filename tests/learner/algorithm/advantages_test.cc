#include "learner/algorithm/advantages.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "common/math/philox.h"

namespace kmyriad {
namespace {

std::vector<float> Random(size_t count, uint32_t number) {
  std::vector<float> values;
  for (size_t i = 0; i < count; ++i) {
    const PhiloxBlock block = RunRandom(2, RandomStream::kEvaluation,
                                        static_cast<uint32_t>(i), number, 0, 0);
    values.push_back(4 * UniformOpen(block.word[0]) - 2);
  }
  return values;
}

TEST(ComputeAdvantagesTest, EqualsTheDefinition) {
  constexpr uint32_t kEpisodes = 3;
  constexpr uint32_t kHorizon = 25;
  const std::vector<float> rewards = Random(kEpisodes * kHorizon, 1);
  const std::vector<float> values = Random(kEpisodes * kHorizon, 2);
  for (const auto& [gamma, lambda] :
       {std::pair{0.99, 0.95}, {1.0, 1.0}, {0.9, 0.0}, {0.0, 0.5}}) {
    std::vector<float> advantages(rewards.size());
    ComputeAdvantages(rewards.data(), values.data(), kEpisodes, kHorizon, gamma,
                      lambda, advantages.data());
    for (uint32_t episode = 0; episode < kEpisodes; ++episode) {
      const uint32_t first = episode * kHorizon;
      for (uint32_t t = 0; t < kHorizon; ++t) {
        double expected = 0;
        for (uint32_t l = t; l < kHorizon; ++l) {
          const double next =
              l + 1 < kHorizon ? double{values[first + l + 1]} : 0.0;
          expected += std::pow(gamma * lambda, l - t) *
                      (double{rewards[first + l]} + gamma * next -
                       double{values[first + l]});
        }
        ASSERT_NEAR(advantages[first + t], expected, 1e-5);
      }
    }
  }
}

TEST(ComputeAdvantagesTest, WithoutDiscountItIsTheReturnMinusTheValue) {
  const std::vector<float> rewards = {1, 2, 4};
  const std::vector<float> values = {10, 20, 40};
  std::vector<float> advantages(3);
  ComputeAdvantages(rewards.data(), values.data(), 1, 3, 1, 1,
                    advantages.data());
  EXPECT_EQ(advantages, (std::vector<float>{-3, -14, -36}));
}

TEST(StandardizeGroupsTest, EachGroupHasMeanZeroAndUnitVariance) {
  std::vector<float> values = Random(3 * 50, 3);
  for (size_t i = 50; i < 100; ++i) values[i] = 1000 + 30 * values[i];
  for (size_t i = 100; i < 150; ++i) values[i] = 0.25f;
  StandardizeGroups(values.data(), 3, 50);
  for (size_t group = 0; group < 2; ++group) {
    double sum = 0;
    double squares = 0;
    for (size_t i = group * 50; i < group * 50 + 50; ++i) {
      sum += double{values[i]};
      squares += double{values[i]} * values[i];
    }
    EXPECT_NEAR(sum / 50, 0, 1e-5);
    EXPECT_NEAR(squares / 50, 1, 1e-4);
  }
  for (size_t i = 100; i < 150; ++i) EXPECT_EQ(values[i], 0.0f);
}

TEST(ExplainedVarianceTest, IsOneForPerfectAndZeroForConstantValues) {
  const std::vector<float> returns = Random(100, 4);
  EXPECT_NEAR(ExplainedVariance(returns.data(), returns.data(), 100), 1, 1e-9);
  const std::vector<float> constant(100, 3.0f);
  EXPECT_NEAR(ExplainedVariance(returns.data(), constant.data(), 100), 0, 1e-6);
  EXPECT_EQ(ExplainedVariance(constant.data(), returns.data(), 100), 0);
}

TEST(ComputeAdvantagesTest, AnEpisodeThatEndsEarlyIsAShorterEpisode) {
  constexpr uint32_t kHorizon = 20;
  const std::vector<float> rewards = Random(kHorizon, 3);
  const std::vector<float> values = Random(kHorizon, 4);
  for (const uint32_t length : {1u, 7u, 19u, 20u}) {
    std::vector<uint8_t> counts(kHorizon);
    std::fill_n(counts.begin(), length, uint8_t{1});
    std::vector<float> advantages(kHorizon, 9);
    ComputeAdvantages(rewards.data(), values.data(), 1, kHorizon, 0.99, 0.95,
                      advantages.data(), counts.data());
    std::vector<float> expected(kHorizon, 0);
    ComputeAdvantages(rewards.data(), values.data(), 1, length, 0.99, 0.95,
                      expected.data());
    EXPECT_EQ(advantages, expected) << length;
  }
}

TEST(StandardizeGroupsTest, WhatDoesNotCountIsZeroAndHasNoPart) {
  std::vector<float> values = Random(12, 5);
  std::vector<float> kept;
  std::vector<uint8_t> counts(12);
  for (size_t i = 0; i < 12; ++i) {
    counts[i] = i % 3 != 0 && i < 6 ? 1 : 0;
    if (counts[i] != 0) kept.push_back(values[i]);
  }
  // The second group of six has nothing that counts.
  StandardizeGroups(values.data(), 2, 6, counts.data());
  StandardizeGroups(kept.data(), 1, kept.size());
  size_t next = 0;
  for (size_t i = 0; i < 12; ++i) {
    EXPECT_EQ(values[i], counts[i] != 0 ? kept[next++] : 0) << i;
  }
}

}  // namespace
}  // namespace kmyriad
