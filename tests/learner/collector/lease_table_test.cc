#include "learner/collector/lease_table.h"

#include <algorithm>
#include <map>
#include <set>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/testing/fake_clock.h"
#include "tests/testing/seeded_random.h"

namespace kmyriad {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Optional;

class LeaseTableTest : public ::testing::Test {
 protected:
  LeaseTable Table(uint32_t blocks) { return {clock_, {blocks, 2.0}}; }
  // The actor takes its leases and finishes them after `seconds`.
  void Finish(LeaseTable& table, StreamId actor, double seconds) {
    const LeaseGrant grant = table.Assign(actor);
    clock_.Advance(seconds);
    for (const uint32_t block : grant.blocks) {
      table.Complete(block);
      table.Release(actor, block);
    }
  }

  FakeClock clock_;
};

TEST_F(LeaseTableTest, BlocksGoOutInOrderUpToCapacity) {
  LeaseTable table = Table(5);
  table.AddActor(1, 2);
  table.AddActor(2, 9);
  EXPECT_THAT(table.Assign(1).blocks, IsEmpty());
  table.StartEpoch();
  EXPECT_THAT(table.Assign(1).blocks, ElementsAre(0, 1));
  EXPECT_THAT(table.Assign(1).blocks, IsEmpty());
  EXPECT_THAT(table.Assign(2).blocks, ElementsAre(2, 3, 4));
  EXPECT_EQ(table.leased(), 5u);
  EXPECT_EQ(table.unleased(), 0u);
  EXPECT_THAT(table.Assign(7).blocks, IsEmpty());
}

TEST_F(LeaseTableTest, ActorThatLeavesFreesItsBlocksAsRecomputed) {
  LeaseTable table = Table(3);
  table.AddActor(1, 3);
  table.AddActor(2, 3);
  table.StartEpoch();
  table.Assign(1);
  table.Complete(0);
  table.Release(1, 0);
  table.RemoveActor(1);
  const LeaseGrant grant = table.Assign(2);
  EXPECT_THAT(grant.blocks, ElementsAre(1, 2));
  EXPECT_THAT(grant.recomputed, ElementsAre(1, 2));
}

TEST_F(LeaseTableTest, DeadlineIsThreeTimesTheMedianButNotBelowTheLeast) {
  LeaseTable table = Table(1);
  table.AddActor(1, 1);
  EXPECT_GE(table.DeadlineSeconds(), 60);
  for (const double seconds : {4.0, 1.0, 100.0}) {
    table.StartEpoch();
    Finish(table, 1, seconds);
  }
  EXPECT_DOUBLE_EQ(table.DeadlineSeconds(), 12);
  for (int i = 0; i < 10; ++i) {
    table.StartEpoch();
    Finish(table, 1, 0.01);
  }
  EXPECT_DOUBLE_EQ(table.DeadlineSeconds(), 2);
}

TEST_F(LeaseTableTest, BackupComesAfterTheDeadlineAndToAnotherActorOnly) {
  LeaseTable table = Table(1);
  table.AddActor(1, 1);
  table.AddActor(2, 1);
  table.StartEpoch();
  Finish(table, 1, 1);
  table.StartEpoch();
  EXPECT_THAT(table.Assign(1).blocks, ElementsAre(0));
  clock_.Advance(2.9);
  EXPECT_THAT(table.Assign(2).blocks, IsEmpty());
  clock_.Advance(0.2);
  EXPECT_THAT(table.Assign(1).blocks, IsEmpty());
  const LeaseGrant backup = table.Assign(2);
  EXPECT_THAT(backup.blocks, ElementsAre(0));
  EXPECT_EQ(backup.backups, 1u);
  EXPECT_THAT(table.Holders(0), ElementsAre(1, 2));
  // The backup's own deadline starts anew.
  table.AddActor(3, 1);
  EXPECT_THAT(table.Assign(3).blocks, IsEmpty());
  clock_.Advance(3.1);
  EXPECT_THAT(table.Assign(3).blocks, ElementsAre(0));
}

TEST_F(LeaseTableTest, SuspectGetsNothingAndIsBackedUpAtOnce) {
  LeaseTable table = Table(2);
  table.AddActor(1, 1);
  table.AddActor(2, 2);
  table.StartEpoch();
  table.Assign(1);
  table.SetSuspect(1, true);
  EXPECT_THAT(table.Assign(2).blocks, ElementsAre(1, 0));
  table.Complete(0);
  table.Release(1, 0);
  EXPECT_THAT(table.Assign(1).blocks, IsEmpty());
  table.SetSuspect(1, false);
  table.StartEpoch();
  EXPECT_THAT(table.Assign(1).blocks, ElementsAre(0));
}

TEST_F(LeaseTableTest, TellsTheAgeOfALeaseAndWhoIsSuspected) {
  LeaseTable table = Table(2);
  table.AddActor(1, 1);
  table.AddActor(2, 1);
  table.StartEpoch();
  table.Assign(1);
  clock_.Advance(3);
  EXPECT_THAT(table.LeaseSeconds(1, 0), Optional(3.0));
  EXPECT_EQ(table.LeaseSeconds(2, 0), absl::nullopt);
  EXPECT_EQ(table.LeaseSeconds(1, 1), absl::nullopt);
  EXPECT_EQ(table.LeaseSeconds(1, 2), absl::nullopt);
  EXPECT_EQ(table.suspects(), 0u);
  table.SetSuspect(1, true);
  EXPECT_EQ(table.suspects(), 1u);
  table.Release(1, 0);
  EXPECT_EQ(table.LeaseSeconds(1, 0), absl::nullopt);
  table.RemoveActor(1);
  EXPECT_EQ(table.suspects(), 0u);
}

TEST_F(LeaseTableTest, CompletedOrForeignBlocksArePassedOver) {
  LeaseTable table = Table(2);
  table.AddActor(1, 2);
  table.StartEpoch();
  table.Complete(0);
  table.Complete(0);
  table.Complete(77);
  table.Release(1, 77);
  table.Release(9, 1);
  EXPECT_EQ(table.done(), 1u);
  EXPECT_THAT(table.Assign(1).blocks, ElementsAre(1));
}

// Whatever actors do, as long as one of them goes on working every block is
// done in the end, each is counted once, and nobody exceeds its capacity.
TEST_F(LeaseTableTest, EveryBlockIsDoneInTheEndUnderRandomDisturbance) {
  for (uint64_t seed = 0; seed < 50; ++seed) {
    SeededRandom random(seed);
    const auto blocks = static_cast<uint32_t>(1 + random.Below(20));
    LeaseTable table = Table(blocks);
    table.StartEpoch();
    std::map<StreamId, std::set<uint32_t>> held;
    std::map<StreamId, uint32_t> capacity;
    std::set<uint32_t> done;
    StreamId next = 1;
    for (int step = 0; done.size() < blocks; ++step) {
      ASSERT_LT(step, 5000) << "seed " << seed;
      if (held.empty() || random.Below(10) == 0) {
        capacity[next] = static_cast<uint32_t>(1 + random.Below(4));
        table.AddActor(next, capacity[next]);
        held[next++];
      }
      auto actor = held.begin();
      std::advance(actor, random.Below(held.size()));
      if (random.Below(12) == 0) {
        table.RemoveActor(actor->first);
        held.erase(actor);
        continue;
      }
      for (const uint32_t block : table.Assign(actor->first).blocks) {
        EXPECT_TRUE(actor->second.insert(block).second);
        EXPECT_EQ(done.count(block), 0u);
      }
      EXPECT_LE(actor->second.size(), capacity[actor->first]);
      clock_.Advance(random.Unit() * 10);
      if (actor->second.empty() || random.Below(3) == 0) continue;
      const uint32_t block = *actor->second.begin();
      actor->second.erase(block);
      if (random.Below(4) != 0) {
        table.Complete(block);
        done.insert(block);
      }
      table.Release(actor->first, block);
      EXPECT_EQ(table.done(), done.size());
    }
    EXPECT_EQ(table.unleased(), 0u);
    EXPECT_EQ(table.leased(), 0u);
  }
}

}  // namespace
}  // namespace kmyriad
