// Policies on their way to an actor: the snapshot's codec, given chunks.
#include <cmath>
#include <cstring>
#include <string>

#include "common/base/check.h"
#include "common/policy/policy_weights.h"
#include "tests/fuzz/fuzz_input.h"
#include "tests/fuzz/fuzz_target.h"

namespace kmyriad {
namespace {

PolicyWeights Small(FuzzInput& input) {
  PolicyWeights weights;
  weights.shape.obs_dim = 1 + input.Byte() % 3;
  weights.shape.act_dim = 1 + input.Byte() % 3;
  weights.shape.agents = 1 + input.Byte() % 3;
  weights.shape.trunk = {16 * (1 + input.Byte() % 2u)};
  if (input.Byte() % 2 == 1) weights.shape.trunk.push_back(16);
  weights.agent_count = weights.shape.agents;
  const auto fill = [&input](size_t size) {
    std::vector<float> values(size);
    for (float& value : values) {
      const absl::string_view bytes = input.Take(sizeof(float));
      std::memcpy(&value, bytes.data(), bytes.size());
    }
    return values;
  };
  weights.normalizer_mean = fill(weights.shape.obs_dim);
  weights.normalizer_inv_std = fill(weights.shape.obs_dim);
  uint32_t in = weights.shape.obs_dim;
  for (const uint32_t out : weights.shape.trunk) {
    weights.trunk.push_back({in, out, fill(in * out), fill(out)});
    in = out;
  }
  const size_t act = weights.agent_count * weights.shape.act_dim;
  weights.head_weight = fill(act * in);
  weights.head_bias = fill(act);
  weights.head_log_std = fill(act);
  return weights;
}

// What is encoded comes back; one bit changed anywhere does not.
void CheckRoundTrip(FuzzInput& input) {
  const PolicyWeights weights = Small(input);
  const absl::StatusOr<PolicyHashes> hashes = HashPolicy(weights);
  if (!hashes.ok()) return;
  std::string bytes = EncodePolicySnapshot(weights, *hashes);
  KMYRIAD_CHECK(DecodePolicySnapshot(bytes, hashes->policy).ok());
  const size_t at = input.Word() % bytes.size();
  bytes[at] = static_cast<char>(bytes[at] ^ (1 << input.Byte() % 8));
  KMYRIAD_CHECK(!DecodePolicySnapshot(bytes, hashes->policy).ok());
}

}  // namespace

void RunInput(absl::string_view bytes) {
  FuzzInput input(bytes);
  if (input.Byte() % 2 == 1) return CheckRoundTrip(input);
  Digest hash{};
  const absl::string_view claimed = input.Take(hash.size());
  std::memcpy(hash.data(), claimed.data(), claimed.size());
  const absl::string_view snapshot = input.Rest();
  const absl::StatusOr<PolicyWeights> weights =
      DecodePolicySnapshot(snapshot, hash);
  if (weights.ok()) KMYRIAD_CHECK(ValidatePolicyWeights(*weights).ok());
}

std::vector<std::string> Seeds() {
  std::vector<std::string> seeds;
  for (const char* header : {"\1\1\1\1\0", "\2\1\2\3\1", "\0\0\0\0\0"}) {
    const std::string shape(header, 5);
    seeds.push_back('\1' + shape + std::string(400, '\0'));
    FuzzInput input(shape);
    const PolicyWeights weights = Small(input);
    const PolicyHashes hashes = *HashPolicy(weights);
    seeds.push_back(
        '\0' +
        std::string(reinterpret_cast<const char*>(hashes.policy.data()),
                    hashes.policy.size()) +
        EncodePolicySnapshot(weights, hashes));
  }
  return seeds;
}

}  // namespace kmyriad
