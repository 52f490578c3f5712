#include "common/policy/policy_weights.h"

#include <cmath>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/check.h"
#include "common/base/status_macros.h"

namespace kmyriad {
namespace {

constexpr char kMagic[8] = {'K', 'M', 'P', 'O', 'L', 'I', 'C', 'Y'};
constexpr uint32_t kFormat = 1;
// Magic, then ten words: format, obs_dim, act_dim, agents, activation, trunk
// layers, two widths (0 if absent), first_agent, agent_count.
constexpr size_t kHeaderWords = 10;
constexpr size_t kHeaderBytes = sizeof(kMagic) + kHeaderWords * 4;

static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__,
              "tensors go to the wire as they lie in memory");

// Calls visit(name, vector, size it must have) for every tensor, in the order
// of hashes and of the wire. Weights is const or not.
template <class Weights, class Visit>
void VisitTensors(Weights& w, Visit visit) {
  const uint64_t heads = w.agent_count;
  const uint64_t act = w.shape.act_dim;
  visit("normalizer_mean", w.normalizer_mean, uint64_t{w.shape.obs_dim});
  visit("normalizer_inv_std", w.normalizer_inv_std, uint64_t{w.shape.obs_dim});
  for (size_t l = 0; l < w.shape.trunk.size(); ++l) {
    const uint64_t in = l == 0 ? w.shape.obs_dim : w.shape.trunk[l - 1];
    const uint64_t out = w.shape.trunk[l];
    visit("trunk weight", w.trunk[l].weight, in * out);
    visit("trunk bias", w.trunk[l].bias, out);
  }
  visit("head_weight", w.head_weight, heads * w.shape.trunk.back() * act);
  visit("head_bias", w.head_bias, heads * act);
  visit("head_log_std", w.head_log_std, heads * act);
}

absl::Status CheckAgents(const NetworkShape& shape, uint32_t first,
                         uint32_t count) {
  if (count >= 1 && first < shape.agents && count <= shape.agents - first) {
    return absl::OkStatus();
  }
  return absl::OutOfRangeError(absl::StrCat("agents ", first, " to ", first,
                                            " + ", count, ": of ", shape.agents,
                                            " agents"));
}

Digest TensorHash(const float* values, uint64_t count) {
  Sha256 hash;
  hash.UpdateInteger(count);
  hash.Update(values, count * sizeof(float));
  return hash.Finish();
}

Digest TrunkHash(const PolicyWeights& w) {
  Sha256 hash;
  const auto add = [&hash](const std::vector<float>& tensor) {
    const Digest digest = TensorHash(tensor.data(), tensor.size());
    hash.Update(digest.data(), digest.size());
  };
  add(w.normalizer_mean);
  add(w.normalizer_inv_std);
  for (const DenseLayer& layer : w.trunk) {
    add(layer.weight);
    add(layer.bias);
  }
  return hash.Finish();
}

// `index` counts from the part's first agent.
Digest HeadHash(const PolicyWeights& w, uint64_t index) {
  const uint64_t act = w.shape.act_dim;
  const uint64_t size = w.shape.trunk.back() * act;
  Sha256 hash;
  for (const Digest& digest :
       {TensorHash(w.head_weight.data() + index * size, size),
        TensorHash(w.head_bias.data() + index * act, act),
        TensorHash(w.head_log_std.data() + index * act, act)}) {
    hash.Update(digest.data(), digest.size());
  }
  return hash.Finish();
}

Digest WholeHash(const NetworkShape& shape, const PolicyHashes& hashes) {
  Sha256 hash;
  hash.UpdateInteger(shape.obs_dim);
  hash.UpdateInteger(shape.act_dim);
  hash.UpdateInteger(shape.agents);
  hash.UpdateInteger(static_cast<uint64_t>(shape.activation));
  hash.UpdateInteger(shape.trunk.size());
  for (const uint32_t width : shape.trunk) hash.UpdateInteger(width);
  hash.Update(hashes.trunk_and_normalizer.data(), sizeof(Digest));
  for (const Digest& head : hashes.heads) {
    hash.Update(head.data(), head.size());
  }
  return hash.Finish();
}

void AppendWord(uint32_t word, std::string* bytes) {
  bytes->append(reinterpret_cast<const char*>(&word), sizeof(word));
}

// Shape and range of a snapshot's header, with every limit checked.
absl::StatusOr<PolicyWeights> ParseHeader(absl::string_view bytes) {
  if (bytes.size() < kHeaderBytes ||
      std::memcmp(bytes.data(), kMagic, sizeof(kMagic)) != 0) {
    return absl::InvalidArgumentError(absl::StrCat(
        "policy snapshot: ", bytes.size(), " bytes without a valid header"));
  }
  uint32_t word[kHeaderWords];
  std::memcpy(word, bytes.data() + sizeof(kMagic), sizeof(word));
  if (word[0] != kFormat) {
    return absl::InvalidArgumentError(
        absl::StrCat("policy snapshot: format = ", word[0], ": this build ",
                     "reads format ", kFormat));
  }
  if (word[4] > static_cast<uint32_t>(Activation::kTanh) || word[5] < 1 ||
      word[5] > kMaxTrunkLayers || (word[5] == 1 && word[7] != 0)) {
    return absl::InvalidArgumentError(absl::StrCat(
        "policy snapshot: activation = ", word[4], ", trunk layers = ", word[5],
        ", second width = ", word[7], ": not a network"));
  }
  PolicyWeights weights;
  weights.shape.obs_dim = word[1];
  weights.shape.act_dim = word[2];
  weights.shape.agents = word[3];
  weights.shape.activation = static_cast<Activation>(word[4]);
  weights.shape.trunk.assign(word + 6, word + 6 + word[5]);
  weights.first_agent = word[8];
  weights.agent_count = word[9];
  KMYRIAD_RETURN_IF_ERROR(ValidateNetworkShape(weights.shape));
  const absl::Status range =
      CheckAgents(weights.shape, weights.first_agent, weights.agent_count);
  if (!range.ok()) return absl::InvalidArgumentError(range.message());
  return weights;
}

}  // namespace

