#include "deploy/launcher/policy_distance.h"

#include <gtest/gtest.h>

#include <cmath>

#include "common/policy/mean_actions.h"
#include "tests/common/policy/policy_fixture.h"
#include "tests/testing/status_matchers.h"

namespace kmyriad {
namespace {

constexpr uint32_t kObs = 5;
constexpr uint32_t kAct = 3;
constexpr uint32_t kAgents = 6;
constexpr size_t kStates = 37;  // not a multiple of a block's lanes

PolicyWeights Policy() {
  return RandomPolicy({.obs_dim = kObs,
                       .trunk = {16},
                       .act_dim = kAct,
                       .agents = kAgents,
                       .activation = Activation::kTanh},
                      3);
}

std::vector<float> States() {
  std::mt19937 generator(5);
  return RandomFloats(kStates * kObs, 1, generator);
}

// The network by its definition, in double.
double MeanAction(const PolicyWeights& w, const float* state, uint32_t agent,
                  uint32_t d) {
  double mean = w.head_bias[agent * kAct + d];
  const DenseLayer& layer = w.trunk[0];
  for (uint32_t unit = 0; unit < layer.out; ++unit) {
    double sum = layer.bias[unit];
    for (uint32_t i = 0; i < kObs; ++i) {
      const double x = (state[i] - w.normalizer_mean[i]) *
                       static_cast<double>(w.normalizer_inv_std[i]);
      sum += layer.weight[unit * kObs + i] * std::fmin(std::fmax(x, -5), 5);
    }
    mean += std::tanh(sum) *
            w.head_weight[(size_t{agent} * layer.out + unit) * kAct + d];
  }
  return mean;
}

TEST(MeanActionsTest, AreTheNetworks) {
  const PolicyWeights weights = Policy();
  const std::vector<float> states = States();
  const auto means = MeanActions(weights, states);
  ASSERT_THAT(means, IsOk());
  ASSERT_EQ(means->size(), kAgents * kStates * kAct);
  for (uint32_t agent = 0; agent < kAgents; ++agent) {
    for (size_t s = 0; s < kStates; ++s) {
      for (uint32_t d = 0; d < kAct; ++d) {
        EXPECT_NEAR((*means)[(agent * kStates + s) * kAct + d],
                    MeanAction(weights, &states[s * kObs], agent, d), 1e-4);
      }
    }
  }
}

// KL of two normal distributions by its textbook form, without expansion.
double Kl(double mu, double log_std, double other_mu, double other_log_std) {
  const double variance = std::exp(2 * log_std);
  const double other_variance = std::exp(2 * other_log_std);
  return other_log_std - log_std +
         (variance + (mu - other_mu) * (mu - other_mu)) / (2 * other_variance) -
         0.5;
}

TEST(DistancesTest, AreTheClosedFormPairByPair) {
  const PolicyWeights weights = Policy();
  const auto means = MeanActions(weights, States());
  ASSERT_THAT(means, IsOk());
  const PolicyDistances distances = DistancesOf(weights, *means);
  for (uint32_t i = 0; i < kAgents; ++i) {
    for (uint32_t j = 0; j < kAgents; ++j) {
      double sum = 0;
      for (size_t s = 0; s < kStates; ++s) {
        for (uint32_t d = 0; d < kAct; ++d) {
          const double a = (*means)[(i * kStates + s) * kAct + d];
          const double b = (*means)[(j * kStates + s) * kAct + d];
          const double sa = weights.head_log_std[i * kAct + d];
          const double sb = weights.head_log_std[j * kAct + d];
          sum += Kl(a, sa, b, sb) + Kl(b, sb, a, sa);
        }
      }
      const double want = sum / kStates;
      EXPECT_NEAR(distances.matrix[i * kAgents + j], want, 1e-9 * (1 + want));
    }
  }
}

TEST(DistancesTest, NearestSeesDuplicatesThatTheMeanHides) {
  PolicyWeights weights = Policy();
  const size_t head = weights.head_weight.size() / kAgents;
  for (uint32_t agent = 1; agent < kAgents; agent += 2) {
    std::copy_n(weights.head_weight.begin() + (agent - 1) * head, head,
                weights.head_weight.begin() + agent * head);
    std::copy_n(weights.head_bias.begin() + (agent - 1) * kAct, kAct,
                weights.head_bias.begin() + agent * kAct);
    std::copy_n(weights.head_log_std.begin() + (agent - 1) * kAct, kAct,
                weights.head_log_std.begin() + agent * kAct);
  }
  const PolicyDistances distances =
      DistancesOf(weights, *MeanActions(weights, States()));
  EXPECT_NEAR(distances.nearest, 0, 1e-9);
  EXPECT_GT(distances.mean, 0.1);
  EXPECT_GT(distances.median, 0.1);
}

TEST(DistancesTest, ASingleAgentHasNone) {
  const PolicyWeights weights = *SelectAgents(Policy(), 2, 1);
  const auto means = MeanActions(weights, States());
  ASSERT_THAT(means, IsOk());
  const PolicyDistances distances = DistancesOf(weights, *means);
  EXPECT_EQ(distances.matrix, std::vector<double>{0});
  EXPECT_EQ(distances.mean, 0);
}

}  // namespace
}  // namespace kmyriad
