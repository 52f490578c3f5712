#include "actor/rollout/rollout_identity.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>

#include "common/base/status_macros.h"
#include "common/math/philox.h"

namespace kmyriad {
namespace {

// To be raised with every change of the inference kernel that changes bits.
constexpr uint64_t kKernelVersion = 1;

constexpr uint64_t kGoldenSeed = 0x6b6d797269616421;
constexpr uint32_t kGoldenAgents = 4;

void UpdateString(const std::string& text, Sha256& hash) {
  hash.UpdateInteger(text.size());
  hash.Update(text);
}

// `count` numbers, uniform in (-scale, scale); `tensor` tells tensors apart.
std::vector<float> GoldenTensor(uint32_t tensor, size_t count, float scale) {
  std::vector<float> values(count);
  for (size_t i = 0; i < count; i += 4) {
    const PhiloxBlock random =
        RunRandom(kGoldenSeed, RandomStream::kGolden, tensor, 0,
                  static_cast<uint32_t>(i / 4), 0);
    for (size_t j = i; j < std::min(i + 4, count); ++j) {
      values[j] = (2 * UniformOpen(random.word[j - i]) - 1) * scale;
    }
  }
  return values;
}

}  // namespace

Digest RolloutFingerprint(const EnvironmentModel& model,
                          const NetworkShape& network,
                          const PopulationShape& population) {
  Sha256 hash;
  UpdateString("kmyriad rollout", hash);
  hash.UpdateInteger(kActorProtocolVersion);
  hash.UpdateInteger(kKernelVersion);
  const Digest environment = model.fingerprint();
  hash.Update(environment.data(), environment.size());
  const EnvironmentSpec& spec = model.spec();
  hash.UpdateInteger(spec.observation.size());
  for (const ObservationColumn& column : spec.observation) {
    UpdateString(column.name, hash);
  }
  hash.UpdateInteger(spec.act_dim);
  hash.UpdateInteger(spec.features.size());
  for (const std::string& name : spec.features) UpdateString(name, hash);
  hash.UpdateInteger(network.obs_dim);
  hash.UpdateInteger(network.trunk.size());
  for (const uint32_t width : network.trunk) hash.UpdateInteger(width);
  hash.UpdateInteger(network.act_dim);
  hash.UpdateInteger(network.agents);
  hash.UpdateInteger(static_cast<uint64_t>(network.activation));
  hash.UpdateInteger(population.envs);
  hash.UpdateInteger(population.agents);
  hash.UpdateInteger(population.horizon);
  return hash.Finish();
}

PolicyWeights GoldenWeights(const EnvironmentSpec& spec,
                            const NetworkShape& network) {
  PolicyWeights weights;
  weights.shape = network;
  weights.shape.agents = kGoldenAgents;
  for (const ObservationColumn& column : spec.observation) {
    weights.normalizer_mean.push_back(column.initial_mean);
    weights.normalizer_inv_std.push_back(1 / column.initial_std);
  }
  uint32_t in = network.obs_dim;
  uint32_t tensor = 0;
  for (const uint32_t out : network.trunk) {
    const float scale = 1 / std::sqrt(static_cast<float>(in));
    DenseLayer layer;
    layer.in = in;
    layer.out = out;
    layer.weight = GoldenTensor(tensor++, size_t{out} * in, scale);
    layer.bias = GoldenTensor(tensor++, out, scale);
    weights.trunk.push_back(std::move(layer));
    in = out;
  }
  const float scale = 1 / std::sqrt(static_cast<float>(in));
  weights.agent_count = kGoldenAgents;
  const size_t head = size_t{kGoldenAgents} * network.act_dim;
  weights.head_weight = GoldenTensor(tensor++, head * in, scale);
  weights.head_bias = GoldenTensor(tensor++, head, scale);
  weights.head_log_std = GoldenTensor(tensor++, head, 1);
  return weights;
}

absl::StatusOr<Segment> GoldenSegment(RolloutEngine& rollout, uint32_t horizon,
                                      const PreparedPolicy& policy) {
  RolloutRequest request;
  request.seed = kGoldenSeed;
  request.population = {kBlockLanes, kGoldenAgents,
                        std::min(horizon, kGoldenSteps)};
  request.policy = &policy;
  RolloutResult result;
  KMYRIAD_RETURN_IF_ERROR(rollout.Rollout(
      {&request, 1}, [](size_t, uint32_t) { return true; }, {&result, 1}));
  return std::move(result.segment);
}

}  // namespace kmyriad