absl::Status ValidatePolicyWeights(const PolicyWeights& weights) {
  KMYRIAD_RETURN_IF_ERROR(ValidateNetworkShape(weights.shape));
  KMYRIAD_RETURN_IF_ERROR(
      CheckAgents(weights.shape, weights.first_agent, weights.agent_count));
  if (weights.trunk.size() != weights.shape.trunk.size()) {
    return absl::InvalidArgumentError(absl::StrCat(
        "policy weights: ", weights.trunk.size(),
        " layers where the shape has ", weights.shape.trunk.size()));
  }
  absl::Status status;
  for (size_t l = 0; l < weights.trunk.size(); ++l) {
    const uint32_t in =
        l == 0 ? weights.shape.obs_dim : weights.shape.trunk[l - 1];
    const DenseLayer& layer = weights.trunk[l];
    if (layer.in == in && layer.out == weights.shape.trunk[l]) continue;
    status.Update(absl::InvalidArgumentError(absl::StrCat(
        "policy weights: trunk layer ", l, " is ", layer.in, " to ", layer.out,
        ": must be ", in, " to ", weights.shape.trunk[l])));
  }
  VisitTensors(
      weights, [&status](const char* name, const std::vector<float>& tensor,
                         uint64_t size) {
        if (tensor.size() != size) {
          status.Update(absl::InvalidArgumentError(
              absl::StrCat("policy weights: ", name, " has ", tensor.size(),
                           " numbers: must have ", size)));
          return;
        }
        for (size_t i = 0; i < tensor.size(); ++i) {
          if (std::isfinite(tensor[i])) continue;
          status.Update(absl::InvalidArgumentError(
              absl::StrCat("policy weights: ", name, "[", i, "] = ", tensor[i],
                           ": must be finite")));
          return;
        }
      });
  for (const float log_std : weights.head_log_std) {
    if (std::abs(log_std) > kMaxAbsLogStd) {
      status.Update(absl::InvalidArgumentError(absl::StrCat(
          "policy weights: head_log_std = ", log_std, ": must be between -",
          kMaxAbsLogStd, " and ", kMaxAbsLogStd)));
    }
  }
  return status;
}

absl::StatusOr<PolicyHashes> HashPolicy(const PolicyWeights& weights) {
  KMYRIAD_RETURN_IF_ERROR(ValidatePolicyWeights(weights));
  if (weights.agent_count != weights.shape.agents) {
    return absl::InvalidArgumentError(absl::StrCat(
        "policy weights: ", weights.agent_count,
        " heads: the policy's hash needs all ", weights.shape.agents));
  }
  PolicyHashes hashes;
  hashes.trunk_and_normalizer = TrunkHash(weights);
  hashes.heads.reserve(weights.agent_count);
  for (uint32_t i = 0; i < weights.agent_count; ++i) {
    hashes.heads.push_back(HeadHash(weights, i));
  }
  hashes.policy = WholeHash(weights.shape, hashes);
  return hashes;
}

