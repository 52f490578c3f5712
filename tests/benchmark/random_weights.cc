#include "tests/benchmark/random_weights.h"

#include <cmath>

#include "common/math/normal.h"

namespace kmyriad {

std::vector<float> ScaledNormals(size_t count, float scale,
                                 uint32_t stream_id) {
  std::vector<float> values(count);
  for (size_t i = 0; i < count; ++i) {
    values[i] = scale * RunNormals(1, RandomStream::kEvaluation, stream_id, 0,
                                   static_cast<uint32_t>(i % (1u << 24)), 0)
                            .first;
  }
  return values;
}

PolicyWeights RandomPolicyWeights(const NetworkShape& shape) {
  PolicyWeights w;
  w.shape = shape;
  w.normalizer_mean.assign(shape.obs_dim, 0.1f);
  w.normalizer_inv_std.assign(shape.obs_dim, 0.9f);
  uint32_t in = shape.obs_dim;
  for (const uint32_t out : shape.trunk) {
    const float scale = std::sqrt(2.0f / static_cast<float>(in));
    w.trunk.push_back({in, out,
                       ScaledNormals(static_cast<size_t>(in) * out, scale, out),
                       std::vector<float>(out, 0.0f)});
    in = out;
  }
  w.agent_count = shape.agents;
  const size_t heads = static_cast<size_t>(shape.agents) * shape.act_dim;
  w.head_weight =
      ScaledNormals(heads * in, 1 / std::sqrt(static_cast<float>(in)), 1);
  w.head_bias.assign(heads, 0.0f);
  w.head_log_std.assign(heads, -0.5f);
  return w;
}

}  // namespace kmyriad
