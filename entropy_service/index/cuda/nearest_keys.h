#ifndef KMYRIAD_ENTROPY_SERVICE_INDEX_CUDA_NEAREST_KEYS_H_
#define KMYRIAD_ENTROPY_SERVICE_INDEX_CUDA_NEAREST_KEYS_H_

#include <cmath>
#include <cstdint>
#include <cstring>

#include "common/device/block.h"
#include "entropy_service/index/cuda/knn_views.h"

// Distances, and the k smallest keys of one query.

namespace kmyriad {

KMYRIAD_KERNEL inline uint32_t FloatBits(float value) {
  uint32_t bits;
  memcpy(&bits, &value, sizeof(bits));
  return bits;
}

// Order by (squared distance, row): distances are not negative.
KMYRIAD_KERNEL inline uint64_t DeviceKey(float squared_distance, uint32_t row) {
  return (uint64_t{FloatBits(squared_distance)} << 32) | row;
}
KMYRIAD_KERNEL inline float DeviceKeyDistance(uint64_t key) {
  const auto bits = static_cast<uint32_t>(key >> 32);
  float value;
  memcpy(&value, &bits, sizeof(value));
  return value;
}

// Above every point's key, and below that of an empty box, at distance +inf.
inline constexpr uint64_t kNoKey = 0x7f7fffffffffffffu;

// One dimension of the direct form that KnnIndex documents.
template <bool kPeriodic>
KMYRIAD_KERNEL inline float AddSquare(float point, float query, float period,
                                      float sum) {
  float difference = point - query;
  if constexpr (kPeriodic) {
    difference = fabsf(difference);
    const float around = period - difference;
    difference = difference < around ? difference : around;
  }
  return fmaf(difference, difference, sum);
}

// The k smallest keys as a heap, largest first: entry i is keys[i * stride],
// so that neighbouring threads' entries lie side by side. Holds kNoKey where
// nothing has come yet.
struct NearestKeys {
  uint64_t* keys;
  uint32_t stride;
  uint32_t k;

  KMYRIAD_KERNEL uint64_t& At(uint32_t i) const {
    return keys[static_cast<size_t>(i) * stride];
  }
  KMYRIAD_KERNEL void Clear() const {
    for (uint32_t i = 0; i < k; ++i) At(i) = kNoKey;
  }
  // Puts `key` at the root of the first `size` entries and lets it sink.
  KMYRIAD_KERNEL void Sink(uint64_t key, uint32_t size) const {
    uint32_t hole = 0;
    for (uint32_t child = 1; child < size; child = 2 * hole + 1) {
      uint64_t larger = At(child);
      if (child + 1 < size && At(child + 1) > larger) larger = At(++child);
      if (larger <= key) break;
      At(hole) = larger;
      hole = child;
    }
    At(hole) = key;
  }
  // Replaces the largest; returns what is largest then.
  KMYRIAD_KERNEL uint64_t Replace(uint64_t key) const {
    Sink(key, k);
    return At(0);
  }
  // Ascending; no heap any more.
  KMYRIAD_KERNEL void Sort() const {
    for (uint32_t size = k - 1; size > 0; --size) {
      const uint64_t last = At(size);
      At(size) = At(0);
      Sink(last, size);
    }
  }
};

// One query while it is answered.
struct DeviceQuery {
  // Rows that are no neighbours.
  uint32_t first;
  uint32_t last;
  // The k-th smallest key so far, which may be 0 (row 0 at distance 0). Also 0
  // for a thread without a query: either takes no further key.
  uint64_t worst;
  NearestKeys nearest;

  KMYRIAD_KERNEL void Start(const QueryViews& queries, uint32_t i,
                            uint32_t row) {
    first = queries.excluded == nullptr ? row : queries.excluded[2 * i];
    last = queries.excluded == nullptr ? row + 1 : queries.excluded[2 * i + 1];
    worst = kNoKey;
    nearest = {queries.nearest + i, queries.count, queries.k};
    nearest.Clear();
  }
  KMYRIAD_KERNEL void Offer(float squared_distance, uint32_t row) {
    const uint64_t key = DeviceKey(squared_distance, row);
    if (key >= worst || (row >= first && row < last)) return;
    worst = nearest.Replace(key);
  }
  // Writes the answer of query i, which had `Start`.
  KMYRIAD_KERNEL void Finish(const QueryViews& queries, uint32_t i) const {
    if (queries.kth != nullptr) {
      queries.kth[i] = DeviceKeyDistance(worst);
    } else {
      nearest.Sort();
    }
  }
};

}  // namespace kmyriad

#endif  // KMYRIAD_ENTROPY_SERVICE_INDEX_CUDA_NEAREST_KEYS_H_
