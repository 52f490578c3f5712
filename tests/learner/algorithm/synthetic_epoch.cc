#include "tests/learner/algorithm/synthetic_epoch.h"

#include <algorithm>
#include <cmath>

#include "common/math/philox.h"

namespace kmyriad {
namespace {

double Normal(uint32_t draw, uint32_t env, uint32_t step, uint32_t index) {
  const PhiloxBlock block =
      RunRandom(99, RandomStream::kEvaluation, env, draw, step, index);
  const double u = (block.word[0] + 0.5) * 0x1p-32;
  const double v = (block.word[1] + 0.5) * 0x1p-32;
  return std::sqrt(-2 * std::log(u)) * std::cos(6.283185307179586 * v);
}

}  // namespace

PolicyOptimizerOptions SmallOptions() {
  PolicyOptimizerOptions options;
  options.shape.obs_dim = 5;
  options.shape.trunk = {32, 16};
  options.shape.act_dim = 2;
  options.shape.agents = 4;
  options.initial_log_std = -0.5f;
  options.head_noise = 0.1f;
  options.objective = "ppo";
  options.learning_rate = 1e-3;
  options.critic_learning_rate = 1e-3;
  options.clip = 0.2;
  options.epochs = 3;
  options.minibatches = 4;
  options.gamma = 0.9;
  options.lambda = 0.95;
  options.kl_stop = 0;
  options.max_grad_norm = 0.5;
  options.critic_max_grad_norm = 1.0;
  options.schedule_epochs = 10;
  options.seed = 7;
  options.device = "cpu";
  options.threads = 1;
  options.precision = "fp32";
  return options;
}

EpochSamples SyntheticEpoch::View() const {
  return {envs,           horizon,          observations.data(),
          actions.data(), log_probs.data(), rewards.data()};
}

std::vector<double> ReferenceMean(const PolicyWeights& policy, uint32_t agent,
                                  const float* observation) {
  std::vector<double> x(policy.shape.obs_dim);
  for (size_t i = 0; i < x.size(); ++i) {
    const double centred = double{observation[i]} - policy.normalizer_mean[i];
    x[i] = std::clamp(centred * policy.normalizer_inv_std[i], -5.0, 5.0);
  }
  for (const DenseLayer& layer : policy.trunk) {
    std::vector<double> y(layer.out);
    for (uint32_t o = 0; o < layer.out; ++o) {
      double sum = layer.bias[o];
      for (uint32_t i = 0; i < layer.in; ++i) {
        sum += double{layer.weight[size_t{o} * layer.in + i]} * x[i];
      }
      y[o] = policy.shape.activation == Activation::kRelu ? std::max(sum, 0.0)
                                                          : std::tanh(sum);
    }
    x = y;
  }
  const uint32_t act_dim = policy.shape.act_dim;
  const size_t head = agent - policy.first_agent;
  std::vector<double> mean(act_dim);
  for (uint32_t a = 0; a < act_dim; ++a) {
    double sum = policy.head_bias[head * act_dim + a];
    for (size_t i = 0; i < x.size(); ++i) {
      sum += double{policy.head_weight[(head * x.size() + i) * act_dim + a]} *
             x[i];
    }
    mean[a] = sum;
  }
  return mean;
}

SyntheticEpoch MakeEpoch(const PolicyWeights& policy, uint32_t envs,
                         uint32_t horizon, uint32_t draw,
                         const RewardFunction& reward) {
  const uint32_t obs_dim = policy.shape.obs_dim;
  const uint32_t act_dim = policy.shape.act_dim;
  SyntheticEpoch epoch;
  epoch.envs = envs;
  epoch.horizon = horizon;
  for (uint32_t env = 0; env < envs; ++env) {
    const uint32_t agent = env / (envs / policy.shape.agents);
    for (uint32_t t = 0; t < horizon; ++t) {
      std::vector<float> observation(obs_dim);
      for (uint32_t i = 0; i < obs_dim; ++i) {
        observation[i] = static_cast<float>(Normal(draw, env, t, i));
      }
      const std::vector<double> mean =
          ReferenceMean(policy, agent, observation.data());
      std::vector<float> squashed(act_dim);
      double log_prob = 0;
      for (uint32_t a = 0; a < act_dim; ++a) {
        const double log_std = policy.head_log_std[agent * act_dim + a];
        const double noise = Normal(draw, env, t, obs_dim + a);
        const float u = static_cast<float>(mean[a] + std::exp(log_std) * noise);
        epoch.actions.push_back(u);
        squashed[a] = std::tanh(u);
        const double z = (u - mean[a]) * std::exp(-log_std);
        const double squash =
            2 * (std::log(2.0) - u - std::log1p(std::exp(-2.0 * u)));
        log_prob += -0.5 * z * z - log_std - 0.5 * std::log(2 * M_PI) - squash;
      }
      epoch.log_probs.push_back(static_cast<float>(log_prob));
      epoch.rewards.push_back(static_cast<float>(
          reward(agent, observation.data(), squashed.data())));
      epoch.observations.insert(epoch.observations.end(), observation.begin(),
                                observation.end());
    }
  }
  return epoch;
}

}  // namespace kmyriad
