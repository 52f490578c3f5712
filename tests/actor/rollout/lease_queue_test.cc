#include "actor/rollout/lease_queue.h"

#include <memory>

#include "gtest/gtest.h"

namespace kmyriad {
namespace {

std::shared_ptr<BlockTask> Task(uint64_t epoch, uint32_t block,
                                uint8_t policy = 1) {
  auto task = std::make_shared<BlockTask>();
  task->epoch = epoch;
  task->block = block;
  task->policy_hash.fill(policy);
  return task;
}

TEST(LeaseQueueTest, GivesBlocksInOrder) {
  LeaseQueue queue;
  EXPECT_FALSE(queue.has_waiting());
  for (const uint32_t block : {5u, 2u, 9u}) queue.Add(Task(1, block));
  EXPECT_EQ(queue.held(), 3u);
  const auto first = queue.Take();
  EXPECT_EQ(first->block, 5u);
  EXPECT_EQ(queue.Take()->block, 2u);
  EXPECT_EQ(queue.held(), 3u);
  queue.Finish(*first);
  EXPECT_EQ(queue.held(), 2u);
  EXPECT_EQ(queue.Take()->block, 9u);
  EXPECT_FALSE(queue.has_waiting());
}

TEST(LeaseQueueTest, HoldsABlockOnce) {
  LeaseQueue queue;
  queue.Add(Task(1, 5));
  queue.Add(Task(1, 5));
  EXPECT_EQ(queue.held(), 1u);
  const auto running = queue.Take();
  queue.Add(Task(1, 5));
  EXPECT_EQ(queue.held(), 1u);
  // Done: it may be leased anew.
  queue.Finish(*running);
  queue.Add(Task(1, 5));
  EXPECT_EQ(queue.held(), 1u);
  // Finishing the old lease again takes nothing from the new one.
  const auto anew = queue.Take();
  queue.Finish(*running);
  EXPECT_EQ(queue.held(), 1u);
  queue.Finish(*anew);
  EXPECT_EQ(queue.held(), 0u);
}

TEST(LeaseQueueTest, AnotherEpochOrPolicyAbandonsTheOld) {
  for (const bool by_policy : {false, true}) {
    LeaseQueue queue;
    queue.Add(Task(1, 0));
    queue.Add(Task(1, 1));
    const auto running = queue.Take();
    queue.Add(by_policy ? Task(1, 1, 2) : Task(2, 1));
    EXPECT_TRUE(running->abandoned);
    const auto next = queue.Take();
    EXPECT_FALSE(next->abandoned);
    EXPECT_EQ(next->epoch, by_policy ? 1u : 2u);
    EXPECT_FALSE(queue.has_waiting());
  }
}

TEST(LeaseQueueTest, RevokesWhatIsNamedOnly) {
  LeaseQueue queue;
  for (uint32_t block = 0; block < 4; ++block) queue.Add(Task(3, block));
  const auto zero = queue.Take();
  const auto one = queue.Take();
  queue.Revoke({2, {0, 1, 2, 3}, false});
  queue.Revoke({2, {}, true});
  EXPECT_FALSE(zero->abandoned);
  queue.Revoke({3, {1, 2, 77}, false});
  EXPECT_FALSE(zero->abandoned);
  EXPECT_TRUE(one->abandoned);
  EXPECT_EQ(queue.Take()->block, 3u);
  EXPECT_FALSE(queue.has_waiting());
  queue.Revoke({3, {}, true});
  EXPECT_TRUE(zero->abandoned);
}

TEST(LeaseQueueTest, ARevokedBlockMayBeLeasedAgainWhileItStops) {
  LeaseQueue queue;
  queue.Add(Task(1, 0));
  const auto stopping = queue.Take();
  queue.Revoke({1, {0}, false});
  queue.Add(Task(1, 0));
  ASSERT_TRUE(queue.has_waiting());
  const auto again = queue.Take();
  queue.Finish(*stopping);
  EXPECT_FALSE(again->abandoned);
  EXPECT_EQ(queue.held(), 1u);
}

TEST(LeaseQueueTest, AbandonAllLeavesNothing) {
  LeaseQueue queue;
  queue.Add(Task(1, 0));
  queue.Add(Task(1, 1));
  const auto running = queue.Take();
  queue.AbandonAll();
  EXPECT_TRUE(running->abandoned);
  EXPECT_FALSE(queue.has_waiting());
}

}  // namespace
}  // namespace kmyriad
