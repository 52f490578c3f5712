#include "entropy_service/particle_store.h"

#include <memory>

#include "gtest/gtest.h"

namespace kmyriad {
namespace {

std::shared_ptr<ScoredEpoch> Epoch(uint8_t run, uint64_t epoch) {
  auto scored = std::make_shared<ScoredEpoch>();
  scored->request.run_uuid[0] = run;
  scored->request.epoch = epoch;
  return scored;
}

TEST(ParticleStoreTest, FindsTheSameRequestOnly) {
  ParticleStore store(2);
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
  ParticleStore store(2);
  const auto first = Epoch(1, 5);
  const auto second = Epoch(1, 6);
  store.Put(first);
  store.Put(second);
  EXPECT_EQ(store.Last(second->request.run_uuid), second);
  EXPECT_EQ(store.Find(first->request), nullptr);
}

TEST(ParticleStoreTest, TheRunUsedLongestAgoMakesRoom) {
  ParticleStore store(2);
  const auto first = Epoch(1, 5);
  const auto second = Epoch(2, 5);
  store.Put(first);
  store.Put(second);
  EXPECT_EQ(store.Find(first->request), first);
  store.Put(Epoch(3, 5));
  EXPECT_EQ(store.Find(first->request), first);
  EXPECT_EQ(store.Last(second->request.run_uuid), nullptr);
}

}  // namespace
}  // namespace kmyriad
