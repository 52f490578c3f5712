#ifndef KMYRIAD_ENTROPY_SERVICE_INDEX_CUDA_RADIX_SORT_KERNELS_H_
#define KMYRIAD_ENTROPY_SERVICE_INDEX_CUDA_RADIX_SORT_KERNELS_H_

#include <cstddef>
#include <cstdint>

#include "common/device/block.h"
#include "entropy_service/index/cuda/knn_views.h"

// A stable radix sort of pairs by 4 bits per pass (Satish, Harris and Garland,
// IPDPS 2009): count per block, sum up, scatter. No atomics, so that its
// result is a function of its input, equal keys included. A thread has 16
// neighbouring pairs, a block 2048. Traffic of a pass: 36 bytes per pair.

namespace kmyriad {

// Digits of a thread's pairs: calls visit(item, digit) in order.
template <typename Visit>
KMYRIAD_KERNEL inline void VisitDigits(const uint64_t* keys, uint32_t count,
                                       uint32_t shift, uint32_t block,
                                       uint32_t thread, const Visit& visit) {
  constexpr uint32_t kItems = 16;
  const uint32_t first = block * kRadixBlockItems + thread * kItems;
  for (uint32_t item = first; item < first + kItems && item < count; ++item) {
    visit(item, static_cast<uint32_t>(keys[item] >> shift) % kRadixDigits);
  }
}

// table[digit * threads + thread]: pairs of a thread with a digit.
inline constexpr uint32_t kRadixThreads = 128;
template <typename Block>
KMYRIAD_KERNEL inline void CountDigits(Block& block, const uint64_t* keys,
                                       uint32_t count, uint32_t shift,
                                       uint32_t* table) {
  block.ForEachThread([&](uint32_t thread) {
    for (uint32_t digit = 0; digit < kRadixDigits; ++digit) {
      table[digit * kRadixThreads + thread] = 0;
    }
    VisitDigits(keys, count, shift, block.index(), thread,
                [&](uint32_t, uint32_t digit) {
                  ++table[digit * kRadixThreads + thread];
                });
  });
}

// counts[digit * blocks + block]: pairs of a block with a digit.
struct RadixCountKernel {
  static constexpr uint32_t kThreads = kRadixThreads;
  static constexpr size_t kSharedBytes =
      kRadixDigits * kThreads * sizeof(uint32_t);
  const uint64_t* keys;
  uint32_t* counts;
  uint32_t count;
  uint32_t blocks;
  uint32_t shift;

  template <typename Block>
  KMYRIAD_KERNEL void operator()(Block& block) const {
    uint32_t* table = block.template Shared<uint32_t>(0);
    CountDigits(block, keys, count, shift, table);
    block.ForEachThread([&](uint32_t thread) {
      if (thread >= kRadixDigits) return;
      uint32_t sum = 0;
      for (uint32_t i = 0; i < kThreads; ++i)
        sum += table[thread * kThreads + i];
      counts[thread * blocks + block.index()] = sum;
    });
  }
};

// Replaces counts by the sums of those before them; one block.
struct RadixSumKernel {
  static constexpr uint32_t kThreads = 1024;
  static constexpr size_t kSharedBytes = kThreads * sizeof(uint32_t);
  uint32_t* counts;
  uint32_t size;

  template <typename Block>
  KMYRIAD_KERNEL void operator()(Block& block) const {
    uint32_t* sums = block.template Shared<uint32_t>(0);
    const uint32_t share = (size + kThreads - 1) / kThreads;
    block.ForEachThread([&](uint32_t thread) {
      uint32_t sum = 0;
      for (uint32_t i = thread * share; i < (thread + 1) * share && i < size;
           ++i) {
        sum += counts[i];
      }
      sums[thread] = sum;
    });
    block.ForEachThread([&](uint32_t thread) {
      if (thread != 0) return;
      uint32_t before = 0;
      for (uint32_t i = 0; i < kThreads; ++i) {
        const uint32_t sum = sums[i];
        sums[i] = before;
        before += sum;
      }
    });
    block.ForEachThread([&](uint32_t thread) {
      uint32_t before = sums[thread];
      for (uint32_t i = thread * share; i < (thread + 1) * share && i < size;
           ++i) {
        const uint32_t own = counts[i];
        counts[i] = before;
        before += own;
      }
    });
  }
};

struct RadixScatterKernel {
  static constexpr uint32_t kThreads = kRadixThreads;
  static constexpr size_t kSharedBytes = RadixCountKernel::kSharedBytes;
  const uint64_t* keys;
  const uint32_t* values;
  const uint32_t* counts;
  uint64_t* sorted_keys;
  uint32_t* sorted_values;
  uint32_t count;
  uint32_t blocks;
  uint32_t shift;

  template <typename Block>
  KMYRIAD_KERNEL void operator()(Block& block) const {
    uint32_t* table = block.template Shared<uint32_t>(0);
    CountDigits(block, keys, count, shift, table);
    block.ForEachThread([&](uint32_t thread) {
      if (thread >= kRadixDigits) return;
      uint32_t before = counts[thread * blocks + block.index()];
      for (uint32_t i = 0; i < kThreads; ++i) {
        const uint32_t own = table[thread * kThreads + i];
        table[thread * kThreads + i] = before;
        before += own;
      }
    });
    block.ForEachThread([&](uint32_t thread) {
      VisitDigits(keys, count, shift, block.index(), thread,
                  [&](uint32_t item, uint32_t digit) {
                    const uint32_t to = table[digit * kThreads + thread]++;
                    sorted_keys[to] = keys[item];
                    sorted_values[to] = values[item];
                  });
    });
  }
};

// Sorts the `count` pairs at keys[0] and values[0] by the low `bits` bits of
// their keys; views.result says which of the two arrays holds them then.
template <typename Stream>
void SortPairsOn(Stream& stream, uint32_t count, uint32_t bits,
                 SortViews& views) {
  views.result = 0;
  const uint32_t blocks = RadixBlocks(count);
  for (uint32_t shift = 0; shift < bits; shift += 4) {
    const uint32_t from = views.result;
    stream.Launch(
        RadixCountKernel{views.keys[from], views.counts, count, blocks, shift},
        blocks, RadixCountKernel::kSharedBytes);
    stream.Launch(RadixSumKernel{views.counts, blocks * kRadixDigits}, 1,
                  RadixSumKernel::kSharedBytes);
    stream.Launch(
        RadixScatterKernel{views.keys[from], views.values[from], views.counts,
                           views.keys[1 - from], views.values[1 - from], count,
                           blocks, shift},
        blocks, RadixScatterKernel::kSharedBytes);
    views.result = 1 - from;
  }
}

}  // namespace kmyriad

#endif  // KMYRIAD_ENTROPY_SERVICE_INDEX_CUDA_RADIX_SORT_KERNELS_H_
