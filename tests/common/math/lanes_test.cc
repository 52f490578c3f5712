#include "common/math/lanes.h"

#include <cmath>
#include <cstring>
#include <random>
#include <vector>

#include "gtest/gtest.h"
#include "tests/common/math/lane_levels.h"

namespace kmyriad {
namespace {

// Floats of random bits, with many equal and special ones.
std::vector<float> RandomLanes(std::mt19937& generator) {
  const float special[] = {0.0f,     -0.0f,     1.0f, -1.0f,
                           INFINITY, -INFINITY, NAN,  0x1p-149f};
  std::vector<float> lanes(16);
  for (float& lane : lanes) {
    const uint32_t word = static_cast<uint32_t>(generator());
    lane = word % 4 == 0 ? special[(word >> 2) % 8]
                         : FloatOfBits(static_cast<uint32_t>(generator()));
  }
  return lanes;
}

TEST(Lanes, EveryOperationGivesTheSameBitsAtEveryLevel) {
  const auto levels = LaneLevels();
  std::mt19937 generator(1);
  for (int round = 0; round < 2000; ++round) {
    const auto a = RandomLanes(generator);
    const auto b = RandomLanes(generator);
    const auto c = RandomLanes(generator);
    std::vector<uint32_t> expected(kOperations * 16), y(kOperations * 16);
    levels[0].second.operations(a.data(), b.data(), c.data(), expected.data());
    for (const auto& [level, functions] : levels) {
      functions.operations(a.data(), b.data(), c.data(), y.data());
      for (size_t i = 0; i < y.size(); ++i) {
        // The first five and the square root may make a NaN, whose payload
        // is the processor's.
        const bool both_nan = i / 16 < 6 && std::isnan(FloatOfBits(y[i])) &&
                              std::isnan(FloatOfBits(expected[i]));
        ASSERT_TRUE(both_nan || y[i] == expected[i])
            << level << " operation " << i / 16 << " lane " << i % 16;
      }
    }
  }
}

TEST(Lanes, FmaRoundsOnce) {
  // (1 + e)(1 - e) - 1 = -e^2, which two roundings lose.
  const float e = 0x1p-13f;
  EXPECT_EQ(Fma(1.0f + e, 1.0f - e, -1.0f), -e * e);
  volatile float product = (1.0f + e) * (1.0f - e);
  EXPECT_EQ(product - 1.0f, 0.0f);
}

TEST(Lanes, MaxAndMinTakeTheSecondOfNaNAndOfEqualZeros) {
  EXPECT_EQ(Max(NAN, 1.0f), 1.0f);
  EXPECT_TRUE(std::isnan(Max(1.0f, NAN)));
  EXPECT_TRUE(std::signbit(Max(0.0f, -0.0f)));
  EXPECT_EQ(Min(NAN, 1.0f), 1.0f);
  EXPECT_FALSE(std::signbit(Min(-0.0f, 0.0f)));
}

TEST(Lanes, DoublesAreNotRoundedToFloats) {
  const double next = 1.0 + 0x1p-52;
  EXPECT_FALSE(Equal(1.0, next));
  EXPECT_TRUE(Equal(next, next));
  EXPECT_TRUE(Less(1.0, next));
  EXPECT_EQ(Max(1.0, next), next);
  EXPECT_EQ(Min(1.0, next), 1.0);
  EXPECT_EQ(Select(true, next, 1.0), next);
  EXPECT_EQ(Fma(next, 1.0, -1.0), 0x1p-52);
  EXPECT_EQ(Sqrt(2.0), 0x1.6a09e667f3bcdp+0);
}

TEST(Lanes, TheLevelOfABaselineUnitIsPortable) {
  EXPECT_EQ(KMYRIAD_LANES_LEVEL, 0);
}

}  // namespace
}  // namespace kmyriad
