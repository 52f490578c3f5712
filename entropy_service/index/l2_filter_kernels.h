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
  const uint32_t* blocks;
  size_t count;
  const float* query;
  float threshold;
  HitList& hits;

  template <uint32_t kDims, bool kPeriodic>
  void Run() const {
    const auto limit = Vec::Set(threshold);
    for (size_t i = 0; i < count; ++i) {
      const size_t block = blocks[i];
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
void FilterBlocks(const L2Space& space, const float* points,
                  const uint32_t* blocks, size_t count, const float* query,
                  float threshold, HitList& hits) {
  Dispatch(space, FilterBlocksKernel<Vec>{space, points, blocks, count, query,
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

// Measures the points of one vector that passed the filter of query q.
template <typename Vec>
void RecheckVector(const L2Space& space, const float* points, size_t place,
                   const float* queries, const float* thresholds, size_t q,
                   HitList* hits) {
  const float* base = points +
                      place / kBlockPoints * space.dims * kBlockPoints +
                      place % kBlockPoints;
  auto sum = Vec::Set(0.0f);
  for (uint32_t j = 0; j < space.dims; ++j) {
    sum = AddSquare<Vec, false>(Vec::Load(base + j * kBlockPoints),
                                Vec::Set(queries[j * kTileQueries + q]),
                                nullptr, j, sum);
  }
  const uint32_t mask = Vec::AtMost(sum, Vec::Set(thresholds[q]));
  if (mask != 0) Vec::Append(sum, mask, static_cast<uint32_t>(place), hits[q]);
}

// What a tile is filtered with.
struct ExpandedTile {
  const L2Space& space;
  const float* points;
  const ExpandedPoints& expanded;
  const float* queries;
  const ExpandedQueries& expanded_queries;
  const float* thresholds;
  HitList* hits;
};

// kVectors vectors of points from `place` on: as many as the registers take,
// since each query's coordinate is loaded once for all of them.
template <typename Vec, size_t kVectors>
inline size_t FilterVectors(const ExpandedTile& tile, size_t place) {
  const uint32_t dims = tile.space.dims;
  decltype(Vec::Set(0.0f)) sums[kVectors][kTileQueries];
  const float* base[kVectors];
  for (size_t v = 0; v < kVectors; ++v) {
    const size_t first = place + v * Vec::kLanes;
    base[v] = tile.expanded.centered +
              first / kBlockPoints * dims * kBlockPoints + first % kBlockPoints;
    const auto norms = Vec::Load(tile.expanded.norms + first);
    for (size_t q = 0; q < kTileQueries; ++q) sums[v][q] = norms;
  }
  for (uint32_t j = 0; j < dims; ++j) {
    decltype(Vec::Set(0.0f)) points[kVectors];
    for (size_t v = 0; v < kVectors; ++v) {
      points[v] = Vec::Load(base[v] + j * kBlockPoints);
    }
    const float* scaled = tile.expanded_queries.scaled + j * kTileQueries;
    for (size_t q = 0; q < kTileQueries; ++q) {
      const auto query = Vec::Set(scaled[q]);
      for (size_t v = 0; v < kVectors; ++v) {
        sums[v][q] = Vec::Fma(query, points[v], sums[v][q]);
      }
    }
  }
  // One branch for all, as most often none passes; unrolled, so that the sums
  // stay in registers.
  uint32_t masks[kVectors][kTileQueries];
  uint32_t any = 0;
#pragma GCC unroll 8
  for (size_t q = 0; q < kTileQueries; ++q) {
    const auto limit = Vec::Set(tile.expanded_queries.limits[q]);
#pragma GCC unroll 2
    for (size_t v = 0; v < kVectors; ++v) {
      masks[v][q] = Vec::AtMost(sums[v][q], limit);
      any |= masks[v][q];
    }
  }
  if (any == 0) return 0;
  size_t passed = 0;
  for (size_t q = 0; q < kTileQueries; ++q) {
    for (size_t v = 0; v < kVectors; ++v) {
      if (masks[v][q] == 0) continue;
      ++passed;
      RecheckVector<Vec>(tile.space, tile.points, place + v * Vec::kLanes,
                         tile.queries, tile.thresholds, q, tile.hits);
    }
  }
  return passed;
}

template <typename Vec>
size_t FilterTileExpanded(const L2Space& space, const float* points,
                          const ExpandedPoints& expanded, size_t first,
                          size_t last, const float* queries,
                          const ExpandedQueries& expanded_queries,
                          const float* thresholds, HitList* hits) {
  const ExpandedTile tile{
      space, points, expanded, queries, expanded_queries, thresholds, hits};
  constexpr size_t kStep = Vec::kTileVectors * Vec::kLanes;
  size_t passed = 0;
  size_t place = first * kBlockPoints;
  const size_t end = last * kBlockPoints;
  for (; place + kStep <= end; place += kStep) {
    passed += FilterVectors<Vec, Vec::kTileVectors>(tile, place);
  }
  for (; place < end; place += Vec::kLanes) {
    passed += FilterVectors<Vec, 1>(tile, place);
  }
  return passed;
}

}  // namespace
}  // namespace kmyriad

#endif  // KMYRIAD_ENTROPY_SERVICE_INDEX_L2_FILTER_KERNELS_H_
