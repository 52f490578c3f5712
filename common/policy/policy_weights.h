#ifndef KMYRIAD_COMMON_POLICY_POLICY_WEIGHTS_H_
#define KMYRIAD_COMMON_POLICY_POLICY_WEIGHTS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/base/digest.h"
#include "common/policy/network_shape.h"

namespace kmyriad {

// One fully connected layer. weight is [out, in] row-major, bias [out].
struct DenseLayer {
  uint32_t in = 0;
  uint32_t out = 0;
  std::vector<float> weight;
  std::vector<float> bias;
};

// What is needed to act: normaliser, trunk and the heads of the agents in
// [first_agent, first_agent + agent_count). Part of the heads is a valid set.
// Plain value; const use is thread-safe.
struct PolicyWeights {
  NetworkShape shape;
  // Normalised observation: clip((x - mean) * inv_std, -5, 5). [obs_dim]
  std::vector<float> normalizer_mean;
  std::vector<float> normalizer_inv_std;
  std::vector<DenseLayer> trunk;
  uint32_t first_agent = 0;
  uint32_t agent_count = 0;
  // Adapter: [agent_count, trunk.back(), act_dim], input-major, as the
  // learner's batched product has it; bias and log-std [agent_count, act_dim].
  std::vector<float> head_weight;
  std::vector<float> head_bias;
  std::vector<float> head_log_std;
};

// Bound of |head_log_std|: wider or narrower, float can no longer sample.
inline constexpr float kMaxAbsLogStd = 20;

// INVALID_ARGUMENT naming the tensor if a size does not fit the shape, a
// number is not finite or a log-std beyond its bound; OUT_OF_RANGE for agents
// that the shape does not have.
absl::Status ValidatePolicyWeights(const PolicyWeights& weights);

// Content hashes of a whole policy (design section 2, rule 1). `policy` is
// SHA-256 over shape, trunk_and_normalizer and all head hashes, in order, so a
// part can be checked given the others' hashes.
struct PolicyHashes {
  Digest trunk_and_normalizer{};
  std::vector<Digest> heads;  // [shape.agents]
  Digest policy{};
};

// `weights` must hold all heads; INVALID_ARGUMENT otherwise.
absl::StatusOr<PolicyHashes> HashPolicy(const PolicyWeights& weights);

// The part of `weights` (which holds all heads) with the heads of the given
// agents. OUT_OF_RANGE if there are fewer.
absl::StatusOr<PolicyWeights> SelectAgents(const PolicyWeights& weights,
                                           uint32_t first_agent,
                                           uint32_t agent_count);

// Bytes of a part for the wire: header with shape and range, all head hashes,
// then little-endian tensors. `part` must be valid, `hashes` of its policy.
std::string EncodePolicySnapshot(const PolicyWeights& part,
                                 const PolicyHashes& hashes);

// Parses and checks a snapshot: shape limits before any allocation, lengths,
// finite numbers, and that its contents and the hashes it lists give
// `policy_hash`. INVALID_ARGUMENT or DATA_LOSS otherwise.
absl::StatusOr<PolicyWeights> DecodePolicySnapshot(absl::string_view bytes,
                                                   const Digest& policy_hash);

}  // namespace kmyriad

#endif  // KMYRIAD_COMMON_POLICY_POLICY_WEIGHTS_H_
