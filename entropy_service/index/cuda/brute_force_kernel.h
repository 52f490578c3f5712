#ifndef KMYRIAD_ENTROPY_SERVICE_INDEX_CUDA_BRUTE_FORCE_KERNEL_H_
#define KMYRIAD_ENTROPY_SERVICE_INDEX_CUDA_BRUTE_FORCE_KERNEL_H_

#include "entropy_service/index/cuda/nearest_keys.h"

// Brute force: a thread has one query, its coordinates in registers; a block
// of 128 queries reads all points, in tiles of 128 in shared memory, of which
// all threads of a warp read the same number at the same time. Distances never
// leave the registers; a key that beats the query's k-th goes to its heap in
// global memory, about k ln(N / k) times per query. Traffic: every block reads
// all points once, 4 * PaddedDims * N bytes, mostly from the L2 cache. Limits:
// up to 32 dimensions, 2^32 - 1 points.

namespace kmyriad {

template <uint32_t kDims, bool kPeriodic>
struct BruteForceKernel {
  static constexpr uint32_t kThreads = 128;
  static constexpr uint32_t kTilePoints = 128;
  static constexpr size_t kSharedBytes = kTilePoints * kDims * sizeof(float);

  PointViews points;
  QueryViews queries;
  DevicePeriods periods;

  struct Thread {
    float point[kDims];
    DeviceQuery query;
  };

  template <typename Block>
  KMYRIAD_KERNEL void operator()(Block& block) const {
    typename Block::template PerThread<Thread> threads;
    float* tile = block.template Shared<float>(0);
    block.ForEachThread([&](uint32_t thread) {
      Thread& own = threads[thread];
      const uint32_t i = block.index() * kThreads + thread;
      own.query.worst = 0;
      if (i >= queries.count) return;
      const uint32_t row =
          queries.rows == nullptr ? queries.first_row + i : queries.rows[i];
      for (uint32_t j = 0; j < kDims; ++j) {
        own.point[j] = points.points[static_cast<size_t>(row) * kDims + j];
      }
      own.query.Start(queries, i, row);
    });
    for (uint32_t first = 0; first < points.count; first += kTilePoints) {
      const uint32_t rest = points.count - first;
      const uint32_t size = rest < kTilePoints ? rest : kTilePoints;
      block.ForEachThread([&](uint32_t thread) {
        const float* from = points.points + static_cast<size_t>(first) * kDims;
        for (uint32_t i = thread; i < size * kDims; i += kThreads) {
          tile[i] = from[i];
        }
      });
      block.ForEachThread([&](uint32_t thread) {
        Compare(tile, first, size, threads[thread]);
      });
    }
    block.ForEachThread([&](uint32_t thread) {
      const uint32_t i = block.index() * kThreads + thread;
      if (i < queries.count) threads[thread].query.Finish(queries, i);
    });
  }

  // Offers the points of a tile, whose first is row `first`.
  KMYRIAD_KERNEL void Compare(const float* tile, uint32_t first, uint32_t size,
                              Thread& own) const {
    if (own.query.worst == 0) return;
    for (uint32_t p = 0; p < size; ++p) {
      float sum = 0;
      for (uint32_t j = 0; j < kDims; ++j) {
        sum = AddSquare<kPeriodic>(tile[p * kDims + j], own.point[j],
                                   kPeriodic ? periods.period[j] : 0, sum);
      }
      own.query.Offer(sum, first + p);
    }
  }
};

// Enqueues the search of all queries.
template <uint32_t kDims, bool kPeriodic, typename Stream>
void LaunchBruteForce(Stream& stream, const PointViews& points,
                      const QueryViews& queries, const DevicePeriods& periods) {
  using Kernel = BruteForceKernel<kDims, kPeriodic>;
  stream.Launch(Kernel{points, queries, periods},
                (queries.count + Kernel::kThreads - 1) / Kernel::kThreads,
                Kernel::kSharedBytes);
}

template <uint32_t kDims, typename Stream>
void SearchBruteForcePadded(Stream& stream, const PointViews& points,
                            const QueryViews& queries,
                            const DevicePeriods& periods) {
  if (periods.any) {
    LaunchBruteForce<kDims, true>(stream, points, queries, periods);
  } else {
    LaunchBruteForce<kDims, false>(stream, points, queries, periods);
  }
}

template <typename Stream>
void SearchBruteForceOn(Stream& stream, const PointViews& points,
                        const QueryViews& queries,
                        const DevicePeriods& periods) {
  switch (PaddedDims(points.dims)) {
    case 4:
      return SearchBruteForcePadded<4>(stream, points, queries, periods);
    case 8:
      return SearchBruteForcePadded<8>(stream, points, queries, periods);
    case 16:
      return SearchBruteForcePadded<16>(stream, points, queries, periods);
    default:
      return SearchBruteForcePadded<32>(stream, points, queries, periods);
  }
}

}  // namespace kmyriad

#endif  // KMYRIAD_ENTROPY_SERVICE_INDEX_CUDA_BRUTE_FORCE_KERNEL_H_
