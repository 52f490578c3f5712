#include "entropy_service/index/partition.h"

#include <algorithm>
#include <functional>
#include <limits>
#include <vector>

#include "common/math/philox.h"
#include "gtest/gtest.h"

namespace kmyriad {
namespace {

uint64_t SelfKey(uint64_t item) { return item; }

uint32_t Random(uint32_t i) {
  return RunRandom(9, RandomStream::kEvaluation, i, 0, 0, 0).word[0];
}

// The `middle` smallest come first, and nothing is lost, at ends and between.
void ExpectPartitioned(const std::vector<uint64_t>& items) {
  std::vector<uint64_t> sorted = items;
  std::sort(sorted.begin(), sorted.end());
  const size_t count = items.size();
  for (const size_t middle :
       {size_t{0}, count / 7, count / 2, count - count / 5, count - 1}) {
    std::vector<uint64_t> parts = items;
    PartitionAt(parts.data(), count, middle, SelfKey);
    const auto cut = parts.begin() + static_cast<std::ptrdiff_t>(middle);
    std::sort(parts.begin(), cut);
    std::sort(cut, parts.end());
    ASSERT_EQ(parts, sorted) << "count " << count << ", middle " << middle;
  }
}

// Keys are distinct, as the row stands in the lower half.
std::vector<uint64_t> Items(size_t count,
                            const std::function<uint32_t(uint32_t)>& value) {
  std::vector<uint64_t> items;
  for (uint32_t i = 0; i < count; ++i) {
    items.push_back(uint64_t{value(i)} << 32 | i);
  }
  return items;
}

TEST(PartitionTest, PutsTheSmallestFirst) {
  for (const size_t count : {1, 2, 128, 129, 500, 5000, 40000}) {
    ExpectPartitioned(Items(count, Random));
  }
}

TEST(PartitionTest, OrderedEqualAndSkewedItemsAreNoTrap) {
  ExpectPartitioned(Items(5000, [](uint32_t i) { return i; }));
  ExpectPartitioned(Items(5000, [](uint32_t i) { return 5000 - i; }));
  ExpectPartitioned(Items(5000, [](uint32_t) { return 7; }));
  ExpectPartitioned(Items(5000, [](uint32_t i) { return i % 2; }));
  // Few large ones, and those at the places that are sampled.
  ExpectPartitioned(
      Items(31 * 160, [](uint32_t i) { return i % 160 == 80 ? 1u + i : 0u; }));
}

TEST(PartitionTest, BitsOrderAsTheNumbersDo) {
  const std::vector<float> ascending = {
      -std::numeric_limits<float>::max(), -1, -1e-40f, -0.0f, 0.0f, 1e-40f, 1,
      std::numeric_limits<float>::max()};
  for (size_t i = 1; i < ascending.size(); ++i) {
    EXPECT_LT(OrderedBits(ascending[i - 1]), OrderedBits(ascending[i]));
  }
}

}  // namespace
}  // namespace kmyriad
