#ifndef KMYRIAD_TESTS_COMMON_POLICY_POLICY_FIXTURE_H_
#define KMYRIAD_TESTS_COMMON_POLICY_POLICY_FIXTURE_H_

#include <cmath>
#include <cstdint>
#include <random>
#include <vector>

#include "common/policy/policy_weights.h"

namespace kmyriad {

inline std::vector<float> RandomFloats(size_t count, float scale,
                                       std::mt19937& generator) {
  std::normal_distribution<float> normal(0.0f, scale);
  std::vector<float> values(count);
  for (float& value : values) value = normal(generator);
  return values;
}

// Weights of a size that keeps activations near one, all heads different.
inline PolicyWeights RandomPolicy(const NetworkShape& shape, unsigned seed) {
  std::mt19937 generator(seed);
  PolicyWeights w;
  w.shape = shape;
  w.normalizer_mean = RandomFloats(shape.obs_dim, 0.5f, generator);
  for (uint32_t i = 0; i < shape.obs_dim; ++i) {
    w.normalizer_inv_std.push_back(0.5f + 0.1f * static_cast<float>(i % 7));
  }
  uint32_t in = shape.obs_dim;
  for (const uint32_t out : shape.trunk) {
    DenseLayer layer;
    layer.in = in;
    layer.out = out;
    const float scale = std::sqrt(2.0f / static_cast<float>(in));
    layer.weight =
        RandomFloats(static_cast<size_t>(in) * out, scale, generator);
    layer.bias = RandomFloats(out, 0.1f, generator);
    w.trunk.push_back(layer);
    in = out;
  }
  w.agent_count = shape.agents;
  const size_t heads = static_cast<size_t>(shape.agents) * shape.act_dim;
  w.head_weight = RandomFloats(
      heads * in, 1 / std::sqrt(static_cast<float>(in)), generator);
  w.head_bias = RandomFloats(heads, 0.1f, generator);
  w.head_log_std = RandomFloats(heads, 0.3f, generator);
  return w;
}

}  // namespace kmyriad

#endif  // KMYRIAD_TESTS_COMMON_POLICY_POLICY_FIXTURE_H_
