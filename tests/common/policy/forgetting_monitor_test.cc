#include "common/policy/forgetting_monitor.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "common/policy/mean_actions.h"
#include "tests/common/policy/policy_fixture.h"
#include "tests/testing/status_matchers.h"

namespace kmyriad {
namespace {

using ::testing::HasSubstr;

constexpr size_t kStates = 21;

PolicyWeights Policy() {
  return RandomPolicy({.obs_dim = 5,
                       .trunk = {16},
                       .act_dim = 3,
                       .agents = 4,
                       .activation = Activation::kTanh},
                      3);
}

class ForgettingMonitorTest : public ::testing::Test {
 protected:
  ForgettingMonitorTest() : policy_(Policy()) {
    std::mt19937 generator(5);
    states_ = RandomFloats(kStates * 5, 1, generator);
  }
  ForgettingMonitor Monitor() {
    auto tensors = ForgettingMonitor::MakeTensors(policy_, states_);
    EXPECT_THAT(tensors, IsOk());
    auto monitor = ForgettingMonitor::Create(*tensors, policy_.shape);
    EXPECT_THAT(monitor, IsOk());
    return *std::move(monitor);
  }
  PolicyWeights policy_;
  std::vector<float> states_;
};

TEST_F(ForgettingMonitorTest, NothingIsForgottenAtTheStart) {
  EXPECT_NEAR(*Monitor().Kl(policy_), 0, 1e-12);
}

// Against the integral of p ln(p / q) of one head's action, on a grid.
TEST_F(ForgettingMonitorTest, IsTheDivergenceOfTheGaussians) {
  const ForgettingMonitor monitor = Monitor();
  PolicyWeights moved = policy_;
  moved.head_bias[3 * 2 + 1] += 0.4f;  // action 1 of agent 2
  moved.head_log_std[3 * 2 + 1] += 0.3f;
  const double before = std::exp(double{policy_.head_log_std[3 * 2 + 1]});
  const double now = std::exp(double{moved.head_log_std[3 * 2 + 1]});
  const auto density = [](double x, double mean, double std) {
    const double z = (x - mean) / std;
    return std::exp(-0.5 * z * z) / (std * std::sqrt(2 * M_PI));
  };
  double integral = 0;
  const double step = 1e-3 * before;
  for (double x = -10 * before; x < 10 * before; x += step) {
    const double p = density(x, 0, before);
    integral += step * p * std::log(p / density(x, 0.4, now));
  }
  // One of four agents.
  EXPECT_NEAR(*monitor.Kl(moved), integral / 4, 1e-4);
  // KL has a direction.
  policy_ = moved;
  EXPECT_GT(std::abs(*Monitor().Kl(Policy()) - integral / 4), 1e-3);
}

TEST_F(ForgettingMonitorTest, SelectedAgentsAreThoseOfASmallerPopulation) {
  const auto all = *ForgettingMonitor::MakeTensors(policy_, states_);
  EXPECT_TRUE(ForgettingMonitor::Has(all));
  EXPECT_FALSE(ForgettingMonitor::Has({}));
  const auto some = ForgettingMonitor::SelectAgents(all, policy_.shape, {3, 1});
  ASSERT_THAT(some, IsOk());
  PolicyWeights two = policy_;
  two.shape.agents = two.agent_count = 2;
  two.head_weight = TakeRows(policy_.head_weight, 4, {3, 1});
  two.head_bias = TakeRows(policy_.head_bias, 4, {3, 1});
  two.head_log_std = TakeRows(policy_.head_log_std, 4, {3, 1});
  const auto expected = *ForgettingMonitor::MakeTensors(two, states_);
  ASSERT_EQ(some->size(), expected.size());
  for (size_t i = 0; i < expected.size(); ++i) {
    EXPECT_EQ((*some)[i].name, expected[i].name);
    EXPECT_EQ((*some)[i].shape, expected[i].shape);
    EXPECT_EQ((*some)[i].data, expected[i].data) << expected[i].name;
  }
  NetworkShape other = policy_.shape;
  other.agents = 2;
  EXPECT_THAT(
      ForgettingMonitor::SelectAgents(all, other, {0}),
      StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("2 agents")));
}

TEST_F(ForgettingMonitorTest, NamesWhatDoesNotFit) {
  auto tensors = *ForgettingMonitor::MakeTensors(policy_, states_);
  NetworkShape shape = policy_.shape;
  shape.agents = 2;
  EXPECT_THAT(ForgettingMonitor::Create(tensors, shape),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("for 21 states, 2 agents")));
  shape.obs_dim = 4;
  EXPECT_THAT(ForgettingMonitor::Create(tensors, shape),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("pretrained.states")));
  tensors.erase(tensors.begin() + 1);
  EXPECT_TRUE(ForgettingMonitor::Has(tensors));
  EXPECT_THAT(ForgettingMonitor::Create(tensors, policy_.shape),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("pretrained.means")));
}

}  // namespace
}  // namespace kmyriad
