#include "entropy_service/estimator/weighted_entropy.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <numeric>
#include <vector>

#include "entropy_service/estimator/intrinsic_reward.h"
#include "gtest/gtest.h"
#include "tests/entropy_service/estimator/graph_of.h"
#include "tests/testing/seeded_random.h"

namespace kmyriad {
namespace {

constexpr NeighborSet kSets[] = {NeighborSet::kSelfAndNearest,
                                 NeighborSet::kNearest};
constexpr WeightedForm kForms[] = {WeightedForm::kSelfNormalized,
                                   WeightedForm::kMepol};

// 120 normal points in five groups of unequal size, or in one.
struct Example {
  explicit Example(uint32_t groups, uint64_t seed = 1, uint32_t dims = 3,
                   size_t count = 120, float scale = 1)
      : group_count(groups), group(count), log_weights(count) {
    SeededRandom random(seed);
    std::vector<float> points = random.Normals(count * dims);
    for (float& value : points) value *= scale;
    measured = GraphOf(points, dims, 4);
    for (size_t i = 0; i < count; ++i) {
      group[i] = static_cast<uint32_t>(random.Below(groups));
      log_weights[i] = 0.5 * random.Normal();
    }
  }
  WeightedEntropy Evaluate(NeighborSet set, WeightedForm form,
                           const std::vector<double>& weights) const {
    return EvaluateWeights(
        {measured.graph, measured.log_volumes, group, group_count}, set, form,
        weights);
  }

