#include "learner/trainer/policy_store.h"

#include "gtest/gtest.h"
#include "learner/trainer/trainer.h"
#include "tests/learner/testing/fake_policy_optimizer.h"
#include "tests/learner/testing/learner_process.h"
#include "tests/testing/status_matchers.h"

namespace kmyriad {
namespace {

PolicyWeights Weights(uint64_t seed) {
  v1::RunConfig config = SmallRunConfig(1);
  config.mutable_run()->set_seed(seed);
  auto optimizer = MakeFakePolicyOptimizer(
      *MakeOptimizerOptions(config, FakeEnvironment(), 1));
  return *(*optimizer)->Policy({0, 0}, {1, 1});
}

TEST(PolicyStoreTest, PartsDecodeToTheHeadsThatWereAskedFor) {
  PolicyStore store;
  EXPECT_THAT(store.Snapshot(0, 1),
              StatusIs(absl::StatusCode::kFailedPrecondition));
  ASSERT_THAT(store.Publish(3, Weights(1)), IsOk());
  EXPECT_EQ(store.policy_version(), 3u);
  const auto part = store.Snapshot(1, 2);
  ASSERT_THAT(part, IsOk());
  const auto decoded =
      DecodePolicySnapshot((*part)->bytes, store.policy_hash());
  ASSERT_THAT(decoded, IsOk());
  EXPECT_EQ(decoded->first_agent, 1u);
  EXPECT_EQ(decoded->agent_count, 2u);
  EXPECT_THAT(store.Snapshot(3, 2), StatusIs(absl::StatusCode::kOutOfRange));
  // Asked again: the same bytes, not encoded anew.
  EXPECT_EQ(*store.Snapshot(1, 2), *part);
}

TEST(PolicyStoreTest, PublishReplacesPolicyAndParts) {
  PolicyStore store;
  ASSERT_THAT(store.Publish(1, Weights(1)), IsOk());
  const Digest first = store.policy_hash();
  const auto old = store.Snapshot(0, 4);
  ASSERT_THAT(store.Publish(2, Weights(2)), IsOk());
  EXPECT_NE(store.policy_hash(), first);
  EXPECT_NE((*store.Snapshot(0, 4))->bytes, (*old)->bytes);
  // A part in use stays valid.
  EXPECT_THAT(DecodePolicySnapshot((*old)->bytes, first), IsOk());
}

TEST(PolicyStoreTest, PartOfThePolicyCannotBePublished) {
  PolicyStore store;
  EXPECT_FALSE(store.Publish(1, *SelectAgents(Weights(1), 0, 2)).ok());
}

}  // namespace
}  // namespace kmyriad
