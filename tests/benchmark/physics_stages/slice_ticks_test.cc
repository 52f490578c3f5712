#include "tests/benchmark/physics_stages/slice_ticks.h"

#include "gtest/gtest.h"

namespace kmyriad {
namespace {

StageTicks Ticks(uint64_t ticks) {
  StageTicks all;
  for (uint64_t& one : all.ticks) one = ticks;
  return all;
}

TEST(SliceTicksTest, DisturbedSlicesCountOnlyWhereThereAreNoOthers) {
  SliceTicks slices;
  slices.Add(Ticks(1000), true);
  slices.Add(Ticks(300), true);
  EXPECT_EQ(slices.ticks().ticks[0], 1300u);
  EXPECT_EQ(slices.undisturbed(), 0.0);
  slices.Add(Ticks(7), false);
  slices.Add(Ticks(500), true);
  EXPECT_EQ(slices.ticks().ticks[0], 7u);
  EXPECT_EQ(slices.ticks().ticks[kStepStages - 1], 7u);
  EXPECT_EQ(slices.undisturbed(), 0.25);
}

}  // namespace
}  // namespace kmyriad