  uint32_t group_count;
  std::vector<uint32_t> group;
  std::vector<double> log_weights;
  TestGraph measured;
};

TEST(WeightedEntropyTest, GradientsAreThoseOfFiniteDifferences) {
  constexpr double kStep = 1e-5;
  for (const uint32_t groups : {1u, 5u}) {
    const Example example(groups);
    for (const NeighborSet set : kSets) {
      for (const WeightedForm form : kForms) {
        const WeightedEntropy at =
            example.Evaluate(set, form, example.log_weights);
        for (size_t j = 0; j < example.group.size(); j += 3) {
          std::vector<double> weights = example.log_weights;
          weights[j] += kStep;
          const WeightedEntropy above = example.Evaluate(set, form, weights);
          weights[j] -= 2 * kStep;
          const WeightedEntropy below = example.Evaluate(set, form, weights);
          EXPECT_NEAR(at.entropy_gradient[j],
                      (above.entropy_nats - below.entropy_nats) / (2 * kStep),
                      1e-9);
        }
      }
    }
  }
}

TEST(WeightedEntropyTest, GradientsOfAGroupSumToZero) {
  const Example example(5);
  for (const WeightedForm form : kForms) {
    const WeightedEntropy at = example.Evaluate(NeighborSet::kSelfAndNearest,
                                                form, example.log_weights);
    std::vector<double> entropy(5);
    for (size_t j = 0; j < example.group.size(); ++j) {
      entropy[example.group[j]] += at.entropy_gradient[j];
    }
    for (uint32_t group = 0; group < 5; ++group) {
      EXPECT_NEAR(entropy[group], 0, 1e-14);
    }
  }
}

TEST(WeightedEntropyTest, AddingToTheLogWeightsOfAGroupChangesNothing) {
  const Example example(5);
  std::vector<double> shifted = example.log_weights;
  for (size_t j = 0; j < shifted.size(); ++j) {
    shifted[j] += 40.0 * example.group[j] - 90;
  }
  for (const WeightedForm form : kForms) {
    const auto before =
        example.Evaluate(NeighborSet::kNearest, form, example.log_weights);
    const auto after = example.Evaluate(NeighborSet::kNearest, form, shifted);
    EXPECT_NEAR(after.entropy_nats, before.entropy_nats, 1e-12);
    EXPECT_NEAR(after.kl_nats, before.kl_nats, 1e-12);
  }
}

TEST(WeightedEntropyTest, EqualWeightsGiveThePlainEstimates) {
  const Example example(1);
  const std::vector<double> equal(120, 0.7);
  const double mean = std::accumulate(example.measured.log_volumes.begin(),
                                      example.measured.log_volumes.end(), 0.0) /
                      120;
  for (const NeighborSet set : kSets) {
    const auto own =
        example.Evaluate(set, WeightedForm::kSelfNormalized, equal);
    EXPECT_NEAR(own.entropy_nats, KnnEntropy(120, 4, mean), 1e-12);
    const auto mepol = example.Evaluate(set, WeightedForm::kMepol, equal);
    // ln N in the place of psi(N).
    EXPECT_NEAR(mepol.entropy_nats,
                KnnEntropy(120, 4, mean) + std::log(120.0) - Digamma(120),
                1e-12);
    EXPECT_NEAR(mepol.kl_nats, 0, 1e-12);
    EXPECT_NEAR(mepol.effective_samples, 120, 1e-9);
  }
}

TEST(WeightedEntropyTest, GradientsAtEqualWeightsAreTheReverseRewards) {
  const Example example(1, 2, 7, 500);
  const std::vector<double> equal(500);
  const std::pair<WeightedForm, RewardKind> kPairs[] = {
      {WeightedForm::kSelfNormalized, RewardKind::kSelfnormReverse},
      {WeightedForm::kMepol, RewardKind::kMepolExact}};
  for (const auto& [form, kind] : kPairs) {
    const auto at = example.Evaluate(NeighborSet::kSelfAndNearest, form, equal);
    const std::vector<double> values = ReverseValues(
        kind, example.measured.graph, example.measured.log_volumes);
    for (size_t j = 0; j < 500; ++j) {
      EXPECT_NEAR(500 * at.entropy_gradient[j], values[j], 1e-11);
    }
  }
}

TEST(WeightedEntropyTest, OnlyTheSelfNormalizedGradientIsFreeOfUnits) {
  const Example meters(5, 3);
  // A power of two changes no rounding.
  const Example small(5, 3, 3, 120, 0x1p10f);
  const double shift = 3 * 10 * std::log(2.0);
  for (const WeightedForm form : kForms) {
    const auto before =
        meters.Evaluate(NeighborSet::kSelfAndNearest, form, meters.log_weights);
    const auto after =
        small.Evaluate(NeighborSet::kSelfAndNearest, form, small.log_weights);
    double largest = 0;
    for (size_t j = 0; j < 120; ++j) {
      largest = std::max(largest, std::abs(after.entropy_gradient[j] -
                                           before.entropy_gradient[j]));
    }
    if (form == WeightedForm::kSelfNormalized) {
      EXPECT_NEAR(after.entropy_nats, before.entropy_nats + shift, 1e-11);
      EXPECT_LT(largest, 1e-13);
    } else {
      EXPECT_GT(largest, 0.05);
    }
  }
}

TEST(WeightedEntropyTest, EffectiveSamplesAreThoseOfTheWeights) {
  Example example(1);
  example.group.assign(120, 0);
  for (size_t j = 60; j < 120; ++j) example.group[j] = 2;
  example.group_count = 3;
  std::vector<double> weights(120, -300);
  weights[0] = weights[1] = 300;
  for (size_t j = 60; j < 120; ++j) weights[j] = 5;
  const auto at = example.Evaluate(NeighborSet::kSelfAndNearest,
                                   WeightedForm::kSelfNormalized, weights);
  EXPECT_NEAR(at.group_effective_samples[0], 2, 1e-12);
  EXPECT_EQ(at.group_effective_samples[1], 0);
  EXPECT_NEAR(at.group_effective_samples[2], 60, 1e-12);
  // Masses of one half: 1 / (2 / 16 + 60 / 120^2).
  EXPECT_NEAR(at.effective_samples, 1 / (2.0 / 16 + 60.0 / 14400), 1e-10);
  EXPECT_TRUE(std::isfinite(at.entropy_nats));
  EXPECT_TRUE(std::isfinite(at.kl_nats));
}

// MEPOL's published formula, written anew from the paper and its description
// (global weights; W_i over i and its k - 1 nearest), by other means: ln and
// psi of the C library's functions, brute force in double.
TEST(WeightedEntropyTest, AgreesWithATranscriptionOfMepol) {
  constexpr size_t kCount = 300;
  constexpr uint32_t kDims = 7;
  constexpr uint32_t kK = 4;
  SeededRandom random(11);
  const std::vector<float> x = random.Normals(kCount * kDims);
  std::vector<double> log_weights(kCount);
  for (double& weight : log_weights) weight = 0.3 * random.Normal();
  double total = 0;
  for (const double weight : log_weights) total += std::exp(weight);
  double entropy = 0;
  double kl = 0;
  for (size_t i = 0; i < kCount; ++i) {
    std::vector<std::pair<double, size_t>> all;
    for (size_t j = 0; j < kCount; ++j) {
      double sum = 0;
      for (size_t c = 0; c < kDims; ++c) {
        sum += std::pow(double{x[i * kDims + c]} - x[j * kDims + c], 2);
      }
      all.emplace_back(std::sqrt(sum), j);
    }
    std::sort(all.begin(), all.end());  // All[0] is i itself.
    double mass = 0;
    for (size_t j = 0; j < kK; ++j) {
      mass += std::exp(log_weights[all[j].second]) / total;
    }
    const double volume = std::pow(all[kK].first, kDims) *
                          std::pow(std::numbers::pi, kDims / 2.0) /
                          std::tgamma(kDims / 2.0 + 1);
    entropy -= mass / kK * std::log(mass / volume);
    kl += std::log(static_cast<double>(kK) / kCount / mass) / kCount;
  }
  // psi(4) = 1 + 1/2 + 1/3 - gamma.
  entropy += std::log(4.0) - (1 + 0.5 + 1.0 / 3 - 0.57721566490153286);
  const TestGraph measured = GraphOf(x, kDims, kK);
  const std::vector<uint32_t> one_group(kCount);
  const WeightedEntropy ours = EvaluateWeights(
      {measured.graph, measured.log_volumes, one_group, 1},
      NeighborSet::kSelfAndNearest, WeightedForm::kMepol, log_weights);
  EXPECT_NEAR(ours.entropy_nats, entropy, 1e-5);
  EXPECT_NEAR(ours.kl_nats, kl, 1e-12);
}

}  // namespace
}  // namespace kmyriad
