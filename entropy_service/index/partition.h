#ifndef KMYRIAD_ENTROPY_SERVICE_INDEX_PARTITION_H_
#define KMYRIAD_ENTROPY_SERVICE_INDEX_PARTITION_H_

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>

namespace kmyriad {

// Bits that order as the numbers do, except that -0 comes before 0.
inline uint32_t OrderedBits(float value) {
  const auto bits = std::bit_cast<uint32_t>(value);
  return bits >> 31 != 0 ? ~bits : bits | 0x80000000u;
}

// Moves items whose key is below `pivot` to the front; returns their number.
// Without branches, since half of the comparisons could not be foretold.
template <typename Item, typename Key>
size_t PartitionBelow(Item* items, size_t count, uint64_t pivot,
                      const Key& key) {
  size_t below = 0;
  for (size_t i = 0; i < count; ++i) {
    const Item item = items[i];
    items[i] = items[below];
    items[below] = item;
    below += key(item) < pivot ? 1 : 0;
  }
  return below;
}

// Reorders items, whose keys are distinct, so that the `middle` smallest come
// first (middle < count), as std::nth_element does, at a third of its time.
template <typename Item, typename Key>
void PartitionAt(Item* items, size_t count, size_t middle, const Key& key) {
  constexpr size_t kSample = 31;
  // From here on the library's is as fast.
  constexpr size_t kFew = 128;
  // Samples of most data need three; the library's bounds the worst case.
  constexpr int kRounds = 12;
  for (int round = 0; round < kRounds && count > kFew; ++round) {
    uint64_t sample[kSample];
    for (size_t i = 0; i < kSample; ++i) {
      sample[i] = key(items[(2 * i + 1) * count / (2 * kSample)]);
    }
    std::sort(sample, sample + kSample);
    // A little beyond the rank sought, on the side of the larger part, so that
    // most often the smaller part is what is left.
    const size_t rank = middle * kSample / count;
    const size_t aside = rank < kSample / 2 ? std::min(rank + 2, kSample - 1)
                                            : rank - std::min<size_t>(rank, 2);
    const uint64_t pivot = sample[aside];
    const size_t below = PartitionBelow(items, count, pivot, key);
    if (middle == below) return;
    if (middle < below) {
      count = below;
    } else if (below == 0) {
      break;  // The pivot is the smallest: the sample tells nothing.
    } else {
      items += below;
      count -= below;
      middle -= below;
    }
  }
  std::nth_element(
      items, items + middle, items + count,
      [&key](const Item& a, const Item& b) { return key(a) < key(b); });
}

}  // namespace kmyriad

#endif  // KMYRIAD_ENTROPY_SERVICE_INDEX_PARTITION_H_
