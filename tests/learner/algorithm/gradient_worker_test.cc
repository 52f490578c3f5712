#include "learner/algorithm/gradient_worker.h"

#include <ATen/ATen.h>
#include <c10/core/InferenceMode.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "common/math/normal.h"
#include "entropy_service/estimator/weighted_entropy.h"
#include "learner/algorithm/adam.h"
#include "learner/algorithm/linear_objective.h"
#include "learner/algorithm/ppo_objective.h"
#include "learner/network/initial_weights.h"
#include "tests/entropy_service/estimator/graph_of.h"

namespace kmyriad {
namespace {

constexpr int64_t kAgents = 3;
constexpr int64_t kSamples = 24;

at::Tensor Random(at::IntArrayRef size, uint32_t number) {
  at::Tensor tensor = at::empty(size, at::kDouble);
  double* data = tensor.mutable_data_ptr<double>();
  for (int64_t i = 0; i < tensor.numel(); ++i) {
    data[i] = double{RunNormals(6, RandomStream::kEvaluation, number, 0,
                                static_cast<uint32_t>(i), 0)
                         .first};
  }
  return tensor;
}

GradientShard EmptyShard(MultiHeadActorCritic& network) {
  GradientShard shard;
  for (const Parameter* parameter : network.AllParameters()) {
    shard.gradients.push_back(at::zeros_like(parameter->value));
  }
  shard.sums = at::zeros({kSampleSums}, at::kDouble);
  shard.ratio_error = at::zeros({}, at::kDouble);
  return shard;
}

NetworkShape SmallShape() {
  NetworkShape shape;
  shape.obs_dim = 4;
  shape.trunk = {32, 16};
  shape.act_dim = 2;
  shape.agents = kAgents;
  shape.activation = Activation::kTanh;
  return shape;
}

class GradientWorkerTest : public ::testing::Test {
 protected:
  GradientWorkerTest()
      : network_(SmallShape(), at::TensorOptions(at::kDouble), at::kDouble) {
    EXPECT_TRUE(
        network_.Load(InitialParameters(SmallShape(), -0.4f, 0.5f, 3)).ok());
    // Log-densities of a policy nearby, so that some ratios are clipped.
    data_.rows =
        at::empty({kAgents, kSamples, network_.row_columns()}, at::kDouble);
    network_.FillRows(Random({kAgents, kSamples, 4}, 1), data_.rows);
    data_.records = Random({kAgents, kSamples, 2 + 4}, 2);
    data_.records.select(2, 5).fill_(1);
    const at::Tensor z =
        (data_.records.narrow(2, 0, 2) - network_.ForwardPolicy(data_.rows)) *
        std::exp(0.4);
    data_.records.select(2, 2).copy_(z.square().sum(2) * -0.5 + 2 * 0.4 -
                                     std::log(2 * M_PI) +
                                     Random({kAgents, kSamples}, 3) * 0.2);
  }

  // Loss of the policy (or error of the critic) over all samples.
  double Sum(SampleSum which) {
    GradientShard shard = EmptyShard(network_);
    GradientWorker worker(network_, objective_, 0.0);
    worker.Compute(
        data_, at::arange(kSamples), kSamples, kSamples, [] { return true; },
        &shard);
    return shard.sums[which].item<double>();
  }

