#include "common/policy/policy_inference.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <numeric>
#include <string>
#include <vector>

#include "common/math/normal.h"
#include "gtest/gtest.h"
#include "tests/common/policy/policy_fixture.h"

namespace kmyriad {
namespace {

constexpr uint32_t kLanes = kBlockLanes;

std::vector<SimdLevel> Levels() {
  std::vector<SimdLevel> levels;
  for (const SimdLevel level :
       {SimdLevel::kScalar, SimdLevel::kAvx2, SimdLevel::kAvx512}) {
    if (SupportsSimdLevel(level)) levels.push_back(level);
  }
  return levels;
}

struct Block {
  std::vector<float> mean, actions, squashed, log_probs;
  bool operator==(const Block& other) const {
    const auto same = [](const std::vector<float>& a,
                         const std::vector<float>& b) {
      return a.size() == b.size() &&
             std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0;
    };
    return same(mean, other.mean) && same(actions, other.actions) &&
           same(squashed, other.squashed) && same(log_probs, other.log_probs);
  }
};

Block ActOnce(const PolicyInference& inference, const NetworkShape& shape,
              const std::vector<float>& observations,
              const std::vector<uint32_t>& agents,
              const ActionNoiseKey& noise) {
  PolicyInference::Scratch scratch;
  Block block;
  const size_t size = static_cast<size_t>(shape.act_dim) * kLanes;
  block.mean.resize(size);
  block.actions.resize(size);
  block.squashed.resize(size);
  block.log_probs.resize(kLanes);
  inference.Act(observations.data(), agents.data(), noise, scratch,
                block.mean.data(), block.actions.data(), block.squashed.data(),
                block.log_probs.data());
  return block;
}

Block ActAt(SimdLevel level, const PolicyWeights& weights,
            const std::vector<float>& observations,
            const std::vector<uint32_t>& agents, const ActionNoiseKey& noise) {
  const auto inference = PolicyInference::Create(weights, level);
  EXPECT_TRUE(inference.ok()) << inference.status();
  return ActOnce(**inference, weights.shape, observations, agents, noise);
}

std::vector<float> RandomObservations(uint32_t obs_dim, unsigned seed) {
  std::mt19937 generator(seed);
  return RandomFloats(static_cast<size_t>(obs_dim) * kLanes, 1.5f, generator);
}

// Agents of the sixteen lanes, `per_agent` lanes each.
std::vector<uint32_t> AgentsInRuns(uint32_t per_agent) {
  std::vector<uint32_t> agents(kLanes);
  for (uint32_t l = 0; l < kLanes; ++l) agents[l] = l / per_agent;
  return agents;
}

std::vector<NetworkShape> Shapes() {
  return {{30, {512, 256}, 8, 16, Activation::kRelu},
          {3, {64, 64}, 2, 16, Activation::kTanh},
          {37, {48}, 9, 16, Activation::kRelu},
          {1, {16, 1024}, 16, 16, Activation::kTanh},
          {5, {112}, 1, 16, Activation::kRelu}};
}

// One lane in double precision: the definition.
std::vector<double> ReferenceMean(const PolicyWeights& w, uint32_t agent,
                                  const std::vector<float>& observations,
                                  uint32_t lane) {
  std::vector<double> x(w.shape.obs_dim);
  for (uint32_t i = 0; i < w.shape.obs_dim; ++i) {
    const double value = (static_cast<double>(observations[i * kLanes + lane]) -
                          w.normalizer_mean[i]) *
                         w.normalizer_inv_std[i];
    x[i] = std::clamp(value, -5.0, 5.0);
  }
  for (const DenseLayer& layer : w.trunk) {
    std::vector<double> y(layer.out);
    for (uint32_t r = 0; r < layer.out; ++r) {
      double sum = layer.bias[r];
      for (uint32_t k = 0; k < layer.in; ++k) {
        sum += static_cast<double>(
                   layer.weight[static_cast<size_t>(r) * layer.in + k]) *
               x[k];
      }
      y[r] = w.shape.activation == Activation::kRelu ? std::max(sum, 0.0)
                                                     : std::tanh(sum);
    }
    x = y;
  }
  const uint32_t act = w.shape.act_dim;
  std::vector<double> mean(act);
  for (uint32_t a = 0; a < act; ++a) {
    const size_t head = agent - w.first_agent;
    mean[a] = w.head_bias[head * act + a];
    for (size_t k = 0; k < x.size(); ++k) {
      mean[a] +=
          static_cast<double>(w.head_weight[(head * x.size() + k) * act + a]) *
          x[k];
    }
  }
  return mean;
}

double ReferenceLogProb(double u, double mean, double log_std) {
  const double z = (u - mean) / std::exp(log_std);
  const double y = -2 * u;
  const double softplus = std::max(y, 0.0) + std::log1p(std::exp(-std::abs(y)));
  return -0.5 * z * z - log_std - 0.5 * std::log(2 * M_PI) -
         2 * (std::log(2.0) - u - softplus);
}

TEST(PolicyInference, EveryLevelGivesTheSameBits) {
  for (const NetworkShape& shape : Shapes()) {
    const PolicyWeights weights = RandomPolicy(shape, 1);
    for (const uint32_t per_agent : {16u, 11u, 6u, 4u, 1u}) {
      const std::vector<uint32_t> agents = AgentsInRuns(per_agent);
      const auto observations = RandomObservations(shape.obs_dim, per_agent);
      const ActionNoiseKey noise{0x123456789ABCDEFull, 48, 7, 399};
      const Block scalar =
          ActAt(SimdLevel::kScalar, weights, observations, agents, noise);
      for (const SimdLevel level : Levels()) {
        EXPECT_TRUE(scalar ==
                    ActAt(level, weights, observations, agents, noise))
            << std::string(SimdLevelName(level)) << " trunk " << shape.trunk[0]
            << " lanes per agent " << per_agent;
      }
    }
  }
}

TEST(PolicyInference, AgreesWithTheDefinitionInDoublePrecision) {
  for (const NetworkShape& shape : Shapes()) {
    const PolicyWeights w = RandomPolicy(shape, 2);
    const auto observations = RandomObservations(shape.obs_dim, 3);
    const std::vector<uint32_t> agents = AgentsInRuns(3);
    const ActionNoiseKey noise{99, 160, 3, 17};
    const Block block = ActAt(Levels().back(), w, observations, agents, noise);
    for (uint32_t lane = 0; lane < kLanes; ++lane) {
      const auto mean = ReferenceMean(w, agents[lane], observations, lane);
      double log_prob = 0;
      for (uint32_t a = 0; a < shape.act_dim; ++a) {
        const size_t i = a * kLanes + lane;
        // Sums of up to 1024 products of size one, rounded in float.
        EXPECT_NEAR(block.mean[i], mean[a], 2e-5);
        const double log_std = w.head_log_std[agents[lane] * shape.act_dim + a];
        const NormalPair pair =
            RunNormals(noise.seed, RandomStream::kActionNoise,
                       noise.first_env + lane, noise.epoch, noise.step, a / 2);
        const double eps = a % 2 == 0 ? pair.first : pair.second;
        EXPECT_NEAR(block.actions[i], block.mean[i] + std::exp(log_std) * eps,
                    2e-6);
        EXPECT_NEAR(block.squashed[i],
                    std::tanh(static_cast<double>(block.actions[i])), 2e-7);
        log_prob += ReferenceLogProb(block.actions[i], block.mean[i], log_std);
      }
      EXPECT_NEAR(block.log_probs[lane], log_prob,
                  2e-5 * (1 + std::abs(log_prob)));
    }
  }
}

TEST(PolicyInference, ALaneDoesNotDependOnTheOthers) {
  const NetworkShape shape{30, {64, 32}, 8, 16, Activation::kRelu};
  const PolicyWeights weights = RandomPolicy(shape, 4);
  const auto observations = RandomObservations(shape.obs_dim, 5);
  for (const SimdLevel level : Levels()) {
    const ActionNoiseKey noise{5, 32, 1, 2};
    const Block block =
        ActAt(level, weights, observations, AgentsInRuns(8), noise);
    // Lane l moves to lane (l + 5) mod 16 among strangers of other agents; its
    // environment number stays, so that its noise does.
    for (uint32_t l = 0; l < kLanes; ++l) {
      const uint32_t to = (l + 5) % kLanes;
      std::vector<float> moved = RandomObservations(shape.obs_dim, 6 + l);
      for (uint32_t i = 0; i < shape.obs_dim; ++i) {
        moved[i * kLanes + to] = observations[i * kLanes + l];
      }
      std::vector<uint32_t> agents(kLanes);
      std::iota(agents.begin(), agents.end(), 0u);
      agents[to] = l / 8;
      ActionNoiseKey moved_noise = noise;
      moved_noise.first_env = noise.first_env + l - to;
      const Block other = ActAt(level, weights, moved, agents, moved_noise);
      for (uint32_t a = 0; a < shape.act_dim; ++a) {
        EXPECT_EQ(block.mean[a * kLanes + l], other.mean[a * kLanes + to]);
        EXPECT_EQ(block.actions[a * kLanes + l],
                  other.actions[a * kLanes + to]);
      }
      EXPECT_EQ(block.log_probs[l], other.log_probs[to]);
    }
  }
}

TEST(PolicyInference, ChangingAHeadLeavesOtherAgentsAlone) {
  const NetworkShape shape{7, {32, 32}, 3, 16, Activation::kRelu};
  const PolicyWeights weights = RandomPolicy(shape, 7);
  PolicyWeights changed = weights;
  const uint32_t agent = 2;
  const size_t head = 32 * 3;
  for (size_t i = 0; i < head; ++i) {
    changed.head_weight[agent * head + i] += 1.0f;
  }
  for (size_t a = 0; a < 3; ++a) {
    changed.head_bias[agent * 3 + a] += 1.0f;
    changed.head_log_std[agent * 3 + a] += 0.5f;
  }
  const auto observations = RandomObservations(shape.obs_dim, 8);
  for (const uint32_t per_agent : {4u, 6u, 1u}) {
    const std::vector<uint32_t> agents = AgentsInRuns(per_agent);
    for (const SimdLevel level : Levels()) {
      const Block a = ActAt(level, weights, observations, agents, {1, 0, 1, 0});
      const Block b = ActAt(level, changed, observations, agents, {1, 0, 1, 0});
      for (uint32_t l = 0; l < kLanes; ++l) {
        for (size_t i = l; i < a.mean.size(); i += kLanes) {
          EXPECT_EQ(a.mean[i] == b.mean[i], agents[l] != agent);
          EXPECT_EQ(a.actions[i] == b.actions[i], agents[l] != agent);
        }
        EXPECT_EQ(a.log_probs[l] == b.log_probs[l], agents[l] != agent);
      }
    }
  }
}

TEST(PolicyInference, APartOfTheHeadsActsLikeTheWhole) {
  const NetworkShape shape{4, {16}, 5, 40, Activation::kTanh};
  const PolicyWeights all = RandomPolicy(shape, 9);
  const auto part = SelectAgents(all, 20, 16);
  ASSERT_TRUE(part.ok());
  std::vector<uint32_t> agents(kLanes);
  std::iota(agents.begin(), agents.end(), 20u);
  const auto observations = RandomObservations(shape.obs_dim, 10);
  for (const SimdLevel level : Levels()) {
    EXPECT_TRUE(ActAt(level, all, observations, agents, {3, 320, 2, 1}) ==
                ActAt(level, *part, observations, agents, {3, 320, 2, 1}));
  }
}

TEST(PolicyInference, MeansAreThoseThatEachAgentActsFrom) {
  for (const NetworkShape& shape : Shapes()) {
    const auto weights = SelectAgents(RandomPolicy(shape, 12), 5, 9);
    ASSERT_TRUE(weights.ok());
    const std::vector<float> observations =
        RandomObservations(shape.obs_dim, 13);
    const size_t size = static_cast<size_t>(shape.act_dim) * kLanes;
    for (const SimdLevel level : Levels()) {
      SCOPED_TRACE(SimdLevelName(level));
      const auto inference = PolicyInference::Create(*weights, level);
      ASSERT_TRUE(inference.ok()) << inference.status();
      PolicyInference::Scratch scratch;
      std::vector<float> means(9 * size);
      (*inference)->Means(observations.data(), scratch, means.data());
      for (uint32_t agent = 0; agent < 9; ++agent) {
        const Block block =
            ActOnce(**inference, shape, observations,
                    std::vector<uint32_t>(kLanes, 5 + agent), {});
        EXPECT_EQ(std::memcmp(&means[agent * size], block.mean.data(),
                              size * sizeof(float)),
                  0)
            << agent;
      }
    }
  }
}

TEST(PolicyInference, NoiseDependsOnEveryPartOfItsKey) {
  const NetworkShape shape{2, {16}, 4, 1, Activation::kRelu};
  const PolicyWeights weights = RandomPolicy(shape, 11);
  const auto observations = RandomObservations(shape.obs_dim, 12);
  const std::vector<uint32_t> agents(kLanes, 0);
  const auto inference = PolicyInference::Create(weights, Levels().back());
  ASSERT_TRUE(inference.ok());
  const ActionNoiseKey base{1ull << 40, 16, 3, 4};
  std::vector<ActionNoiseKey> keys(5, base);
  keys[1].seed ^= 1ull << 63;
  keys[2].first_env += 16;
  keys[3].epoch += 1;
  keys[4].step += 1;
  for (size_t i = 0; i < keys.size(); ++i) {
    const Block a = ActOnce(**inference, shape, observations, agents, keys[0]);
    const Block b = ActOnce(**inference, shape, observations, agents, keys[i]);
    EXPECT_EQ(a == b, i == 0) << i;
  }
}

// All weights zero, so that the mean is the head's bias.
PolicyWeights ConstantPolicy(float mean, float log_std) {
  PolicyWeights w = RandomPolicy({1, {16}, 1, 1, Activation::kRelu}, 13);
  std::fill(w.head_weight.begin(), w.head_weight.end(), 0.0f);
  w.head_bias = {mean};
  w.head_log_std = {log_std};
  return w;
}

// E[1 / p(a)] over a ~ p is the length of the support, 2: it holds only if
// log_probs is the logarithm of the density that actions are drawn from.
TEST(PolicyInference, DensityOfTheDrawnActionsIntegratesToOne) {
  const float kMean = 0.3f;
  const float kLogStd = -0.2f;
  const PolicyWeights w = ConstantPolicy(kMean, kLogStd);
  const auto inference = PolicyInference::Create(w, Levels().back());
  ASSERT_TRUE(inference.ok());
  const std::vector<float> observations(kLanes, 0.0f);
  const std::vector<uint32_t> agents(kLanes, 0);
  constexpr int kBins = 8;
  std::vector<double> lengths(kBins, 0.0);
  double samples = 0;
  for (uint32_t step = 0; step < 20000; ++step) {
    const Block b =
        ActOnce(**inference, w.shape, observations, agents, {17, 0, 1, step});
    for (uint32_t l = 0; l < kLanes; ++l) {
      const int bin = std::min(
          kBins - 1, static_cast<int>((b.squashed[l] + 1) * kBins / 2));
      lengths[bin] += std::exp(-static_cast<double>(b.log_probs[l]));
      samples += 1;
    }
  }
  // The outermost bins have weights of large variance.
  for (int bin = 1; bin < kBins - 1; ++bin) {
    EXPECT_NEAR(lengths[bin] / samples, 2.0 / kBins, 0.02 * 2.0 / kBins);
  }
}

TEST(PolicyInference, LogProbIsExactForSaturatedActions) {
  const std::vector<float> observations(kLanes, 0.0f);
  const std::vector<uint32_t> agents(kLanes, 0);
  for (const float mean : {-15.0f, -9.0f, -1e-3f, 0.0f, 9.0f, 15.0f}) {
    const float log_std = -2.5f;
    const PolicyWeights w = ConstantPolicy(mean, log_std);
    const Block b =
        ActAt(Levels().back(), w, observations, agents, {18, 0, 1, 0});
    for (uint32_t l = 0; l < kLanes; ++l) {
      const double expected = ReferenceLogProb(b.actions[l], mean, log_std);
      EXPECT_NEAR(b.log_probs[l], expected, 1e-5) << mean;
    }
  }
}

TEST(PolicyInference, NonFiniteObservationsStayInTheirLane) {
  const NetworkShape shape{4, {32}, 2, 1, Activation::kRelu};
  const PolicyWeights weights = RandomPolicy(shape, 14);
  auto observations = RandomObservations(shape.obs_dim, 15);
  const std::vector<uint32_t> agents(kLanes, 0);
  for (const SimdLevel level : Levels()) {
    const Block a = ActAt(level, weights, observations, agents, {1, 0, 1, 0});
    auto bad = observations;
    bad[3] = NAN;
    bad[kLanes + 3] = INFINITY;
    const Block b = ActAt(level, weights, bad, agents, {1, 0, 1, 0});
    for (uint32_t l = 0; l < kLanes; ++l) {
      EXPECT_TRUE(std::isfinite(b.log_probs[l]));
      EXPECT_EQ(a.log_probs[l] == b.log_probs[l], l != 3) << l;
    }
  }
}

TEST(PolicyInference, RefusesWeightsThatDoNotFitTheirShape) {
  PolicyWeights weights = RandomPolicy({4, {32}, 2, 3, Activation::kRelu}, 16);
  weights.head_bias.pop_back();
  EXPECT_EQ(
      PolicyInference::Create(weights, SimdLevel::kScalar).status().code(),
      absl::StatusCode::kInvalidArgument);
}

TEST(PolicyInference, CountsTheNetworksOperations) {
  const PolicyWeights weights =
      RandomPolicy({30, {512, 256}, 8, 50, Activation::kRelu}, 17);
  const auto inference = PolicyInference::Create(weights, SimdLevel::kScalar);
  ASSERT_TRUE(inference.ok());
  EXPECT_EQ((*inference)->FlopsPerBlock(),
            2u * 16 * (30 * 512 + 512 * 256 + 256 * 8));
}

}  // namespace
}  // namespace kmyriad
