#include "tests/actor/rollout/small_run.h"

#include <utility>

#include "common/base/check.h"
#include "common/math/philox.h"

namespace kmyriad {
namespace {

std::vector<float> Random(uint64_t variant, uint32_t tensor, size_t count) {
  std::vector<float> values(count);
  for (size_t i = 0; i < count; ++i) {
    values[i] = UniformOpen(RunRandom(variant, RandomStream::kEvaluation,
                                      tensor, 0, static_cast<uint32_t>(i), 0)
                                .word[0]) -
                0.5f;
  }
  return values;
}

}  // namespace

SmallRun::SmallRun() {
  VectorEnvOptions options;
  options.task = "point_mass";
  options.terrain = "maze";
  options.horizon = population.horizon;
  options.frame_skip = 1;
  options.integrator = "none";
  options.action_scale = 1;
  options.backend = "none";
  auto created = EnvironmentModel::Create(options);
  KMYRIAD_CHECK(created.ok());
  model = *std::move(created);
  network.obs_dim = model->spec().obs_dim();
  network.trunk = {32};
  network.act_dim = model->spec().act_dim;
  network.agents = population.agents;
}

std::unique_ptr<VectorEnv> SmallRun::MakeEnv() const {
  auto env = VectorEnv::Create(model);
  KMYRIAD_CHECK(env.ok());
  return *std::move(env);
}

std::unique_ptr<RolloutWorker> SmallRun::MakeWorker() const {
  return std::make_unique<RolloutWorker>(MakeEnv(), model->spec());
}

PolicyWeights SmallRun::Weights(uint64_t variant) const {
  PolicyWeights weights;
  weights.shape = network;
  weights.normalizer_mean = Random(variant, 0, network.obs_dim);
  weights.normalizer_inv_std.assign(network.obs_dim, 1);
  const uint32_t width = network.trunk[0];
  DenseLayer layer;
  layer.in = network.obs_dim;
  layer.out = width;
  layer.weight = Random(variant, 1, size_t{width} * network.obs_dim);
  layer.bias = Random(variant, 2, width);
  weights.trunk.push_back(std::move(layer));
  weights.agent_count = network.agents;
  const size_t head = size_t{network.agents} * network.act_dim;
  weights.head_weight = Random(variant, 3, head * width);
  weights.head_bias = Random(variant, 4, head);
  weights.head_log_std = Random(variant, 5, head);
  return weights;
}

std::unique_ptr<PolicyInference> SmallRun::MakePolicy(uint64_t variant,
                                                      SimdLevel level) const {
  auto policy = PolicyInference::Create(Weights(variant), level);
  KMYRIAD_CHECK(policy.ok());
  return *std::move(policy);
}

Segment SmallRun::Reference(uint64_t seed, uint32_t epoch, uint32_t block,
                            uint64_t variant) const {
  const std::unique_ptr<PolicyInference> policy = MakePolicy(variant);
  RolloutRequest request{seed, epoch, block, population, policy.get()};
  RolloutResult result;
  const absl::Status status = MakeWorker()->Rollout(
      {&request, 1}, [](size_t, uint32_t) { return true; }, {&result, 1});
  KMYRIAD_CHECK(status.ok() && result.whole);
  return result.segment;
}

}  // namespace kmyriad
