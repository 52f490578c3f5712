#include "common/math/lanes.h"

#include <cmath>
#include <cstring>
#include <random>
#include <vector>

#include "common/math/sine_cosine.h"
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

TEST(Lanes, EveryOperationOnDoublesGivesTheSameBitsAtEveryLevel) {
  const auto levels = LaneLevels();
  std::mt19937_64 generator(2);
  const double special[] = {0.0,      -0.0,      1.0,       -1.0,
                            INFINITY, -INFINITY, 0x1p-1074, 0x1.8p52};
  std::uniform_real_distribution<double> uniform(-1000, 1000);
  for (int round = 0; round < 2000; ++round) {
    double x[3][8];
    for (double& number : x[0]) number = uniform(generator);
    for (double& number : x[1]) number = uniform(generator);
    for (double& number : x[2]) number = uniform(generator);
    for (auto& lanes : x) lanes[generator() % 8] = special[generator() % 8];
    x[2][0] = x[1][0];
    std::vector<double> expected(kDoubleOperations * 8), y(expected.size());
    levels[0].second.double_operations(x[0], x[1], x[2], expected.data());
    for (const auto& [level, functions] : levels) {
      functions.double_operations(x[0], x[1], x[2], y.data());
      for (size_t i = 0; i < y.size(); ++i) {
        const bool both_nan = std::isnan(y[i]) && std::isnan(expected[i]);
        ASSERT_TRUE(both_nan ||
                    std::memcmp(&y[i], &expected[i], sizeof(double)) == 0)
            << level << " operation " << i / 8 << " lane " << i % 8;
      }
    }
  }
}

TEST(Lanes, MasksKeepTheirBits) {
  for (const uint32_t bits : {0x0000u, 0xFFFFu, 0x8001u, 0x5A3Cu}) {
    EXPECT_EQ(BitsOfMask(MaskOfBits<FloatLanes>(bits)), bits);
    EXPECT_EQ(BitsOfMask(MaskOfBits<DoubleLanes>(bits & 0xFF)), bits & 0xFF);
    EXPECT_EQ(BitsOfMask(MaskOfBits<float>(bits)), bits & 1);
  }
}

TEST(SineCosine, IsWithinOneUnitInDoublePrecision) {
  std::mt19937_64 generator(3);
  std::uniform_real_distribution<double> small(-7, 7), large(-1e6, 1e6);
  for (int k = 0; k < 400000; ++k) {
    const double x = k % 2 == 0 ? small(generator) : large(generator);
    double sine, cosine;
    SineCosine(x, &sine, &cosine);
    // Absolute units of the last place of 1 where x is far from 0.
    const long double exact[2] = {std::sin(static_cast<long double>(x)),
                                  std::cos(static_cast<long double>(x))};
    const double got[2] = {sine, cosine};
    for (int i = 0; i < 2; ++i) {
      const double scale =
          k % 2 == 0 ? std::abs(static_cast<double>(exact[i])) : 1.0;
      const double error = static_cast<double>(
          std::abs(static_cast<long double>(got[i]) - exact[i]));
      ASSERT_LE(error, scale * 0x1p-52) << x << " " << i;
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