  const c10::InferenceMode guard_;
  const PpoObjective objective_{0.2};
  MultiHeadActorCritic network_;
  EpochData data_;
};

TEST_F(GradientWorkerTest, GradientsAreThoseOfFiniteDifferences) {
  constexpr double kStep = 1e-6;
  GradientShard shard = EmptyShard(network_);
  GradientWorker worker(network_, objective_, 0.0);
  worker.Compute(
      data_, at::arange(kSamples), kSamples, 7, [] { return true; }, &shard);
  // Both regions of the objective are met.
  EXPECT_GT(shard.sums[kClipped].item<double>(), 3);
  EXPECT_LT(shard.sums[kClipped].item<double>(), 60);
  const ParameterList parameters = network_.AllParameters();
  for (size_t p = 0; p < parameters.size(); ++p) {
    const std::string& name = parameters[p]->name;
    const bool critic = name.starts_with("critic") || name == "embedding";
    const double scale = critic ? double{kAgents} * kSamples
                         : name.starts_with("trunk") ? double{kAgents}
                                                     : 1.0;
    const SampleSum which = critic ? kSquaredError : kPolicyLoss;
    const int64_t size = parameters[p]->value.numel();
    const int64_t stride = std::max<int64_t>(1, size / 7);
    for (int64_t entry = 0; entry < size; entry += stride) {
      double* value = parameters[p]->value.mutable_data_ptr<double>() + entry;
      const double before = *value;
      *value = before + kStep;
      network_.Refresh();
      const double above = Sum(which);
      *value = before - kStep;
      network_.Refresh();
      const double below = Sum(which);
      *value = before;
      network_.Refresh();
      const double difference = (above - below) / (2 * kStep);
      const double gradient =
          scale * shard.gradients[p].const_data_ptr<double>()[entry];
      ASSERT_NEAR(gradient, difference,
                  2e-6 * std::max(1.0, std::abs(difference)))
          << name << " " << entry;
    }
  }
}

TEST_F(GradientWorkerTest, EntropyBonusPushesLogStdAlone) {
  GradientShard plain = EmptyShard(network_);
  GradientShard bonus = EmptyShard(network_);
  const auto go_on = [] { return true; };
  GradientWorker(network_, objective_, 0.0)
      .Compute(data_, at::arange(kSamples), kSamples, 5, go_on, &plain);
  GradientWorker(network_, objective_, 0.25)
      .Compute(data_, at::arange(kSamples), kSamples, 5, go_on, &bonus);
  const ParameterList parameters = network_.AllParameters();
  for (size_t p = 0; p < parameters.size(); ++p) {
    const double shift = parameters[p]->name == "heads.log_std" ? -0.25 : 0.0;
    EXPECT_TRUE(at::allclose(bonus.gradients[p], plain.gradients[p] + shift,
                             1e-12, 1e-12))
        << parameters[p]->name;
  }
}

TEST_F(GradientWorkerTest, ShardsOfAMinibatchAddUp) {
  GradientShard whole = EmptyShard(network_);
  GradientShard first = EmptyShard(network_);
  GradientShard second = EmptyShard(network_);
  const auto go_on = [] { return true; };
  GradientWorker worker(network_, objective_, 0.01);
  const at::Tensor order = at::arange(kSamples).flip(0);
  worker.Compute(data_, order, kSamples, kSamples, go_on, &whole);
  worker.Compute(data_, order.narrow(0, 0, 10), kSamples, 4, go_on, &first);
  worker.Compute(data_, order.narrow(0, 10, 14), kSamples, 5, go_on, &second);
  for (size_t p = 0; p < whole.gradients.size(); ++p) {
    EXPECT_TRUE(at::allclose(first.gradients[p] + second.gradients[p],
                             whole.gradients[p], 1e-10, 1e-12));
  }
  EXPECT_TRUE(at::allclose(first.sums + second.sums, whole.sums, 1e-10));
}

TEST_F(GradientWorkerTest, StopsBetweenChunksWhenToldTo) {
  GradientShard shard = EmptyShard(network_);
  int chunks = 0;
  GradientWorker(network_, objective_, 0.0)
      .Compute(
          data_, at::arange(kSamples), kSamples, 6,
          [&] { return ++chunks < 2; }, &shard);
  EXPECT_EQ(chunks, 2);
}

// "iw_entropy" from end to end: the entropy of particles that are reweighted by
// the likelihood of their actions, differentiated by the service's estimator,
// the sum over later particles, and the network.
TEST_F(GradientWorkerTest, ReweightedEntropyIsDifferentiatedThroughTheNetwork) {
  constexpr int64_t kHorizon = 12;  // two trajectories of each agent
  constexpr double kStep = 1e-5;
  const LinearObjective linear;
  std::vector<float> points;
  const at::Tensor places = Random({kAgents * kSamples, 2}, 9);
  for (int64_t i = 0; i < places.numel(); ++i) {
    points.push_back(static_cast<float>(places.data_ptr<double>()[i]));
  }
  const TestGraph measured = GraphOf(points, 2, 4);
  GradientWorker worker(network_, linear, 0.0);
  const at::Tensor before = worker.LogDensity(data_, 0, kSamples);
  const auto worth = [&] {
    const at::Tensor log_ratio =
        (worker.LogDensity(data_, 0, kSamples) - before)
            .view({-1, kHorizon})
            .cumsum(1)
            .contiguous();
    std::vector<uint32_t> groups;
    for (int64_t i = 0; i < kAgents * kSamples; ++i) {
      groups.push_back(static_cast<uint32_t>(i / kSamples));
    }
    const double* const data = log_ratio.const_data_ptr<double>();
    return EvaluateWeights(
        {measured.graph, measured.log_volumes, groups, kAgents},
        NeighborSet::kSelfAndNearest, WeightedForm::kSelfNormalized,
        std::vector<double>(data, data + log_ratio.numel()));
  };
  // Away from where the samples were drawn.
  network_.HeadParameters()[0]->value.mul_(1.1);
  WeightedEntropy here = worth();
  const at::Tensor later = at::from_blob(here.entropy_gradient.data(),
                                         {kAgents * 2, kHorizon}, at::kDouble)
                               .flip(1)
                               .cumsum(1)
                               .flip(1);
  data_.records.select(2, 3).copy_(later.view({kAgents, kSamples}));
  GradientShard shard = EmptyShard(network_);
  worker.Compute(
      data_, at::arange(kSamples), kSamples, 7, [] { return true; }, &shard);
  const ParameterList parameters = network_.AllParameters();
  for (size_t p = 0; p < parameters.size(); ++p) {
    const std::string& name = parameters[p]->name;
    if (name.starts_with("critic") || name == "embedding") {
      EXPECT_EQ(shard.gradients[p].abs().max().item<double>(), 0) << name;
      continue;
    }
    const double scale = name.starts_with("trunk") ? -kAgents : -1;
    const int64_t size = parameters[p]->value.numel();
    for (int64_t entry = 0; entry < size;
         entry += std::max<int64_t>(1, size / 7)) {
      double* value = parameters[p]->value.mutable_data_ptr<double>() + entry;
      const double kept = *value;
      *value = kept + kStep;
      network_.Refresh();
      const double above = worth().entropy_nats;
      *value = kept - kStep;
      network_.Refresh();
      const double below = worth().entropy_nats;
      *value = kept;
      network_.Refresh();
      const double difference = (above - below) / (2 * kStep);
      const double gradient =
          scale * shard.gradients[p].const_data_ptr<double>()[entry];
      ASSERT_NEAR(gradient, difference, 1e-6 + 1e-4 * std::abs(difference))
          << name << " " << entry;
    }
  }
}

TEST(PpoObjectiveTest, FollowsTheClippedSurrogate) {
  const c10::InferenceMode guard;
  // Ratios and advantages of all cases of the clip.
  const at::Tensor ratio =
      at::tensor({0.5, 0.5, 1.0, 1.5, 1.5, 1.1}, at::kDouble).view({1, 6});
  const at::Tensor advantage =
      at::tensor({2.0, -2.0, 3.0, 2.0, -2.0, -1.0}, at::kDouble).view({1, 6});
  const ObjectiveOutput output =
      PpoObjective(0.2).Evaluate({ratio.log(), advantage, 6});
  const double losses[] = {-1.0, 1.6, -3.0, -2.4, 3.0, 1.1};
  const double gradients[] = {-1.0, 0.0, -3.0, 0.0, 3.0, 1.1};
  double loss = 0;
  for (int i = 0; i < 6; ++i) {
    loss += losses[i] / 6;
    EXPECT_NEAR(output.log_prob_gradient[0][i].item<double>(), gradients[i] / 6,
                1e-12)
        << i;
  }
  EXPECT_NEAR(output.loss.item<double>(), loss, 1e-12);
  EXPECT_EQ(output.clipped.item<int64_t>(), 2);
}

TEST(AdamTest, FollowsTheDefinition) {
  const c10::InferenceMode guard;
  Parameter parameter = {"x", at::tensor({1.0, -2.0}, at::kDouble),
                         at::zeros({2}, at::kDouble)};
  Adam adam({&parameter}, {}, {}, nullptr);
  double value[] = {1.0, -2.0};
  double first[] = {0, 0};
  double second[] = {0, 0};
  for (int t = 1; t <= 5; ++t) {
    for (int i = 0; i < 2; ++i) {
      const double gradient = (i + 1) * 1e-5 * std::cos(t * (i + 1));
      parameter.gradient[i] = gradient;
      first[i] = 0.9 * first[i] + 0.1 * gradient;
      second[i] = 0.999 * second[i] + 0.001 * gradient * gradient;
      const double m = first[i] / (1 - std::pow(0.9, t));
      const double v = second[i] / (1 - std::pow(0.999, t));
      value[i] -= 0.01 * m / (std::sqrt(v) + 1e-8);
    }
    adam.Step(0.01, 0);
    for (int i = 0; i < 2; ++i) {
      ASSERT_NEAR(parameter.value[i].item<double>(), value[i], 1e-12);
    }
  }
}

// Wherever they stand in the critic's list.
TEST(AdamTest, AnAgentThatIsForgottenBeginsAnewInItsRowsAlone) {
  const c10::InferenceMode guard;
  const auto walk = [](bool rows_first, bool forget) {
    const auto parameter = [](const char* name, at::IntArrayRef size) {
      return Parameter{name, at::zeros(size, at::kDouble),
                       at::zeros(size, at::kDouble)};
    };
    Parameter head = parameter("head", {2, 1, 1});
    Parameter shared = parameter("shared", {2});
    Parameter rows = parameter("rows", {2, 3});
    const ParameterList critic = rows_first ? ParameterList{&rows, &shared}
                                            : ParameterList{&shared, &rows};
    Adam adam({}, {&head}, critic, &rows);
    for (int t = 1; t <= 4; ++t) {
      if (t == 4 && forget) adam.ForgetAgent(1);
      if (t == 4) rows.value[1].zero_();
      for (Parameter* each : {&head, &shared, &rows}) {
        each->gradient.fill_(t == 4 ? 1e-3 : std::cos(t));
      }
      adam.Step(0.1, 0.01);
    }
    return std::vector<at::Tensor>{head.value, shared.value, rows.value};
  };
  const std::vector<at::Tensor> last = walk(false, true);
  const std::vector<at::Tensor> first = walk(true, true);
  const std::vector<at::Tensor> kept = walk(false, false);
  for (size_t i = 0; i < last.size(); ++i) {
    EXPECT_TRUE(at::equal(first[i], last[i])) << i;
  }
  EXPECT_TRUE(at::equal(last[1], kept[1]));
  EXPECT_TRUE(at::equal(last[2][0], kept[2][0]));
  // Adam's first step is one rate long.
  EXPECT_TRUE(
      at::allclose(last[2][1], at::full({3}, -0.01, at::kDouble), 1e-4));
  EXPECT_FALSE(
      at::allclose(kept[2][1], at::full({3}, -0.01, at::kDouble), 1e-1));
}

}  // namespace
}  // namespace kmyriad
