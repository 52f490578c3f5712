#ifndef KMYRIAD_ENTROPY_SERVICE_INDEX_CUDA_KNN_VIEWS_H_
#define KMYRIAD_ENTROPY_SERVICE_INDEX_CUDA_KNN_VIEWS_H_

#include <cstddef>
#include <cstdint>

// Views of device memory that the launchers take. Everything is the caller's;
// launchers allocate nothing.

namespace kmyriad {

// Points and queries per cell: a warp asks for a cell's points together.
inline constexpr uint32_t kCellPlaces = 32;
// Floats of a point in the grid: up to 3 dimensions, then zeros.
inline constexpr uint32_t kCellPointFloats = 4;
inline constexpr uint32_t kGridMaxDims = 3;
inline constexpr uint32_t kMaxDeviceDims = 32;

// [4], [8], [16] or [32] floats per point: dims, then zeros, which leave every
// bit of a distance as it is.
inline constexpr uint32_t PaddedDims(uint32_t dims) {
  return dims <= 4 ? 4 : dims <= 8 ? 8 : dims <= 16 ? 16 : 32;
}

// Periods by value; +inf where not periodic, also behind the last dimension.
struct DevicePeriods {
  bool any = false;
  float period[kMaxDeviceDims] = {};
};

// A node of the tree over cells: the box of its points, and its rows' range.
struct CellNode {
  float low[3];
  uint32_t min_row;
  float high[3];
  uint32_t max_row;
};

// A grid of `count` points. Cells are runs of 32 places; node i has children
// 2i and 2i + 1; cell c is node first_leaf + c, and first_leaf is a power of
// two that is not less than the number of cells.
struct CellViews {
  uint32_t count = 0;
  uint32_t dims = 0;
  uint32_t first_leaf = 0;
  // [count, 4] in row order, and in place order.
  const float* points = nullptr;
  float* placed = nullptr;
  // [count] the row at a place, and the place of a row.
  uint32_t* rows = nullptr;
  uint32_t* places = nullptr;
  // [2 * first_leaf], of which the first is unused.
  CellNode* nodes = nullptr;
};

// Numbers that one radix pass counts, and those of a block of it.
inline constexpr uint32_t kRadixDigits = 16;
inline constexpr uint32_t kRadixBlockItems = 2048;
inline constexpr uint32_t RadixBlocks(uint32_t count) {
  return (count + kRadixBlockItems - 1) / kRadixBlockItems;
}

// Working memory of a sort of `count` pairs: [count] each, and
// [16 * RadixBlocks(count)]. `result` is where the sorted values are.
struct SortViews {
  uint64_t* keys[2] = {nullptr, nullptr};
  uint32_t* values[2] = {nullptr, nullptr};
  uint32_t* counts = nullptr;
  uint32_t result = 0;
};

// What is asked of `count` queries. Query i asks for the point at rows[i] or,
// if `rows` is null, for that of row first_row + i.
struct QueryViews {
  uint32_t count = 0;
  const uint32_t* rows = nullptr;
  uint32_t first_row = 0;
  uint32_t k = 0;
  // [count, 2] rows [first, last) that are no neighbours of a query; null if
  // only its own is none.
  const uint32_t* excluded = nullptr;
  // [k, count] the k smallest keys of each query (squared distance in the
  // high half, row in the low one), ascending unless kth is asked for.
  uint64_t* nearest = nullptr;
  // [count] squared distances of k-th neighbours; null asks for lists.
  float* kth = nullptr;
};

// [count, PaddedDims(dims)] points in row order.
struct PointViews {
  uint32_t count = 0;
  uint32_t dims = 0;
  const float* points = nullptr;
};

}  // namespace kmyriad

#endif  // KMYRIAD_ENTROPY_SERVICE_INDEX_CUDA_KNN_VIEWS_H_
