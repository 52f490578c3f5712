#include "learner/network/multi_head_actor_critic.h"

#include <ATen/ATen.h>
#include <c10/core/InferenceMode.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <string>

#include "common/math/normal.h"
#include "learner/network/initial_weights.h"

namespace kmyriad {
namespace {

using ::testing::HasSubstr;

NetworkShape Shape(uint32_t agents, std::vector<uint32_t> trunk,
                   Activation activation) {
  NetworkShape shape;
  shape.obs_dim = 5;
  shape.trunk = std::move(trunk);
  shape.act_dim = 3;
  shape.agents = agents;
  shape.activation = activation;
  return shape;
}

at::Tensor Random(at::IntArrayRef size, uint32_t number) {
  at::Tensor tensor = at::empty(size, at::kDouble);
  double* data = tensor.mutable_data_ptr<double>();
  for (int64_t i = 0; i < tensor.numel(); ++i) {
    data[i] = double{RunNormals(5, RandomStream::kEvaluation, number, 0,
                                static_cast<uint32_t>(i), 0)
                         .first};
  }
  return tensor;
}

// fp64 network with every parameter random, also those that start as zeros.
MultiHeadActorCritic MakeNetwork(const NetworkShape& shape) {
  MultiHeadActorCritic network(shape, at::TensorOptions(at::kDouble),
                               at::kDouble);
  EXPECT_TRUE(network.Load(InitialParameters(shape, -0.5f, 1.0f, 3)).ok());
  uint32_t number = 100;
  for (Parameter* parameter : network.AllParameters()) {
    parameter->value.add_(Random(parameter->value.sizes(), number++), 0.1);
  }
  network.Refresh();
  return network;
}

at::Tensor Rows(const MultiHeadActorCritic& network, int64_t agents,
                int64_t samples) {
  const at::Tensor rows =
      at::empty({agents, samples, network.row_columns()}, at::kDouble);
  network.FillRows(Random({agents, samples, 5}, 1), rows);
  return rows;
}

class MultiHeadActorCriticTest : public ::testing::Test {
  const c10::InferenceMode guard_;
};

// Derivative of `function` by one entry of a parameter.
template <typename Function>
double Difference(MultiHeadActorCritic& network, const Parameter& parameter,
                  int64_t entry, const Function& function) {
  constexpr double kStep = 1e-6;
  double* value = parameter.value.mutable_data_ptr<double>() + entry;
  const double before = *value;
  *value = before + kStep;
  network.Refresh();
  const double above = function();
  *value = before - kStep;
  network.Refresh();
  const double below = function();
  *value = before;
  network.Refresh();
  return (above - below) / (2 * kStep);
}

TEST_F(MultiHeadActorCriticTest, GradientsAreThoseOfFiniteDifferences) {
  constexpr int64_t kAgents = 3;
  constexpr int64_t kSamples = 4;
  for (const Activation activation : {Activation::kRelu, Activation::kTanh}) {
    for (const std::vector<uint32_t>& trunk :
         {std::vector<uint32_t>{16}, {32, 16}}) {
      MultiHeadActorCritic network =
          MakeNetwork(Shape(kAgents, trunk, activation));
      const at::Tensor rows = Rows(network, kAgents, kSamples);
      const at::Tensor mean_weight = Random({kAgents, kSamples, 3}, 2);
      const at::Tensor value_weight = Random({kAgents, kSamples}, 3);
      const auto policy = [&] {
        return (network.ForwardPolicy(rows) * mean_weight).sum().item<double>();
      };
      const auto value = [&] {
        return (network.ForwardValue(rows) * value_weight).sum().item<double>();
      };
      policy();
      network.BackwardPolicy(rows, mean_weight,
                             at::zeros({kAgents, 1, 3}, at::kDouble));
      value();
      network.BackwardValue(rows, value_weight);
      for (Parameter* parameter : network.AllParameters()) {
        if (parameter->name == "heads.log_std") continue;
        const bool critic = parameter->name.starts_with("critic") ||
                            parameter->name == "embedding";
        // The trunk gets the mean over agents.
        const double scale =
            parameter->name.starts_with("trunk") ? double{kAgents} : 1.0;
        const int64_t size = parameter->value.numel();
        const int64_t stride = std::max<int64_t>(1, size / 17);
        for (int64_t entry = 0; entry < size; entry += stride) {
          const double difference =
              critic ? Difference(network, *parameter, entry, value)
                     : Difference(network, *parameter, entry, policy);
          const double gradient =
              scale * parameter->gradient.const_data_ptr<double>()[entry];
          ASSERT_NEAR(gradient, difference,
                      1e-6 * std::max(1.0, std::abs(difference)))
              << parameter->name << " " << entry;
        }
      }
    }
  }
}

TEST_F(MultiHeadActorCriticTest, GradientsAccumulate) {
  MultiHeadActorCritic network = MakeNetwork(Shape(2, {16}, Activation::kRelu));
  const at::Tensor rows = Rows(network, 2, 3);
  const at::Tensor weight = Random({2, 3, 3}, 2);
  const at::Tensor log_std = Random({2, 1, 3}, 4);
  std::vector<at::Tensor> once;
  for (int i = 0; i < 2; ++i) {
    network.ForwardPolicy(rows);
    network.BackwardPolicy(rows, weight, log_std);
    if (i > 0) continue;
    for (Parameter* p : network.AllParameters()) {
      once.push_back(p->gradient.clone());
    }
  }
  const ParameterList parameters = network.AllParameters();
  for (size_t i = 0; i < parameters.size(); ++i) {
    EXPECT_TRUE(at::allclose(parameters[i]->gradient, once[i] * 2.0, 1e-12))
        << parameters[i]->name;
  }
  EXPECT_TRUE(at::allclose(network.HeadParameters()[2]->gradient, log_std * 2.0,
                           1e-12));
}

TEST_F(MultiHeadActorCriticTest, AnAgentsGradientIsZeroInOtherHeads) {
  MultiHeadActorCritic network = MakeNetwork(Shape(3, {16}, Activation::kTanh));
  const at::Tensor rows = Rows(network, 3, 4);
  at::Tensor mean_weight = at::zeros({3, 4, 3}, at::kDouble);
  mean_weight[1] = Random({4, 3}, 2);
  at::Tensor value_weight = at::zeros({3, 4}, at::kDouble);
  value_weight[1] = Random({4}, 3);
  network.ForwardPolicy(rows);
  network.BackwardPolicy(rows, mean_weight, at::zeros({3, 1, 3}, at::kDouble));
  network.ForwardValue(rows);
  network.BackwardValue(rows, value_weight);
  ParameterList per_agent = network.HeadParameters();
  per_agent.pop_back();  // no gradient of log-std was given
  per_agent.push_back(network.Embedding());
  for (const Parameter* parameter : per_agent) {
    for (const int64_t agent : {0, 1, 2}) {
      const double size = parameter->gradient[agent].abs().sum().item<double>();
      if (agent == 1) {
        EXPECT_GT(size, 0) << parameter->name;
      } else {
        EXPECT_EQ(size, 0) << parameter->name << " of agent " << agent;
      }
    }
  }
}

TEST_F(MultiHeadActorCriticTest, BatchedHeadsEqualSeparateNetworks) {
  const NetworkShape shape = Shape(3, {32, 16}, Activation::kRelu);
  MultiHeadActorCritic network = MakeNetwork(shape);
  const at::Tensor rows = Rows(network, 3, 4);
  const at::Tensor means = network.ForwardPolicy(rows).clone();
  const at::Tensor values = network.ForwardValue(rows).clone();
  const ParameterList all = network.AllParameters();
  for (int64_t agent = 0; agent < 3; ++agent) {
    NetworkShape alone_shape = shape;
    alone_shape.agents = 1;
    MultiHeadActorCritic alone(alone_shape, at::TensorOptions(at::kDouble),
                               at::kDouble);
    const ParameterList parts = alone.AllParameters();
    for (size_t i = 0; i < parts.size(); ++i) {
      const bool per_agent =
          all[i]->name.starts_with("heads") || all[i]->name == "embedding";
      parts[i]->value.copy_(per_agent ? all[i]->value.narrow(0, agent, 1)
                                      : all[i]->value);
    }
    alone.Refresh();
    const at::Tensor own_rows = rows.narrow(0, agent, 1).clone();
    EXPECT_TRUE(
        at::allclose(alone.ForwardPolicy(own_rows)[0], means[agent], 1e-12));
    EXPECT_TRUE(
        at::allclose(alone.ForwardValue(own_rows)[0], values[agent], 1e-12));
  }
}

TEST_F(MultiHeadActorCriticTest, PermutingHeadsPermutesOutputs) {
  MultiHeadActorCritic network = MakeNetwork(Shape(3, {16}, Activation::kRelu));
  at::Tensor rows = Rows(network, 3, 4);
  rows.copy_(rows.narrow(0, 0, 1).expand_as(rows).clone());
  const at::Tensor before = network.ForwardPolicy(rows).clone();
  const at::Tensor order = at::tensor({2, 0, 1}, at::kLong);
  for (Parameter* head : network.HeadParameters()) {
    head->value.copy_(head->value.index_select(0, order));
  }
  const at::Tensor after = network.ForwardPolicy(rows);
  EXPECT_TRUE(at::allclose(after, before.index_select(0, order), 1e-12));
  EXPECT_FALSE(at::allclose(after, before, 1e-3));
}

TEST_F(MultiHeadActorCriticTest, AReplicaSharesParametersButNotGradients) {
  MultiHeadActorCritic network =
      MakeNetwork(Shape(2, {32, 16}, Activation::kTanh));
  const auto replica = network.Replica();
  network.AllParameters()[0]->value.mul_(1.5);
  network.Refresh();
  const at::Tensor rows = Rows(network, 2, 3);
  EXPECT_TRUE(network.ForwardPolicy(rows).equal(replica->ForwardPolicy(rows)));
  EXPECT_TRUE(network.ForwardValue(rows).equal(replica->ForwardValue(rows)));
  replica->BackwardValue(rows, Random({2, 3}, 3));
  for (const Parameter* parameter : network.AllParameters()) {
    EXPECT_EQ(parameter->gradient.abs().sum().item<double>(), 0)
        << parameter->name;
  }
}

TEST_F(MultiHeadActorCriticTest, Bf16ProductsStayWithinTheirRounding) {
  const NetworkShape shape = Shape(4, {64, 32}, Activation::kRelu);
  const std::vector<NamedTensor> parameters =
      InitialParameters(shape, -0.5f, 0.5f, 3);
  MultiHeadActorCritic exact(shape, at::TensorOptions(at::kFloat), at::kFloat);
  MultiHeadActorCritic rounded(shape, at::TensorOptions(at::kFloat),
                               at::kBFloat16);
  ASSERT_TRUE(exact.Load(parameters).ok());
  ASSERT_TRUE(rounded.Load(parameters).ok());
  const at::Tensor observations = Random({4, 64, 5}, 1).to(at::kFloat);
  const at::Tensor rows = at::empty({4, 64, exact.row_columns()}, at::kFloat);
  exact.FillRows(observations, rows);
  const at::Tensor rounded_rows = rows.to(at::kBFloat16);
  const at::Tensor mean = exact.ForwardPolicy(rows);
  const at::Tensor rounded_mean = rounded.ForwardPolicy(rounded_rows);
  EXPECT_EQ(rounded_mean.scalar_type(), at::kFloat);
  const double error = (mean - rounded_mean).abs().max().item<double>();
  // Relative rounding 2^-9 in three places, over sums with cancellation.
  EXPECT_LT(error, 0.03 * mean.abs().max().item<double>());
  EXPECT_GT(error, 0);
}

TEST_F(MultiHeadActorCriticTest, SavedParametersLoadBitForBit) {
  const NetworkShape shape = Shape(2, {32, 16}, Activation::kRelu);
  const std::vector<NamedTensor> initial =
      InitialParameters(shape, -0.5f, 0.1f, 3);
  MultiHeadActorCritic network(shape, at::TensorOptions(at::kFloat),
                               at::kFloat);
  ASSERT_TRUE(network.Load(initial).ok());
  const std::vector<NamedTensor> saved = network.Save();
  ASSERT_EQ(saved.size(), initial.size());
  for (size_t i = 0; i < saved.size(); ++i) {
    EXPECT_EQ(saved[i].name, initial[i].name);
    EXPECT_EQ(saved[i].shape, initial[i].shape);
    EXPECT_EQ(saved[i].data, initial[i].data);
  }
  std::vector<NamedTensor> twice = initial;
  twice.push_back(initial[0]);
  EXPECT_THAT(std::string(network.Load(twice).message()),
              HasSubstr("trunk.0.weight is given twice"));
}

TEST_F(MultiHeadActorCriticTest, PolicyHoldsTheActingPart) {
  const NetworkShape shape = Shape(2, {32, 16}, Activation::kRelu);
  MultiHeadActorCritic network = MakeNetwork(shape);
  const PolicyWeights policy =
      network.Policy(std::vector<float>(5, 1), std::vector<float>(5, 2));
  EXPECT_EQ(policy.shape, shape);
  ASSERT_EQ(policy.trunk.size(), 2u);
  EXPECT_EQ(policy.trunk[1].in, 32u);
  EXPECT_EQ(policy.trunk[1].out, 16u);
  EXPECT_EQ(policy.trunk[1].weight.size(), 32u * 16u);
  EXPECT_EQ(policy.agent_count, 2u);
  EXPECT_EQ(policy.head_weight.size(), 2u * 16u * 3u);
  EXPECT_EQ(policy.head_bias.size(), 6u);
  EXPECT_EQ(policy.head_log_std.size(), 6u);
  EXPECT_EQ(policy.normalizer_inv_std[4], 2.0f);
}

}  // namespace
}  // namespace kmyriad
