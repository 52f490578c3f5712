#include "common/policy/policy_weights.h"

#include <cmath>
#include <cstring>
#include <set>
#include <string>
#include <vector>

#include "common/policy/network_shape.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/common/policy/policy_fixture.h"

namespace kmyriad {
namespace {

using ::testing::HasSubstr;

NetworkShape SmallShape() { return {3, {32, 16}, 2, 5, Activation::kRelu}; }

Digest HashOf(const PolicyWeights& weights) {
  const auto hashes = HashPolicy(weights);
  EXPECT_TRUE(hashes.ok()) << hashes.status();
  return hashes->policy;
}

// Every tensor of the weights, to change.
std::vector<std::vector<float>*> Tensors(PolicyWeights& w) {
  std::vector<std::vector<float>*> tensors = {
      &w.normalizer_mean, &w.normalizer_inv_std, &w.head_weight, &w.head_bias,
      &w.head_log_std};
  for (DenseLayer& layer : w.trunk) {
    tensors.push_back(&layer.weight);
    tensors.push_back(&layer.bias);
  }
  return tensors;
}

void FlipLowestBit(float& value) {
  uint32_t bits = 0;
  std::memcpy(&bits, &value, sizeof(bits));
  bits ^= 1;
  std::memcpy(&value, &bits, sizeof(bits));
}

bool SameWeights(const PolicyWeights& a, const PolicyWeights& b) {
  if (!(a.shape == b.shape) || a.first_agent != b.first_agent ||
      a.agent_count != b.agent_count || a.trunk.size() != b.trunk.size()) {
    return false;
  }
  for (size_t l = 0; l < a.trunk.size(); ++l) {
    if (a.trunk[l].in != b.trunk[l].in || a.trunk[l].out != b.trunk[l].out ||
        a.trunk[l].weight != b.trunk[l].weight ||
        a.trunk[l].bias != b.trunk[l].bias) {
      return false;
    }
  }
  return a.normalizer_mean == b.normalizer_mean &&
         a.normalizer_inv_std == b.normalizer_inv_std &&
         a.head_weight == b.head_weight && a.head_bias == b.head_bias &&
         a.head_log_std == b.head_log_std;
}

TEST(NetworkShape, LimitsAreCheckedFieldByField) {
  EXPECT_TRUE(ValidateNetworkShape(SmallShape()).ok());
  EXPECT_TRUE(
      ValidateNetworkShape({256, {1024, 1024}, 16, 65536, Activation::kTanh})
          .ok());
  const std::vector<std::pair<NetworkShape, std::string>> bad = {
      {{0, {16}, 1, 1}, "obs_dim = 0"},
      {{257, {16}, 1, 1}, "obs_dim = 257"},
      {{1, {}, 1, 1}, "trunk layers = 0"},
      {{1, {16, 16, 16}, 1, 1}, "trunk layers = 3"},
      {{1, {24}, 1, 1}, "trunk width = 24"},
      {{1, {0}, 1, 1}, "trunk width = 0"},
      {{1, {1040}, 1, 1}, "trunk width = 1040"},
      {{1, {16}, 0, 1}, "act_dim = 0"},
      {{1, {16}, 17, 1}, "act_dim = 17"},
      {{1, {16}, 1, 0}, "agents = 0"},
      {{1, {16}, 1, 65537}, "agents = 65537"},
      {{1, {16}, 1, 1, static_cast<Activation>(2)}, "activation = 2"}};
  for (const auto& [shape, text] : bad) {
    const absl::Status status = ValidateNetworkShape(shape);
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
    EXPECT_THAT(std::string(status.message()), HasSubstr(text));
  }
}

TEST(HashPolicy, OneFlippedBitAnywhereChangesIt) {
  PolicyWeights weights = RandomPolicy(SmallShape(), 1);
  std::set<Digest> hashes = {HashOf(weights)};
  size_t numbers = 0;
  for (std::vector<float>* tensor : Tensors(weights)) {
    for (float& value : *tensor) {
      FlipLowestBit(value);
      hashes.insert(HashOf(weights));
      FlipLowestBit(value);
      ++numbers;
    }
  }
  EXPECT_EQ(hashes.size(), numbers + 1);
  EXPECT_TRUE(hashes.count(HashOf(weights)));
}

TEST(HashPolicy, CoversTheActivationAndTheHeadsOrder) {
  PolicyWeights weights = RandomPolicy(SmallShape(), 2);
  const auto before = HashPolicy(weights);
  ASSERT_TRUE(before.ok());
  weights.shape.activation = Activation::kTanh;
  EXPECT_NE(HashOf(weights), before->policy);
  weights.shape.activation = Activation::kRelu;
  const size_t head = 16 * 2;
  std::swap_ranges(weights.head_weight.begin(),
                   weights.head_weight.begin() + head,
                   weights.head_weight.begin() + head);
  const auto after = HashPolicy(weights);
  ASSERT_TRUE(after.ok());
  EXPECT_NE(after->policy, before->policy);
  EXPECT_NE(after->heads[0], before->heads[0]);
  EXPECT_EQ(after->heads[2], before->heads[2]);
  EXPECT_EQ(after->trunk_and_normalizer, before->trunk_and_normalizer);
}

TEST(HashPolicy, NeedsAllHeads) {
  const PolicyWeights weights = RandomPolicy(SmallShape(), 3);
  const auto part = SelectAgents(weights, 1, 2);
  ASSERT_TRUE(part.ok());
  EXPECT_EQ(HashPolicy(*part).status().code(),
            absl::StatusCode::kInvalidArgument);
}

TEST(ValidatePolicyWeights, NamesTheTensorThatIsWrong) {
  const PolicyWeights good = RandomPolicy(SmallShape(), 4);
  EXPECT_TRUE(ValidatePolicyWeights(good).ok());
  PolicyWeights copy = good;
  for (std::vector<float>* tensor : Tensors(copy)) {
    tensor->push_back(0);
    EXPECT_FALSE(ValidatePolicyWeights(copy).ok());
    tensor->pop_back();
    const float value = tensor->back();
    for (const float bad : {NAN, HUGE_VALF}) {
      tensor->back() = bad;
      EXPECT_FALSE(ValidatePolicyWeights(copy).ok());
    }
    tensor->back() = value;
  }
  EXPECT_TRUE(ValidatePolicyWeights(copy).ok());
  copy.head_log_std[3] = 21;
  EXPECT_THAT(std::string(ValidatePolicyWeights(copy).message()),
              HasSubstr("head_log_std = 21"));
  copy = good;
  copy.trunk[1].in = 16;
  EXPECT_THAT(std::string(ValidatePolicyWeights(copy).message()),
              HasSubstr("trunk layer 1"));
  copy = good;
  copy.trunk.pop_back();
  EXPECT_FALSE(ValidatePolicyWeights(copy).ok());
}

TEST(SelectAgents, TakesTheHeadsOfARangeAlsoFromAPart) {
  const PolicyWeights all = RandomPolicy(SmallShape(), 5);
  const auto part = SelectAgents(all, 1, 3);
  ASSERT_TRUE(part.ok());
  EXPECT_EQ(part->head_bias, std::vector<float>(all.head_bias.begin() + 2,
                                                all.head_bias.begin() + 8));
  const auto from_all = SelectAgents(all, 2, 1);
  const auto from_part = SelectAgents(*part, 2, 1);
  ASSERT_TRUE(from_all.ok());
  ASSERT_TRUE(from_part.ok());
  EXPECT_TRUE(SameWeights(*from_all, *from_part));
}

TEST(SelectAgents, RefusesAgentsThatAreNotThere) {
  const PolicyWeights all = RandomPolicy(SmallShape(), 6);
  const auto part = SelectAgents(all, 1, 3);
  ASSERT_TRUE(part.ok());
  const std::pair<uint32_t, uint32_t> ranges[] = {
      {0, 0}, {5, 1}, {4, 2}, {1, 0xFFFFFFFFu}, {0xFFFFFFFFu, 1}};
  for (const auto& [first, count] : ranges) {
    EXPECT_EQ(SelectAgents(all, first, count).status().code(),
              absl::StatusCode::kOutOfRange);
  }
  EXPECT_EQ(SelectAgents(*part, 0, 1).status().code(),
            absl::StatusCode::kOutOfRange);
  EXPECT_EQ(SelectAgents(*part, 3, 2).status().code(),
            absl::StatusCode::kOutOfRange);
}

// A whole policy's hashes and the snapshot of agents [1, 3).
struct Snapshot {
  PolicyWeights part;
  PolicyHashes hashes;
  std::string bytes;
};

Snapshot MakeSnapshot(unsigned seed) {
  const PolicyWeights all = RandomPolicy(SmallShape(), seed);
  Snapshot snapshot;
  snapshot.part = *SelectAgents(all, 1, 2);
  snapshot.hashes = *HashPolicy(all);
  snapshot.bytes = EncodePolicySnapshot(snapshot.part, snapshot.hashes);
  return snapshot;
}

TEST(PolicySnapshot, APartComesBackAndIsCheckedAgainstTheWholePolicysHash) {
  const Snapshot snapshot = MakeSnapshot(7);
  const auto decoded =
      DecodePolicySnapshot(snapshot.bytes, snapshot.hashes.policy);
  ASSERT_TRUE(decoded.ok()) << decoded.status();
  EXPECT_TRUE(SameWeights(*decoded, snapshot.part));
  for (const NetworkShape& shape :
       {NetworkShape{1, {16}, 1, 1, Activation::kTanh},
        NetworkShape{30, {64, 32}, 8, 50, Activation::kRelu}}) {
    const PolicyWeights all = RandomPolicy(shape, 8);
    const PolicyHashes hashes = *HashPolicy(all);
    const auto again =
        DecodePolicySnapshot(EncodePolicySnapshot(all, hashes), hashes.policy);
    ASSERT_TRUE(again.ok()) << again.status();
    EXPECT_TRUE(SameWeights(*again, all));
  }
}

TEST(PolicySnapshot, AnotherPolicysHashIsRefused) {
  const Snapshot snapshot = MakeSnapshot(9);
  EXPECT_EQ(DecodePolicySnapshot(snapshot.bytes, MakeSnapshot(10).hashes.policy)
                .status()
                .code(),
            absl::StatusCode::kDataLoss);
}

TEST(PolicySnapshot, ATamperedByteAnywhereIsRefused) {
  const Snapshot snapshot = MakeSnapshot(11);
  std::string bytes = snapshot.bytes;
  for (size_t i = 0; i < bytes.size(); ++i) {
    for (const char mask : {'\x01', '\x80', '\xFF'}) {
      bytes[i] ^= mask;
      ASSERT_FALSE(DecodePolicySnapshot(bytes, snapshot.hashes.policy).ok())
          << "byte " << i;
      bytes[i] ^= mask;
    }
  }
  EXPECT_TRUE(DecodePolicySnapshot(bytes, snapshot.hashes.policy).ok());
}

TEST(PolicySnapshot, AnyOtherLengthIsRefused) {
  const Snapshot snapshot = MakeSnapshot(12);
  for (size_t size = 0; size < snapshot.bytes.size(); ++size) {
    ASSERT_EQ(
        DecodePolicySnapshot(absl::string_view(snapshot.bytes).substr(0, size),
                             snapshot.hashes.policy)
            .status()
            .code(),
        absl::StatusCode::kInvalidArgument)
        << size;
  }
  EXPECT_FALSE(
      DecodePolicySnapshot(snapshot.bytes + "x", snapshot.hashes.policy).ok());
}

TEST(PolicySnapshot, AHeaderCannotMakeItAllocateMoreThanItSent) {
  const Snapshot snapshot = MakeSnapshot(13);
  // Words 1..9 of the header after the magic of eight bytes.
  for (size_t word = 1; word < 10; ++word) {
    for (const uint32_t value :
         {0u, 1u, 16u, 1024u, 65536u, 0x7FFFFFFFu, 0xFFFFFFFFu}) {
      std::string bytes = snapshot.bytes;
      if (std::memcmp(&bytes[8 + word * 4], &value, 4) == 0) continue;
      std::memcpy(&bytes[8 + word * 4], &value, 4);
      EXPECT_FALSE(DecodePolicySnapshot(bytes, snapshot.hashes.policy).ok());
      EXPECT_FALSE(
          DecodePolicySnapshot(bytes.substr(0, 48), snapshot.hashes.policy)
              .ok());
    }
  }
}

// The hashes as policy_weights.h defines them, written down a second time.
Digest HashTensors(const std::vector<std::vector<float>>& tensors) {
  Sha256 all;
  for (const std::vector<float>& tensor : tensors) {
    Sha256 one;
    one.UpdateInteger(tensor.size());
    one.Update(tensor.data(), tensor.size() * sizeof(float));
    const Digest digest = one.Finish();
    all.Update(digest.data(), digest.size());
  }
  return all.Finish();
}

PolicyHashes HashesOfOneAgent(const PolicyWeights& w) {
  PolicyHashes hashes;
  hashes.trunk_and_normalizer =
      HashTensors({w.normalizer_mean, w.normalizer_inv_std, w.trunk[0].weight,
                   w.trunk[0].bias});
  hashes.heads = {HashTensors({w.head_weight, w.head_bias, w.head_log_std})};
  Sha256 whole;
  for (const uint32_t number :
       {w.shape.obs_dim, w.shape.act_dim, w.shape.agents,
        static_cast<uint32_t>(w.shape.activation), 1u, w.shape.trunk[0]}) {
    whole.UpdateInteger(number);
  }
  whole.Update(hashes.trunk_and_normalizer.data(), sizeof(Digest));
  whole.Update(hashes.heads[0].data(), sizeof(Digest));
  hashes.policy = whole.Finish();
  return hashes;
}

TEST(HashPolicy, IsWhatTheFormatSays) {
  const PolicyWeights weights =
      RandomPolicy({3, {16}, 2, 1, Activation::kTanh}, 14);
  const auto hashes = HashPolicy(weights);
  ASSERT_TRUE(hashes.ok());
  const PolicyHashes expected = HashesOfOneAgent(weights);
  EXPECT_EQ(hashes->trunk_and_normalizer, expected.trunk_and_normalizer);
  EXPECT_EQ(hashes->heads, expected.heads);
  EXPECT_EQ(hashes->policy, expected.policy);
}

TEST(PolicySnapshot, NumbersThatCannotActAreRefusedEvenWithTheirHash) {
  const PolicyWeights good =
      RandomPolicy({3, {16}, 2, 1, Activation::kTanh}, 15);
  const std::string bytes = EncodePolicySnapshot(good, HashesOfOneAgent(good));
  // The last number of the snapshot is a log-std; head hashes follow the
  // header of 48 bytes.
  for (const float value : {1.0f, NAN, HUGE_VALF, 21.0f}) {
    PolicyWeights weights = good;
    weights.head_log_std.back() = value;
    const PolicyHashes hashes = HashesOfOneAgent(weights);
    std::string changed = bytes;
    std::memcpy(&changed[48], hashes.heads[0].data(), sizeof(Digest));
    std::memcpy(&changed[changed.size() - 4], &value, 4);
    const auto decoded = DecodePolicySnapshot(changed, hashes.policy);
    if (value == 1.0f) {
      EXPECT_TRUE(decoded.ok()) << decoded.status();
    } else {
      EXPECT_EQ(decoded.status().code(), absl::StatusCode::kInvalidArgument);
    }
  }
}

}  // namespace
}  // namespace kmyriad
