#include "actor/rollout/policy_cache.h"

#include <memory>
#include <string>
#include <utility>

#include "gtest/gtest.h"
#include "tests/actor/rollout/small_run.h"
#include "tests/testing/status_matchers.h"

namespace kmyriad {
namespace {

using ::testing::HasSubstr;

// Only says which part it was made of.
class PartMarker : public PolicyInference {
 public:
  explicit PartMarker(uint32_t first) : first_agent(first) {}
  void Act(const float*, const uint32_t*, const ActionNoiseKey&, Scratch&,
           float*, float*, float*, float*) const override {}
  void Means(const float*, Scratch&, float*) const override {}
  uint64_t FlopsPerBlock() const override { return 0; }
  const uint32_t first_agent;
};

class PolicyCacheTest : public ::testing::Test {
 protected:
  void SetUp() override { Encode(1, 0, run_.network.agents); }

  void Encode(uint64_t variant, uint32_t first_agent, uint32_t agents) {
    const PolicyWeights weights = run_.Weights(variant);
    const PolicyHashes hashes = *HashPolicy(weights);
    hash_ = hashes.policy;
    bytes_ = EncodePolicySnapshot(*SelectAgents(weights, first_agent, agents),
                                  hashes);
  }
  PolicyChunk Chunk(uint32_t index, uint32_t count) const {
    PolicyChunk chunk;
    chunk.policy_version = 3;
    chunk.policy_hash = hash_;
    chunk.index = index;
    chunk.count = count;
    chunk.total_bytes = bytes_.size();
    const size_t size = (bytes_.size() + count - 1) / count;
    chunk.data = absl::string_view(bytes_).substr(index * size, size);
    return chunk;
  }
  absl::StatusOr<bool> AddAll(uint32_t count) {
    for (uint32_t i = 0; i + 1 < count; ++i) {
      const absl::StatusOr<bool> complete = cache_.Add(Chunk(i, count));
      if (!complete.ok()) return complete;
      EXPECT_FALSE(*complete);
    }
    return cache_.Add(Chunk(count - 1, count));
  }

