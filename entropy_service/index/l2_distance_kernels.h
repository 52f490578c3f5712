#ifndef KMYRIAD_ENTROPY_SERVICE_INDEX_L2_DISTANCE_KERNELS_H_
#define KMYRIAD_ENTROPY_SERVICE_INDEX_L2_DISTANCE_KERNELS_H_

#include "entropy_service/index/l2_distance.h"

// The kernels, written once over a vector type. Included once by each unit of
// an instruction set; everything is in an unnamed namespace so that no unit's
// code can stand in for another's.
//
// Vec: kLanes (divides 16), Load, Store, Set (broadcast), Subtract,
// Fma(a, b, c) = a * b + c with one rounding, and AtMost(a, b), the bit mask
// of a <= b.

namespace kmyriad {
namespace {

uint32_t BitsOf(float value) {
  uint32_t bits;
  __builtin_memcpy(&bits, &value, sizeof(bits));
  return bits;
}

// kDims = 0: dims at run time.
template <typename Vec, uint32_t kDims>
void DistancesOf(const float* points, const uint32_t* blocks, size_t count,
                 uint32_t dims, const float* query, float* out) {
  const uint32_t d = kDims == 0 ? dims : kDims;
  for (size_t i = 0; i < count; ++i) {
    const float* block = points + size_t{blocks[i]} * d * kBlockPoints;
    for (size_t lane = 0; lane < kBlockPoints; lane += Vec::kLanes) {
      auto sum = Vec::Set(0.0f);
      for (uint32_t j = 0; j < d; ++j) {
        const auto difference = Vec::Subtract(
            Vec::Load(block + j * kBlockPoints + lane), Vec::Set(query[j]));
        sum = Vec::Fma(difference, difference, sum);
      }
      Vec::Store(out + i * kBlockPoints + lane, sum);
    }
  }
}

template <typename Vec>
void Distances(const float* points, const uint32_t* blocks, size_t count,
               uint32_t dims, const float* query, float* out) {
  switch (dims) {
    case 1:
      return DistancesOf<Vec, 1>(points, blocks, count, dims, query, out);
    case 2:
      return DistancesOf<Vec, 2>(points, blocks, count, dims, query, out);
    case 3:
      return DistancesOf<Vec, 3>(points, blocks, count, dims, query, out);
    default:
      return DistancesOf<Vec, 0>(points, blocks, count, dims, query, out);
  }
}

template <typename Vec>
size_t CountAtMost(const float* values, size_t count, float threshold) {
  const auto limit = Vec::Set(threshold);
  size_t hits = 0;
  for (size_t i = 0; i < count; i += Vec::kLanes) {
    hits += static_cast<size_t>(
        __builtin_popcount(Vec::AtMost(Vec::Load(values + i), limit)));
  }
  return hits;
}

template <typename Vec>
size_t CollectBetween(const float* values, size_t count, float low, float high,
                      float* out) {
  const auto lower = Vec::Set(low);
  const auto upper = Vec::Set(high);
  size_t hits = 0;
  for (size_t i = 0; i < count; i += Vec::kLanes) {
    const auto value = Vec::Load(values + i);
    uint32_t mask = Vec::AtMost(value, upper) & ~Vec::AtMost(value, lower);
    for (; mask != 0; mask &= mask - 1) {
      out[hits++] = values[i + static_cast<size_t>(__builtin_ctz(mask))];
    }
  }
  return hits;
}

template <typename Vec>
void AppendHits(const float* values, uint32_t mask, uint32_t first_row,
                HitList& hits) {
  for (; mask != 0; mask &= mask - 1) {
    const auto lane = static_cast<uint32_t>(__builtin_ctz(mask));
    hits.keys[hits.count++] =
        (uint64_t{BitsOf(values[lane])} << 32) | (first_row + lane);
  }
}

template <typename Vec>
size_t FilterBlocks(const float* points, size_t first, size_t last,
                    uint32_t dims, const float* query, float threshold,
                    uint64_t* keys) {
  const auto limit = Vec::Set(threshold);
  HitList hits;
  hits.keys = keys;
  for (size_t block = first; block < last; ++block) {
    const float* base = points + block * dims * kBlockPoints;
    for (size_t lane = 0; lane < kBlockPoints; lane += Vec::kLanes) {
      auto sum = Vec::Set(0.0f);
      for (uint32_t j = 0; j < dims; ++j) {
        const auto difference = Vec::Subtract(
            Vec::Load(base + j * kBlockPoints + lane), Vec::Set(query[j]));
        sum = Vec::Fma(difference, difference, sum);
      }
      const uint32_t mask = Vec::AtMost(sum, limit);
      if (mask == 0) continue;
      float values[Vec::kLanes];
      Vec::Store(values, sum);
      AppendHits<Vec>(values, mask,
                      static_cast<uint32_t>(block * kBlockPoints + lane), hits);
    }
  }
  return hits.count;
}

template <typename Vec>
void FilterTile(const float* points, size_t first, size_t last, uint32_t dims,
                const float* queries, const float* thresholds, HitList* hits) {
  for (size_t block = first; block < last; ++block) {
    const float* base = points + block * dims * kBlockPoints;
    for (size_t lane = 0; lane < kBlockPoints; lane += Vec::kLanes) {
      decltype(Vec::Set(0.0f)) sums[kTileQueries];
      for (size_t q = 0; q < kTileQueries; ++q) sums[q] = Vec::Set(0.0f);
      for (uint32_t j = 0; j < dims; ++j) {
        const auto point = Vec::Load(base + j * kBlockPoints + lane);
        const float* query = queries + j * kTileQueries;
        for (size_t q = 0; q < kTileQueries; ++q) {
          const auto difference = Vec::Subtract(point, Vec::Set(query[q]));
          sums[q] = Vec::Fma(difference, difference, sums[q]);
        }
      }
      const auto row = static_cast<uint32_t>(block * kBlockPoints + lane);
      for (size_t q = 0; q < kTileQueries; ++q) {
        const uint32_t mask = Vec::AtMost(sums[q], Vec::Set(thresholds[q]));
        if (mask == 0) continue;
        float values[Vec::kLanes];
        Vec::Store(values, sums[q]);
        AppendHits<Vec>(values, mask, row, hits[q]);
      }
    }
  }
}

template <typename Vec>
constexpr L2Kernels MakeKernels() {
  return {&Distances<Vec>, &CountAtMost<Vec>, &CollectBetween<Vec>,
          &FilterBlocks<Vec>, &FilterTile<Vec>};
}

}  // namespace
}  // namespace kmyriad

#endif  // KMYRIAD_ENTROPY_SERVICE_INDEX_L2_DISTANCE_KERNELS_H_
