#include "tests/learner/algorithm/tabular_ring.h"

#include <algorithm>
#include <cmath>

#include "gtest/gtest.h"
#include "tests/testing/status_matchers.h"

namespace kmyriad::ring {
namespace {

constexpr WeightedForm kForms[] = {WeightedForm::kSelfNormalized,
                                   WeightedForm::kMepol};
constexpr uint32_t kNeighbors = 15;

TEST(TabularRingTest, TheExactGradientIsThatOfFiniteDifferences) {
  const Table logits = RandomLogits(3, 0.7, 0);
  const Table gradient = Gradient(logits);
  for (size_t i = 0; i < logits.size(); ++i) {
    constexpr double kStep = 1e-5;
    Table above = logits, below = logits;
    above[i] += kStep;
    below[i] -= kStep;
    EXPECT_NEAR(gradient[i], (Entropy(above) - Entropy(below)) / (2 * kStep),
                1e-9)
        << i;
  }
}

TEST(TabularRingTest, NobodyExceedsTheLargestEntropy) {
  const double largest = LargestEntropy();
  EXPECT_LT(largest, std::log(kCells));
  double best = 0;
  for (int seed = 0; seed < 200; ++seed) {
    best = std::max(best, Entropy(RandomLogits(seed, 0.02 * seed, 0)));
  }
  EXPECT_LT(best, largest);
}

TEST(TabularRingTest, SampledGradientsAreThoseOfTheEstimate) {
  for (const WeightedForm form : kForms) {
    Sample sample(RandomLogits(3, 0.7, 0), 30, 4, 11);
    const Table gradient = sample.AscentGradient(form);
    for (size_t i = 0; i < gradient.size(); ++i) {
      constexpr double kStep = 1e-5;
      Table above = sample.logits, below = sample.logits;
      above[i] += kStep;
      below[i] -= kStep;
      EXPECT_NEAR(
          gradient[i],
          (sample.EntropyAt(above, form) - sample.EntropyAt(below, form)) /
              (2 * kStep),
          1e-6)
          << i;
    }
  }
}

// The nearer, the more particles. Volumes that are dealt out at random tell
// nothing: noise of next to no length.
TEST(TabularRingTest, SampledGradientsComeNearTheExactOne) {
  const Table logits = RandomLogits(3, 0.7, 0);
  const Table exact = Gradient(logits);
  Sample few(logits, 100, kNeighbors, 5);
  Sample many(logits, 3200, kNeighbors, 5);
  Sample shuffled(logits, 3200, kNeighbors, 5, /*shuffled=*/true);
  const auto check = [&](const Table& of_few, const Table& of_many,
                         const Table& of_shuffled) {
    const Agreement near = Compare(of_many, exact);
    EXPECT_GT(near.cosine, 0.99);
    EXPECT_LT(near.relative_error, 0.1);
    EXPECT_GT(Compare(of_few, exact).relative_error, 2 * near.relative_error);
    EXPECT_GT(Compare(of_shuffled, exact).relative_error, 0.9);
  };
  for (const WeightedForm form : kForms) {
    check(few.AscentGradient(form), many.AscentGradient(form),
          shuffled.AscentGradient(form));
  }
  check(few.RewardGradient(), many.RewardGradient(), shuffled.RewardGradient());
}

// Ascents from agents that hardly move; exact entropy at the end.
double Learnt(bool shuffled) {
  Table logits = RandomLogits(7, 0.1, 3);
  for (uint64_t epoch = 0; epoch < 60; ++epoch) {
    Sample sample(logits, 100, kNeighbors, epoch, shuffled);
    EXPECT_THAT(
        AscendIwEntropy({5, 0.1, 2, 0.3}, kAgents, sample.envs(), kSteps,
                        /*rate=*/4, sample,
                        sample.Evaluator(WeightedForm::kSelfNormalized)),
        IsOk());
    logits = sample.logits;
  }
  return Entropy(logits);
}

// 0.993 of the largest was seen, and 0.54 by the control.
TEST(TabularRingTest, AscentsComeNearTheKnownOptimum) {
  const double largest = LargestEntropy();
  EXPECT_LT(Entropy(RandomLogits(7, 0.1, 3)), 0.7 * largest);
  const double learnt = Learnt(/*shuffled=*/false);
  EXPECT_GT(learnt, 0.95 * largest);
  EXPECT_LT(learnt, largest);
  EXPECT_LT(Learnt(/*shuffled=*/true), 0.7 * largest);
}

}  // namespace
}  // namespace kmyriad::ring
