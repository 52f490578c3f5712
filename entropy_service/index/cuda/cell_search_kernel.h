#ifndef KMYRIAD_ENTROPY_SERVICE_INDEX_CUDA_CELL_SEARCH_KERNEL_H_
#define KMYRIAD_ENTROPY_SERVICE_INDEX_CUDA_CELL_SEARCH_KERNEL_H_

#include "entropy_service/index/cuda/cell_build_kernels.h"

// The search of a grid: a block is one warp, which answers 32 queries that are
// neighbours along the curve. It goes through the tree once for all of them,
// from their cell upwards, and enters a node only if one of them may have a
// neighbour in it: rounded operations are monotone, so the distance to a box,
// made of the same operations, never exceeds that to a point in it, and what
// is left out is left out exactly. A cell's 32 points are loaded together into
// shared memory; each thread offers all of them to its own query's heap.
// Traffic: 16 bytes per point and 32 per node that a warp visits, mostly from
// the caches. Limits: up to 3 dimensions, 2^24 points.

namespace kmyriad {

// Squared distance from a point to a box.
template <bool kPeriodic>
KMYRIAD_KERNEL inline float BoxDistance(const CellNode& node,
                                        const float* point,
                                        const DevicePeriods& periods) {
  float sum = 0;
  for (uint32_t j = 0; j < kGridMaxDims; ++j) {
    const float below = node.low[j] - point[j];
    const float above = point[j] - node.high[j];
    float gap = below > above ? below : above;
    gap = gap > 0 ? gap : 0;
    if constexpr (kPeriodic) {
      // The other way round, to the far side of the box.
      const float up = node.high[j] - point[j];
      const float down = point[j] - node.low[j];
      const float around = periods.period[j] - (up > down ? up : down);
      gap = gap < around ? gap : around;
    }
    sum = fmaf(gap, gap, sum);
  }
  return sum;
}

template <bool kPeriodic>
struct CellSearchKernel {
  static constexpr uint32_t kThreads = kCellPlaces;
  static constexpr size_t kSharedBytes =
      kCellPlaces * (kCellPointFloats + 1) * sizeof(float);
  // Depth of a tree of 2^24 / 32 cells, and one.
  static constexpr uint32_t kMaxStack = 24;
  static constexpr uint32_t kNoQuery = ~0u;

  CellViews cells;
  QueryViews queries;
  // Queries along the curve; null: the points themselves are asked, place by
  // place, and the queries are those of consecutive rows.
  const uint32_t* order;
  DevicePeriods periods;

  struct Thread {
    float point[kGridMaxDims];
    // kNoQuery for a thread without one.
    uint32_t index;
    DeviceQuery query;
  };

  template <typename Block>
  KMYRIAD_KERNEL void operator()(Block& block) const {
    typename Block::template PerThread<Thread> threads;
    const bool asked = block.Any([&](uint32_t thread) {
      return Start(block.index() * kThreads + thread, threads[thread]);
    });
    if (!asked) return;
    // The cell of the first query; all others are near it.
    const uint32_t start =
        order == nullptr
            ? block.index()
            : cells.places[queries.rows[order[block.index() * kThreads]]] /
                  kCellPlaces;
    VisitCell(block, threads, start);
    for (uint32_t node = cells.first_leaf + start; node > 1; node /= 2) {
      VisitBelow(block, threads, node ^ 1);
    }
    block.ForEachThread([&](uint32_t thread) {
      const Thread& own = threads[thread];
      if (own.index != kNoQuery) own.query.Finish(queries, own.index);
    });
  }

  // Whether the thread has a query.
  KMYRIAD_KERNEL bool Start(uint32_t i, Thread& own) const {
    own.query.worst = 0;
    own.index = kNoQuery;
    uint32_t row;
    if (order == nullptr) {
      if (i >= cells.count) return false;
      row = cells.rows[i];
      if (row < queries.first_row || row - queries.first_row >= queries.count) {
        return false;
      }
      own.index = row - queries.first_row;
    } else {
      if (i >= queries.count) return false;
      own.index = order[i];
      row = queries.rows[own.index];
    }
    for (uint32_t j = 0; j < kGridMaxDims; ++j) {
      own.point[j] =
          cells.points[static_cast<size_t>(row) * kCellPointFloats + j];
    }
    own.query.Start(queries, own.index, row);
    return true;
  }

  // Whether the node may hold one of the k nearest of the thread's query: its
  // first key can come before the worst. For k-th distances ties need not be
  // visited.
  KMYRIAD_KERNEL bool Needs(const CellNode& node, const Thread& own) const {
    if (own.query.worst == 0) return false;
    if (node.min_row >= own.query.first && node.max_row < own.query.last) {
      return false;
    }
    const uint32_t row = queries.kth != nullptr ? ~0u : node.min_row;
    return DeviceKey(BoxDistance<kPeriodic>(node, own.point, periods), row) <
           own.query.worst;
  }

