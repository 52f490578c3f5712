#include "common/base/segment.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

#include "tests/testing/seeded_random.h"

namespace kmyriad {
namespace {

Segment MakeSegment() {
  SeededRandom random(11);
  Segment segment;
  segment.shape = {
      .rows = 3, .horizon = 4, .obs_dim = 5, .act_dim = 2, .feature_dim = 2};
  segment.observations = random.Normals(3 * 4 * 5);
  segment.actions = random.Normals(3 * 4 * 2);
  segment.log_probs = random.Normals(3 * 4);
  segment.features = random.Normals(3 * 4 * 2);
  segment.flags.assign(3 * 4, 0);
  return segment;
}

void AddRows(const std::vector<float>& column, size_t lane, size_t per_lane,
             std::string& bytes) {
  bytes.append(reinterpret_cast<const char*>(column.data() + lane * per_lane),
               per_lane * sizeof(float));
}

TEST(SegmentTest, BlocksCoverAllEnvironments) {
  EXPECT_EQ(BlockCount(1), 1u);
  EXPECT_EQ(BlockCount(16), 1u);
  EXPECT_EQ(BlockCount(17), 2u);
  EXPECT_EQ(BlockCount(1000), 63u);
  EXPECT_EQ(BlockRows(1000, 0), 16u);
  EXPECT_EQ(BlockRows(1000, 62), 8u);
  EXPECT_EQ(BlockRows(16, 0), 16u);
  for (const uint32_t envs : {1u, 15u, 16u, 17u, 32u, 1000u, 65536u}) {
    uint32_t rows = 0;
    for (uint32_t block = 0; block < BlockCount(envs); ++block) {
      rows += BlockRows(envs, block);
    }
    EXPECT_EQ(rows, envs);
  }
}

TEST(SegmentTest, HashIsThatOfTheLanesBytesInOrder) {
  const Segment segment = MakeSegment();
  std::string bytes;
  for (size_t lane = 0; lane < 3; ++lane) {
    AddRows(segment.observations, lane, 4 * 5, bytes);
    AddRows(segment.actions, lane, 4 * 2, bytes);
    AddRows(segment.log_probs, lane, 4, bytes);
    AddRows(segment.features, lane, 4 * 2, bytes);
    bytes.append(4, '\0');
  }
  EXPECT_EQ(HashSegment(segment), Sha256Of(bytes));
}

TEST(SegmentTest, HashSeesAChangeInEveryColumn) {
  std::set<Digest> hashes = {HashSegment(MakeSegment())};
  Segment changed = MakeSegment();
  changed.observations.back() += 1;
  hashes.insert(HashSegment(changed));
  changed = MakeSegment();
  changed.actions.back() += 1;
  hashes.insert(HashSegment(changed));
  changed = MakeSegment();
  changed.log_probs.back() += 1;
  hashes.insert(HashSegment(changed));
  changed = MakeSegment();
  changed.features.back() += 1;
  hashes.insert(HashSegment(changed));
  changed = MakeSegment();
  changed.flags.back() = kSampleOutside;
  hashes.insert(HashSegment(changed));
  EXPECT_EQ(hashes.size(), 6u);
}

TEST(SegmentTest, KeysDifferInEveryPart) {
  const SegmentKey key;
  EXPECT_EQ(key, SegmentKey());
  SegmentKey other = key;
  other.run_uuid[15] = 1;
  EXPECT_NE(key, other);
  other = key;
  other.epoch = 1;
  EXPECT_NE(key, other);
  other = key;
  other.block = 1;
  EXPECT_NE(key, other);
  other = key;
  other.policy_hash[31] = 1;
  EXPECT_NE(key, other);
  other = key;
  other.fingerprint[31] = 1;
  EXPECT_NE(key, other);
}

}  // namespace
}  // namespace kmyriad
