#include "entropy_service/particle_store.h"

#include <memory>
#include <utility>

#include "gtest/gtest.h"

namespace kmyriad {
namespace {

constexpr size_t kNoLimit = size_t{1} << 40;

std::shared_ptr<ScoredEpoch> Epoch(uint8_t run, uint64_t epoch) {
  auto scored = std::make_shared<ScoredEpoch>();
  scored->request.run_uuid[0] = run;
  scored->request.epoch = epoch;
  return scored;
}

TEST(ParticleStoreTest, FindsTheSameRequestOnly) {
  ParticleStore store(2, kNoLimit);
  const auto epoch = Epoch(1, 5);
  store.Put(epoch);
  EXPECT_EQ(store.Find(epoch->request), epoch);
  ScoreRequest other = epoch->request;
  other.k = 9;
  EXPECT_EQ(store.Find(other), nullptr);
  other = epoch->request;
  other.particle_digest[31] = 1;
  EXPECT_EQ(store.Find(other), nullptr);
}

TEST(ParticleStoreTest, AnotherRequestOfARunReplacesTheLast) {
  ParticleStore store(2, kNoLimit);
  const auto first = Epoch(1, 5);
  const auto second = Epoch(1, 6);
  store.Put(first);
  store.Put(second);
  EXPECT_EQ(store.Last(second->request.run_uuid), second);
  EXPECT_EQ(store.Find(first->request), nullptr);
}

TEST(ParticleStoreTest, TheRunUsedLongestAgoMakesRoom) {
  ParticleStore store(2, kNoLimit);
  const auto first = Epoch(1, 5);
  const auto second = Epoch(2, 5);
  store.Put(first);
  store.Put(second);
  EXPECT_EQ(store.Find(first->request), first);
  store.Put(Epoch(3, 5));
  EXPECT_EQ(store.Find(first->request), first);
  EXPECT_EQ(store.Last(second->request.run_uuid), nullptr);
}

TEST(ParticleStoreTest, TheBytesOfAllButTheNewestAreBounded) {
  ParticleStore store(4, 1000);
  const auto sized = [](uint8_t run, size_t rewards) {
    const auto epoch = Epoch(run, 5);
    epoch->rewards.resize(rewards);
    return epoch;
  };
  const auto first = sized(1, 100);
  const auto second = sized(2, 100);
  store.Put(first);
  store.Put(second);
  EXPECT_EQ(store.Last(first->request.run_uuid), first);
  // 400 bytes more are too many: the second was used longest ago.
  store.Put(sized(3, 100));
  EXPECT_EQ(store.Last(second->request.run_uuid), nullptr);
  EXPECT_EQ(store.Last(first->request.run_uuid), first);
  const auto large = sized(4, 1000);
  store.Put(large);
  EXPECT_EQ(store.Last(large->request.run_uuid), large);
  EXPECT_EQ(store.Last(first->request.run_uuid), nullptr);
}

TEST(ParticleStoreTest, KeptNeighboursCount) {
  MeasuredPool pool;
  pool.graph.neighbors.resize(300);
  auto epoch = Epoch(1, 1);
  EXPECT_EQ(epoch->bytes(), 0u);
  epoch->pool = std::make_shared<const MeasuredPool>(std::move(pool));
  EXPECT_EQ(epoch->bytes(), 1200u);
}

TEST(ParticleStoreTest, TheGridOfTheRequestCounts) {
  auto epoch = Epoch(1, 1);
  epoch->request.coverage.emplace().reachable.resize(500);
  EXPECT_EQ(epoch->bytes(), 500u);
}

}  // namespace
}  // namespace kmyriad