  template <typename Block, typename Threads>
  KMYRIAD_KERNEL void VisitBelow(Block& block, Threads& threads,
                                 uint32_t root) const {
    // The child nearer along the curve to where the search comes from is
    // visited first: the left one, if that is to the left.
    const uint32_t nearer = 1 - root % 2;
    uint32_t stack[kMaxStack];
    stack[0] = root;
    uint32_t size = 1;
    while (size > 0) {
      const uint32_t at = stack[--size];
      const CellNode node = cells.nodes[at];
      if (!block.Any(
              [&](uint32_t thread) { return Needs(node, threads[thread]); })) {
        continue;
      }
      if (at >= cells.first_leaf) {
        VisitCell(block, threads, at - cells.first_leaf);
      } else {
        stack[size++] = 2 * at + 1 - nearer;
        stack[size++] = 2 * at + nearer;
      }
    }
  }

  template <typename Block, typename Threads>
  KMYRIAD_KERNEL void VisitCell(Block& block, Threads& threads,
                                uint32_t cell) const {
    float* points = block.template Shared<float>(0);
    uint32_t* rows = block.template Shared<uint32_t>(
        kCellPlaces * kCellPointFloats * sizeof(float));
    const uint32_t first = cell * kCellPlaces;
    const uint32_t rest = cells.count - first;
    const uint32_t size = rest < kCellPlaces ? rest : kCellPlaces;
    block.ForEachThread([&](uint32_t thread) {
      if (thread >= size) return;
      for (uint32_t j = 0; j < kCellPointFloats; ++j) {
        points[thread * kCellPointFloats + j] =
            cells
                .placed[static_cast<size_t>(first + thread) * kCellPointFloats +
                        j];
      }
      rows[thread] = cells.rows[first + thread];
    });
    block.ForEachThread([&](uint32_t thread) {
      Thread& own = threads[thread];
      if (own.query.worst == 0) return;
      for (uint32_t p = 0; p < size; ++p) {
        float sum = 0;
        for (uint32_t j = 0; j < kGridMaxDims; ++j) {
          sum = AddSquare<kPeriodic>(points[p * kCellPointFloats + j],
                                     own.point[j],
                                     kPeriodic ? periods.period[j] : 0, sum);
        }
        own.query.Offer(sum, rows[p]);
      }
    });
  }
};

// Pairs (place, query), to bring queries into the order of the curve.
struct QueryKeysKernel {
  static constexpr uint32_t kThreads = 128;
  CellViews cells;
  QueryViews queries;
  uint64_t* keys;
  uint32_t* indices;

  template <typename Block>
  KMYRIAD_KERNEL void operator()(Block& block) const {
    ForEachItem<kThreads>(block, queries.count, [&](uint32_t i) {
      keys[i] = cells.places[queries.rows[i]];
      indices[i] = i;
    });
  }
};

template <typename Stream>
void SearchOrdered(Stream& stream, const CellViews& cells,
                   const QueryViews& queries, const uint32_t* order,
                   uint32_t count, const DevicePeriods& periods) {
  const uint32_t blocks = (count + kCellPlaces - 1) / kCellPlaces;
  if (periods.any) {
    using Kernel = CellSearchKernel<true>;
    stream.Launch(Kernel{cells, queries, order, periods}, blocks,
                  Kernel::kSharedBytes);
  } else {
    using Kernel = CellSearchKernel<false>;
    stream.Launch(Kernel{cells, queries, order, periods}, blocks,
                  Kernel::kSharedBytes);
  }
}

// Enqueues the search of all queries; `sort`, for queries by row, has room for
// all of them.
template <typename Stream>
void SearchCellsOn(Stream& stream, const CellViews& cells,
                   const QueryViews& queries, SortViews sort,
                   const DevicePeriods& periods) {
  if (queries.rows == nullptr) {
    SearchOrdered(stream, cells, queries, nullptr, cells.count, periods);
    return;
  }
  stream.Launch(QueryKeysKernel{cells, queries, sort.keys[0], sort.values[0]},
                BlocksOf128(queries.count), 0);
  uint32_t bits = 4;
  while (bits < 32 && (uint64_t{1} << bits) < cells.count) bits += 4;
  SortPairsOn(stream, queries.count, bits, sort);
  SearchOrdered(stream, cells, queries, sort.values[sort.result], queries.count,
                periods);
}

}  // namespace kmyriad

#endif  // KMYRIAD_ENTROPY_SERVICE_INDEX_CUDA_CELL_SEARCH_KERNEL_H_