  const SmallRun run_;
  Digest hash_{};
  std::string bytes_;
  PolicyCache cache_{run_.network, [](const PolicyWeights& weights) {
                       return absl::StatusOr<std::unique_ptr<PolicyInference>>(
                           std::make_unique<PartMarker>(weights.first_agent));
                     }};
};

TEST_F(PolicyCacheTest, AssemblesOneAndManyChunks) {
  for (const uint32_t count : {1u, 2u, 7u}) {
    EXPECT_THAT(AddAll(count), IsOkAndHolds(true)) << count;
    EXPECT_NE(cache_.Find(hash_, 0, 4), nullptr);
  }
}

TEST_F(PolicyCacheTest, FindsThePartThatHoldsTheAgents) {
  Encode(1, 0, 2);
  ASSERT_THAT(AddAll(1), IsOkAndHolds(true));
  Encode(1, 2, 3);
  ASSERT_THAT(AddAll(1), IsOkAndHolds(true));
  const auto first = [this](uint32_t from, uint32_t to) {
    const auto found = cache_.Find(hash_, from, to);
    return found == nullptr
               ? -1
               : static_cast<int>(
                     dynamic_cast<const PartMarker&>(*found).first_agent);
  };
  EXPECT_EQ(first(0, 1), 0);
  EXPECT_EQ(first(1, 1), 0);
  EXPECT_EQ(first(2, 4), 2);
  EXPECT_EQ(first(1, 2), -1);
  EXPECT_EQ(first(4, 5), -1);
  Digest other = hash_;
  other[0] ^= 1;
  EXPECT_EQ(cache_.Find(other, 0, 1), nullptr);
}

TEST_F(PolicyCacheTest, AnotherPolicyReplacesTheOld) {
  ASSERT_THAT(AddAll(1), IsOkAndHolds(true));
  const Digest old = hash_;
  const std::shared_ptr<const PreparedPolicy> in_use = cache_.Find(old, 0, 0);
  Encode(2, 0, 5);
  ASSERT_THAT(AddAll(2), IsOkAndHolds(true));
  EXPECT_EQ(cache_.Find(old, 0, 0), nullptr);
  EXPECT_NE(cache_.Find(hash_, 0, 0), nullptr);
  EXPECT_EQ(in_use.use_count(), 1);
}

TEST_F(PolicyCacheTest, KeepsABoundedNumberOfParts) {
  for (size_t i = 0; i <= PolicyCache::kMaxParts; ++i) {
    Encode(1, i == 0 ? 0 : 1, i == 0 ? 1 : 4);
    ASSERT_THAT(AddAll(1), IsOkAndHolds(true));
  }
  EXPECT_EQ(cache_.Find(hash_, 0, 0), nullptr);
  EXPECT_NE(cache_.Find(hash_, 1, 4), nullptr);
}

TEST_F(PolicyCacheTest, RefusesChunksThatDoNotFit) {
  constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;
  EXPECT_THAT(cache_.Add(Chunk(1, 3)), StatusIs(kInvalid, HasSubstr("0 was")));
  ASSERT_THAT(cache_.Add(Chunk(0, 3)), IsOkAndHolds(false));
  EXPECT_THAT(cache_.Add(Chunk(2, 3)), StatusIs(kInvalid, HasSubstr("1 was")));

  PolicyChunk chunk = Chunk(0, 3);
  chunk.count = 0;
  EXPECT_THAT(cache_.Add(chunk), StatusIs(kInvalid));
  chunk = Chunk(0, 3);
  chunk.total_bytes = PolicyCache::kMaxSnapshotBytes + 1;
  EXPECT_THAT(cache_.Add(chunk), StatusIs(kInvalid, HasSubstr("total_bytes")));
  chunk = Chunk(0, 3);
  chunk.data = {};
  EXPECT_THAT(cache_.Add(chunk), StatusIs(kInvalid, HasSubstr("0 bytes")));
  chunk = Chunk(0, 3);
  const std::string huge(PolicyCache::kMaxChunkBytes + 1, 'x');
  chunk.data = huge;
  chunk.total_bytes = 2 * huge.size();
  EXPECT_THAT(cache_.Add(chunk), StatusIs(kInvalid));
  chunk = Chunk(0, 1);
  chunk.total_bytes += 1;
  EXPECT_THAT(cache_.Add(chunk), StatusIs(kInvalid));
  chunk = Chunk(0, 3);
  chunk.total_bytes = chunk.data.size() - 1;
  EXPECT_THAT(cache_.Add(chunk), StatusIs(kInvalid));

  for (int field = 0; field < 4; ++field) {
    ASSERT_THAT(cache_.Add(Chunk(0, 3)), IsOkAndHolds(false));
    chunk = Chunk(1, 3);
    if (field == 0) chunk.count = 4;
    if (field == 1) chunk.total_bytes += 4;
    if (field == 2) chunk.policy_hash[31] ^= 1;
    if (field == 3) chunk.policy_version += 1;
    EXPECT_THAT(cache_.Add(chunk),
                StatusIs(kInvalid, HasSubstr("another snapshot")));
  }
  // After all this a good one is taken.
  EXPECT_THAT(AddAll(3), IsOkAndHolds(true));
}

TEST_F(PolicyCacheTest, RefusesDamageAndAnotherShape) {
  bytes_[bytes_.size() - 2] ^= 1;
  const auto damaged = AddAll(2);
  EXPECT_FALSE(damaged.ok());
  EXPECT_EQ(cache_.Find(hash_, 0, 0), nullptr);

  SmallRun other;
  other.network.trunk = {48};
  const PolicyWeights weights = other.Weights(1);
  const PolicyHashes hashes = *HashPolicy(weights);
  hash_ = hashes.policy;
  bytes_ = EncodePolicySnapshot(weights, hashes);
  EXPECT_THAT(AddAll(1), StatusIs(absl::StatusCode::kInvalidArgument,
                                  HasSubstr("another shape")));
}

}  // namespace
}  // namespace kmyriad
