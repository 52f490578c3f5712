// With rewards that are the gradient in the weights, REINFORCE with
// undiscounted reward-to-go is the gradient of the weighted entropy in the
// policy's parameters: the importance weight of a step is the product of the
// likelihood ratios up to it.
#include <array>
#include <cmath>
#include <vector>

#include "entropy_service/estimator/intrinsic_reward.h"
#include "entropy_service/estimator/weighted_entropy.h"
#include "gtest/gtest.h"
#include "tests/entropy_service/estimator/graph_of.h"
#include "tests/testing/seeded_random.h"

namespace kmyriad {
namespace {

constexpr uint32_t kAgents = 2;
constexpr uint32_t kTrajectories = 3;  // Of each agent.
constexpr uint32_t kSteps = 20;
constexpr uint32_t kRows = kAgents * kTrajectories * kSteps;

using Vector = std::array<double, 2>;

// Two agents of three walks in the plane each. An action is the policy's
// parameter plus a unit normal, so the noise is the score.
struct Walks {
  Walks() : agents(kRows), scores(kRows) {
    SeededRandom random(4);
    std::vector<float> points;
    for (uint32_t row = 0; row < kRows; ++row) {
      agents[row] = row / (kTrajectories * kSteps);
      if (row % kSteps == 0) place = {0, 0};
      for (size_t j = 0; j < 2; ++j) {
        scores[row][j] = random.Normal();
        place[j] += 0.1 * (kMeans[agents[row]][j] + scores[row][j]);
        points.push_back(static_cast<float>(place[j]));
      }
    }
    measured = GraphOf(points, 2, 4);
  }

  // Entropy of the pool when `agent` has its parameter moved.
  double EntropyWith(WeightedForm form, uint32_t agent,
                     const Vector& move) const {
    std::vector<double> log_weights(kRows);
    double sum = 0;
    for (uint32_t row = 0; row < kRows; ++row) {
      if (row % kSteps == 0) sum = 0;
      if (agents[row] != agent) continue;
      for (size_t j = 0; j < 2; ++j) {
        sum += scores[row][j] * move[j] - 0.5 * move[j] * move[j];
      }
      log_weights[row] = sum;
    }
    return EvaluateWeights(
               {measured.graph, measured.log_volumes, agents, kAgents},
               NeighborSet::kSelfAndNearest, form, log_weights)
        .entropy_nats;
  }

  static constexpr Vector kMeans[kAgents] = {{0.5, 0}, {-0.2, 0.3}};
  std::vector<uint32_t> agents;
  std::vector<Vector> scores;
  Vector place{};
  TestGraph measured;
};

// What of the rewards a step is held to account for.
enum class Account { kToGo, kAfterwards, kWholePoolMean };

// (1/N) sum over the agent's steps of score times reward-to-go, where rewards
// are values minus the agent's mean.
Vector Reinforce(const Walks& walks, const std::vector<double>& values,
                 uint32_t agent, Account account) {
  const bool pool = account == Account::kWholePoolMean;
  double mean = 0;
  double count = 0;
  for (uint32_t row = 0; row < kRows; ++row) {
    if (!pool && walks.agents[row] != agent) continue;
    mean += values[row];
    ++count;
  }
  mean /= count;
  Vector gradient{};
  double to_go = 0;
  for (uint32_t row = kRows; row-- > 0;) {
    if (row % kSteps == kSteps - 1) to_go = 0;
    if (walks.agents[row] != agent) continue;
    const double reward = values[row] - mean;
    if (account != Account::kAfterwards) to_go += reward;
    for (size_t j = 0; j < 2; ++j) {
      gradient[j] += walks.scores[row][j] * to_go / kRows;
    }
    if (account == Account::kAfterwards) to_go += reward;
  }
  return gradient;
}

// Largest difference from finite differences over agents and parameters.
double Error(const Walks& walks, WeightedForm form, RewardKind kind,
             Account account) {
  constexpr double kStep = 1e-5;
  const std::vector<double> values =
      ReverseValues(kind, walks.measured.graph, walks.measured.log_volumes);
  double largest = 0;
  for (uint32_t agent = 0; agent < kAgents; ++agent) {
    const Vector gradient = Reinforce(walks, values, agent, account);
    for (size_t j = 0; j < 2; ++j) {
      Vector move{};
      move[j] = kStep;
      const double above = walks.EntropyWith(form, agent, move);
      move[j] = -kStep;
      const double below = walks.EntropyWith(form, agent, move);
      largest = std::max(largest,
                         std::abs(gradient[j] - (above - below) / (2 * kStep)));
    }
  }
  return largest;
}

TEST(RewardToGoTest, IsTheGradientOfTheEntropyInThePolicy) {
  const Walks walks;
  EXPECT_LT(Error(walks, WeightedForm::kSelfNormalized,
                  RewardKind::kSelfnormReverse, Account::kToGo),
            1e-8);
  EXPECT_LT(Error(walks, WeightedForm::kMepol, RewardKind::kMepolExact,
                  Account::kToGo),
            1e-8);
}

// Negative controls: a step that is not paid for its own state, the mean of
// the pool in the place of the agent's, and the other form's rewards.
TEST(RewardToGoTest, OtherAccountsAreNot) {
  const Walks walks;
  for (const Account account :
       {Account::kAfterwards, Account::kWholePoolMean}) {
    EXPECT_GT(Error(walks, WeightedForm::kSelfNormalized,
                    RewardKind::kSelfnormReverse, account),
              1e-3);
  }
  EXPECT_GT(Error(walks, WeightedForm::kSelfNormalized, RewardKind::kMepolExact,
                  Account::kToGo),
            1e-3);
}

}  // namespace
}  // namespace kmyriad
