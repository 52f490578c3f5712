#include "common/math/elementary.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "tests/common/math/lane_levels.h"

namespace kmyriad {
namespace {

using DoubleFunction = double (*)(double);

// A prime, so that all mantissas and exponents get their turn; 1 on demand.
uint32_t Stride() { return std::getenv("KMYRIAD_FULL_SWEEP") ? 1 : 997; }

// Distance of `value` from the exact result in units of its last place.
double ErrorInUlp(float value, double exact) {
  if (std::isnan(exact)) return std::isnan(value) ? 0 : HUGE_VAL;
  const float nearest = static_cast<float>(exact);
  if (!std::isfinite(nearest) || !std::isfinite(value)) {
    return nearest == value ? 0 : HUGE_VAL;
  }
  int exponent = 0;
  std::frexp(exact, &exponent);
  return std::abs(value - exact) /
         std::ldexp(1.0, std::max(exponent - 24, -149));
}

// Largest error over the floats of [lowest, highest], both not negative, and
// their negatives if `both_signs`.
double WorstError(ArrayFunction function, DoubleFunction exact, float lowest,
                  float highest, bool both_signs) {
  constexpr uint32_t kBatch = 1024;
  std::vector<float> x, y(kBatch);
  double worst = 0;
  const auto flush = [&] {
    const size_t count = x.size();
    x.resize(kBatch, lowest);
    function(x.data(), kBatch, y.data());
    for (size_t i = 0; i < count; ++i) {
      worst = std::max(worst, ErrorInUlp(y[i], exact(x[i])));
    }
    x.clear();
  };
  for (uint64_t bits = BitsOf(lowest); bits <= BitsOf(highest);
       bits += Stride()) {
    const float value = FloatOfBits(static_cast<uint32_t>(bits));
    x.push_back(value);
    if (both_signs) x.push_back(-value);
    if (x.size() >= kBatch) flush();
  }
  flush();
  return worst;
}

double SoftplusInDouble(double x) {
  return std::max(x, 0.0) + std::log1p(std::exp(-std::abs(x)));
}

constexpr float kInfinity = std::numeric_limits<float>::infinity();

struct Claim {
  const char* name;
  ArrayFunction LaneFunctions::*function;
  DoubleFunction exact;
  float lowest;
  float highest;
  bool both_signs;
};

const Claim kClaims[] = {
    {"Exp", &LaneFunctions::exp, std::exp, 0, kInfinity, true},
    {"Log", &LaneFunctions::log, std::log, 0, kInfinity, false},
    {"Log1p", &LaneFunctions::log1p, std::log1p, 0, 1, false},
    {"Softplus", &LaneFunctions::softplus, SoftplusInDouble, 0, kInfinity,
     true},
    {"Tanh", &LaneFunctions::tanh, std::tanh, 0, kInfinity, true},
    {"Sin", &LaneFunctions::sin, std::sin, 0, 32768, true},
    {"Cos", &LaneFunctions::cos, std::cos, 0, 32768, true},
};

TEST(Elementary, ErrorIsAtMostTwoUnitsInTheLastPlace) {
  const LaneFunctions functions = LaneLevels().back().second;
  for (const Claim& claim : kClaims) {
    const double worst =
        WorstError(functions.*claim.function, claim.exact, claim.lowest,
                   claim.highest, claim.both_signs);
    EXPECT_LE(worst, 2.0) << claim.name;
    RecordProperty(claim.name, std::to_string(worst));
  }
}

TEST(Elementary, MeasureOfErrorSeesAWrongFunction) {
  const LaneFunctions functions = LaneLevels().back().second;
  const auto off = [](double x) { return std::exp(x) * (1 + 0x1p-21); };
  EXPECT_GT(WorstError(functions.exp, off, 0, kInfinity, true), 2.0);
  EXPECT_GT(WorstError(functions.sin, std::cos, 0, 32768, true), 1e6);
}

TEST(Elementary, EveryLevelGivesTheSameBits) {
  const auto levels = LaneLevels();
  // Far beyond every stated range, both signs, infinities and NaN included.
  constexpr uint32_t kStep = 65521;
  std::vector<float> x;
  for (uint64_t bits = 0; bits < (1ull << 32); bits += kStep) {
    x.push_back(FloatOfBits(static_cast<uint32_t>(bits)));
  }
  for (const float special : {0.0f, -0.0f, kInfinity, -kInfinity, NAN}) {
    x.push_back(special);
  }
  x.resize((x.size() + 15) / 16 * 16, 1.0f);
  const uint32_t count = static_cast<uint32_t>(x.size());
  std::vector<float> expected(count), y(count);
  for (const Claim& claim : kClaims) {
    (levels[0].second.*claim.function)(x.data(), count, expected.data());
    for (const auto& [level, functions] : levels) {
      (functions.*claim.function)(x.data(), count, y.data());
      size_t differences = 0;
      for (uint32_t i = 0; i < count; ++i) {
        // A NaN's payload is the processor's.
        const bool both_nan = std::isnan(y[i]) && std::isnan(expected[i]);
        differences += !both_nan && BitsOf(y[i]) != BitsOf(expected[i]);
      }
      EXPECT_EQ(differences, 0u) << claim.name << " " << level;
    }
  }
}

TEST(Elementary, PlainFloatGivesTheBitsOfLanes) {
  const LaneFunctions functions = LaneLevels().back().second;
  std::array<float, 16> x{};
  std::array<float, 16> y{};
  for (uint32_t bits = 0x30000000u; bits < 0x47000000u; bits += 98317) {
    for (uint32_t l = 0; l < 16; ++l) {
      x[l] = FloatOfBits((bits + l) | (l % 2 == 0 ? 0 : 0x80000000u));
    }
    functions.exp(x.data(), 16, y.data());
    for (int l = 0; l < 16; ++l) ASSERT_EQ(BitsOf(Exp(x[l])), BitsOf(y[l]));
    functions.tanh(x.data(), 16, y.data());
    for (int l = 0; l < 16; ++l) ASSERT_EQ(BitsOf(Tanh(x[l])), BitsOf(y[l]));
    functions.sin(x.data(), 16, y.data());
    for (int l = 0; l < 16; ++l) ASSERT_EQ(BitsOf(Sin(x[l])), BitsOf(y[l]));
    functions.cos(x.data(), 16, y.data());
    for (int l = 0; l < 16; ++l) ASSERT_EQ(BitsOf(Cos(x[l])), BitsOf(y[l]));
    functions.softplus(x.data(), 16, y.data());
    for (int l = 0; l < 16; ++l) {
      ASSERT_EQ(BitsOf(Softplus(x[l])), BitsOf(y[l]));
    }
  }
}

TEST(Elementary, SpecialArgumentsHaveTheirSpecialValues) {
  EXPECT_EQ(Exp(-kInfinity), 0.0f);
  EXPECT_EQ(Exp(kInfinity), kInfinity);
  EXPECT_EQ(Exp(0.0f), 1.0f);
  EXPECT_EQ(Log(0.0f), -kInfinity);
  EXPECT_EQ(Log(1.0f), 0.0f);
  EXPECT_EQ(Log(kInfinity), kInfinity);
  EXPECT_TRUE(std::isnan(Log(-1.0f)));
  EXPECT_EQ(Tanh(kInfinity), 1.0f);
  EXPECT_EQ(Tanh(-20.0f), -1.0f);
  EXPECT_EQ(Softplus(-kInfinity), 0.0f);
  EXPECT_EQ(Softplus(1000.0f), 1000.0f);
  EXPECT_EQ(Cos(0.0f), 1.0f);
  for (const float nan : {Exp(NAN), Log(NAN), Tanh(NAN), Sin(NAN), Cos(NAN)}) {
    EXPECT_TRUE(std::isnan(nan));
  }
}

}  // namespace
}  // namespace kmyriad
