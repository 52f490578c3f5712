#include "entropy_service/index/order_statistic.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <vector>

#include "common/base/simd_level.h"
#include "common/math/philox.h"
#include "gtest/gtest.h"

namespace kmyriad {
namespace {

float Uniform(uint32_t i) {
  return UniformOpen(
      RunRandom(3, RandomStream::kEvaluation, i, 0, 0, 0).word[0]);
}

// Every rank of `values`, from guesses that are good, bad and absurd, by every
// instruction set of this machine.
void ExpectAllRanks(std::vector<float> values) {
  std::vector<float> sorted = values;
  std::sort(sorted.begin(), sorted.end());
  while (values.size() % kBlockPoints != 0) {
    values.push_back(std::numeric_limits<float>::infinity());
  }
  std::vector<float> few;
  for (const SimdLevel level :
       {SimdLevel::kScalar, SimdLevel::kAvx2, SimdLevel::kAvx512}) {
    if (!SupportsSimdLevel(level)) continue;
    const L2Kernels& kernels = GetL2Kernels(level);
    for (size_t rank = 1; rank <= sorted.size(); ++rank) {
      for (const float guess : {0.0f, 1e-30f, 0.5f, 1e30f,
                                std::numeric_limits<float>::infinity()}) {
        ASSERT_EQ(SmallestOfRank(kernels, values.data(), values.size(), rank,
                                 guess, few),
                  sorted[rank - 1])
            << SimdLevelName(level) << ", rank " << rank << ", guess " << guess;
      }
    }
  }
}

std::vector<float> Values(size_t count,
                          const std::function<float(uint32_t)>& value) {
  std::vector<float> values;
  for (uint32_t i = 0; i < count; ++i) values.push_back(value(i));
  return values;
}

TEST(OrderStatisticTest, FindsEveryRankOfUniformValues) {
  ExpectAllRanks(Values(333, Uniform));
}

TEST(OrderStatisticTest, FindsEveryRankOfValuesOverManyOrdersOfMagnitude) {
  ExpectAllRanks(Values(200, [](uint32_t i) {
    return std::ldexp(Uniform(i), static_cast<int>(i) - 120);
  }));
}

TEST(OrderStatisticTest, FindsEveryRankAmongTies) {
  ExpectAllRanks(
      Values(160, [](uint32_t i) { return static_cast<float>(i % 3); }));
  ExpectAllRanks(Values(64, [](uint32_t) { return 0.0f; }));
  ExpectAllRanks(
      Values(64, [](uint32_t) { return std::numeric_limits<float>::max(); }));
}

TEST(OrderStatisticTest, FindsTheOnlyValue) { ExpectAllRanks({0.25f}); }

}  // namespace
}  // namespace kmyriad