absl::StatusOr<PolicyWeights> SelectAgents(const PolicyWeights& weights,
                                           uint32_t first_agent,
                                           uint32_t agent_count) {
  KMYRIAD_RETURN_IF_ERROR(ValidatePolicyWeights(weights));
  KMYRIAD_RETURN_IF_ERROR(CheckAgents(weights.shape, first_agent, agent_count));
  if (first_agent < weights.first_agent ||
      first_agent + agent_count > weights.first_agent + weights.agent_count) {
    return absl::OutOfRangeError(
        absl::StrCat("agents ", first_agent, " to ", first_agent, " + ",
                     agent_count, ": the weights hold ", weights.first_agent,
                     " to ", weights.first_agent, " + ", weights.agent_count));
  }
  PolicyWeights part;
  part.shape = weights.shape;
  part.normalizer_mean = weights.normalizer_mean;
  part.normalizer_inv_std = weights.normalizer_inv_std;
  part.trunk = weights.trunk;
  part.first_agent = first_agent;
  part.agent_count = agent_count;
  const auto select = [&](const std::vector<float>& all) {
    const size_t size = all.size() / weights.agent_count;
    const float* begin =
        all.data() + (first_agent - weights.first_agent) * size;
    return std::vector<float>(begin, begin + agent_count * size);
  };
  part.head_weight = select(weights.head_weight);
  part.head_bias = select(weights.head_bias);
  part.head_log_std = select(weights.head_log_std);
  return part;
}

std::string EncodePolicySnapshot(const PolicyWeights& part,
                                 const PolicyHashes& hashes) {
  KMYRIAD_CHECK(ValidatePolicyWeights(part).ok());
  KMYRIAD_CHECK(hashes.heads.size() == part.shape.agents);
  const NetworkShape& shape = part.shape;
  uint64_t total = kHeaderBytes + hashes.heads.size() * sizeof(Digest);
  VisitTensors(part, [&total](const char*, const std::vector<float>& tensor,
                              uint64_t) { total += tensor.size() * 4; });
  std::string bytes(kMagic, sizeof(kMagic));
  bytes.reserve(total);
  for (const uint32_t word :
       {kFormat, shape.obs_dim, shape.act_dim, shape.agents,
        static_cast<uint32_t>(shape.activation),
        static_cast<uint32_t>(shape.trunk.size()), shape.trunk[0],
        shape.trunk.size() > 1 ? shape.trunk[1] : 0, part.first_agent,
        part.agent_count}) {
    AppendWord(word, &bytes);
  }
  for (const Digest& head : hashes.heads) {
    bytes.append(reinterpret_cast<const char*>(head.data()), head.size());
  }
  VisitTensors(
      part, [&bytes](const char*, const std::vector<float>& tensor, uint64_t) {
        bytes.append(reinterpret_cast<const char*>(tensor.data()),
                     tensor.size() * sizeof(float));
      });
  return bytes;
}

absl::StatusOr<PolicyWeights> DecodePolicySnapshot(absl::string_view bytes,
                                                   const Digest& policy_hash) {
  KMYRIAD_ASSIGN_OR_RETURN(PolicyWeights weights, ParseHeader(bytes));
  weights.trunk.resize(weights.shape.trunk.size());
  const uint64_t agents = weights.shape.agents;
  uint64_t expected = kHeaderBytes + agents * sizeof(Digest);
  VisitTensors(weights, [&expected](const char*, const std::vector<float>&,
                                    uint64_t size) { expected += size * 4; });
  if (bytes.size() != expected) {
    return absl::InvalidArgumentError(
        absl::StrCat("policy snapshot: ", bytes.size(),
                     " bytes: its header announces ", expected));
  }
  PolicyHashes hashes;
  hashes.heads.resize(agents);
  const char* next = bytes.data() + kHeaderBytes;
  std::memcpy(hashes.heads.data(), next, agents * sizeof(Digest));
  next += agents * sizeof(Digest);
  VisitTensors(weights,
               [&next](const char*, std::vector<float>& tensor, uint64_t size) {
                 tensor.resize(size);
                 std::memcpy(tensor.data(), next, size * sizeof(float));
                 next += size * sizeof(float);
               });
  for (size_t l = 0; l < weights.trunk.size(); ++l) {
    weights.trunk[l].in =
        l == 0 ? weights.shape.obs_dim : weights.shape.trunk[l - 1];
    weights.trunk[l].out = weights.shape.trunk[l];
  }
  hashes.trunk_and_normalizer = TrunkHash(weights);
  for (uint32_t i = 0; i < weights.agent_count; ++i) {
    if (HeadHash(weights, i) != hashes.heads[weights.first_agent + i]) {
      return absl::DataLossError(absl::StrCat("policy snapshot: head of agent ",
                                              weights.first_agent + i,
                                              " does not have its hash"));
    }
  }
  if (WholeHash(weights.shape, hashes) != policy_hash) {
    return absl::DataLossError(absl::StrCat(
        "policy snapshot: its contents do not give the policy hash ",
        ToHex(policy_hash)));
  }
  KMYRIAD_RETURN_IF_ERROR(ValidatePolicyWeights(weights));
  return weights;
}

}  // namespace kmyriad
