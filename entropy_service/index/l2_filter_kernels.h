#ifndef KMYRIAD_ENTROPY_SERVICE_INDEX_L2_FILTER_KERNELS_H_
#define KMYRIAD_ENTROPY_SERVICE_INDEX_L2_FILTER_KERNELS_H_

#include "entropy_service/index/l2_distance.h"
#include "entropy_service/index/l2_measure_kernels.h"

// Kernels that keep what is within a threshold; a part of
// l2_distance_kernels.h, which says what Vec is.

namespace kmyriad {
namespace {

// Vec::Append for instruction sets that cannot compress.
template <typename Vec, typename Lanes>
inline void AppendOneByOne(Lanes values, uint32_t mask, uint32_t first_row,
                           HitList& hits) {
  float stored[Vec::kLanes];
  Vec::Store(stored, values);
  for (; mask != 0; mask &= mask - 1) {
    const auto lane = static_cast<uint32_t>(__builtin_ctz(mask));
    hits.distances[hits.count] = stored[lane];
    hits.rows[hits.count++] = first_row + lane;
  }
}

template <typename Vec>
struct FilterBlocksKernel {
  const L2Space& space;
  const float* points;
  size_t first;
  size_t last;
  const float* query;
  float threshold;
  HitList& hits;

  template <uint32_t kDims, bool kPeriodic>
  void Run() const {
    const auto limit = Vec::Set(threshold);
    for (size_t block = first; block < last; ++block) {
      const float* base = points + block * space.dims * kBlockPoints;
      for (size_t lane = 0; lane < kBlockPoints; lane += Vec::kLanes) {
        const auto sum =
            SquaredDistances<Vec, kDims, kPeriodic>(space, base + lane, query);
        const uint32_t mask = Vec::AtMost(sum, limit);
        if (mask == 0) continue;
        Vec::Append(sum, mask,
                    static_cast<uint32_t>(block * kBlockPoints + lane), hits);
      }
    }
  }
};

template <typename Vec>
void FilterBlocks(const L2Space& space, const float* points, size_t first,
                  size_t last, const float* query, float threshold,
                  HitList& hits) {
  Dispatch(space, FilterBlocksKernel<Vec>{space, points, first, last, query,
                                          threshold, hits});
}

template <typename Vec, bool kPeriodic>
void FilterTileOf(const L2Space& space, const float* points, size_t first,
                  size_t last, const float* queries, const float* thresholds,
                  HitList* hits) {
  for (size_t block = first; block < last; ++block) {
    const float* base = points + block * space.dims * kBlockPoints;
    for (size_t lane = 0; lane < kBlockPoints; lane += Vec::kLanes) {
      decltype(Vec::Set(0.0f)) sums[kTileQueries];
      for (size_t q = 0; q < kTileQueries; ++q) sums[q] = Vec::Set(0.0f);
      for (uint32_t j = 0; j < space.dims; ++j) {
        const auto point = Vec::Load(base + j * kBlockPoints + lane);
        const float* query = queries + j * kTileQueries;
        for (size_t q = 0; q < kTileQueries; ++q) {
          sums[q] = AddSquare<Vec, kPeriodic>(point, Vec::Set(query[q]),
                                              space.periods, j, sums[q]);
        }
      }
      const auto row = static_cast<uint32_t>(block * kBlockPoints + lane);
      for (size_t q = 0; q < kTileQueries; ++q) {
        const uint32_t mask = Vec::AtMost(sums[q], Vec::Set(thresholds[q]));
        if (mask != 0) Vec::Append(sums[q], mask, row, hits[q]);
      }
    }
  }
}

template <typename Vec>
void FilterTile(const L2Space& space, const float* points, size_t first,
                size_t last, const float* queries, const float* thresholds,
                HitList* hits) {
  if (space.periods == nullptr) {
    FilterTileOf<Vec, false>(space, points, first, last, queries, thresholds,
                             hits);
  } else {
    FilterTileOf<Vec, true>(space, points, first, last, queries, thresholds,
                            hits);
  }
}

}  // namespace
}  // namespace kmyriad

#endif  // KMYRIAD_ENTROPY_SERVICE_INDEX_L2_FILTER_KERNELS_H_
