#ifndef KMYRIAD_ENTROPY_SERVICE_INDEX_CUDA_CELL_BUILD_KERNELS_H_
#define KMYRIAD_ENTROPY_SERVICE_INDEX_CUDA_CELL_BUILD_KERNELS_H_

#include "entropy_service/index/cuda/nearest_keys.h"
#include "entropy_service/index/cuda/radix_sort_kernels.h"

// Builds the grid on the device. Each coordinate is replaced by its rank, so
// that cells adapt to any skew; points are sorted along the Morton curve of
// their ranks; 32 in a row are a cell; boxes of cells are united pairwise to a
// tree. One thread per point, cell or node. Everything but the sorts reads and
// writes each point once.

namespace kmyriad {

// Pairs (coordinate, row) whose keys order as the coordinates do.
struct CoordinateKeysKernel {
  static constexpr uint32_t kThreads = 128;
  const float* points;
  uint32_t count;
  uint32_t dim;
  uint64_t* keys;
  uint32_t* rows;

  template <typename Block>
  KMYRIAD_KERNEL void operator()(Block& block) const {
    ForEachItem<kThreads>(block, count, [&](uint32_t row) {
      const uint32_t bits =
          FloatBits(points[static_cast<size_t>(row) * kCellPointFloats + dim]);
      keys[row] = (bits >> 31) != 0 ? ~bits : bits | 0x80000000u;
      rows[row] = row;
    });
  }
};

// Interleaves the ranks of dimension `dim` into the Morton codes by row.
struct AddRanksKernel {
  static constexpr uint32_t kThreads = 128;
  const uint32_t* sorted_rows;
  uint32_t count;
  uint32_t dim;
  uint32_t dims;
  // Bits of a rank in a code, and how many of its low bits do not fit.
  uint32_t bits;
  uint32_t dropped;
  uint64_t* codes;

  template <typename Block>
  KMYRIAD_KERNEL void operator()(Block& block) const {
    ForEachItem<kThreads>(block, count, [&](uint32_t rank) {
      const uint32_t row = sorted_rows[rank];
      uint64_t code = dim == 0 ? 0 : codes[row];
      for (uint32_t bit = 0; bit < bits; ++bit) {
        code |= uint64_t{(rank >> (dropped + bit)) & 1} << (bit * dims + dim);
      }
      codes[row] = code;
    });
  }
};

struct CodeKeysKernel {
  static constexpr uint32_t kThreads = 128;
  const uint64_t* codes;
  uint32_t count;
  uint64_t* keys;
  uint32_t* rows;

  template <typename Block>
  KMYRIAD_KERNEL void operator()(Block& block) const {
    ForEachItem<kThreads>(block, count, [&](uint32_t row) {
      keys[row] = codes[row];
      rows[row] = row;
    });
  }
};

struct PlacePointsKernel {
  static constexpr uint32_t kThreads = 128;
  CellViews cells;
  const uint32_t* sorted_rows;

  template <typename Block>
  KMYRIAD_KERNEL void operator()(Block& block) const {
    ForEachItem<kThreads>(block, cells.count, [&](uint32_t place) {
      const uint32_t row = sorted_rows[place];
      cells.rows[place] = row;
      cells.places[row] = place;
      for (uint32_t j = 0; j < kCellPointFloats; ++j) {
        cells.placed[static_cast<size_t>(place) * kCellPointFloats + j] =
            cells.points[static_cast<size_t>(row) * kCellPointFloats + j];
      }
    });
  }
};

// Boxes of the cells; of those without points, an empty one that is infinitely
// far away.
struct LeafBoxesKernel {
  static constexpr uint32_t kThreads = 128;
  CellViews cells;

  template <typename Block>
  KMYRIAD_KERNEL void operator()(Block& block) const {
    ForEachItem<kThreads>(block, cells.first_leaf, [&](uint32_t cell) {
      CellNode node;
      for (uint32_t j = 0; j < kGridMaxDims; ++j) {
        node.low[j] = HUGE_VALF;
        node.high[j] = -HUGE_VALF;
      }
      node.min_row = ~0u;
      node.max_row = 0;
      const uint64_t first = uint64_t{cell} * kCellPlaces;
      for (uint64_t place = first;
           place < first + kCellPlaces && place < cells.count; ++place) {
        for (uint32_t j = 0; j < kGridMaxDims; ++j) {
          const float value = cells.placed[place * kCellPointFloats + j];
          node.low[j] = value < node.low[j] ? value : node.low[j];
          node.high[j] = value > node.high[j] ? value : node.high[j];
        }
        const uint32_t row = cells.rows[place];
        node.min_row = row < node.min_row ? row : node.min_row;
        node.max_row = row > node.max_row ? row : node.max_row;
      }
      cells.nodes[cells.first_leaf + cell] = node;
    });
  }
};

// Nodes [first, 2 * first): each the union of its children.
struct UniteBoxesKernel {
  static constexpr uint32_t kThreads = 128;
  CellViews cells;
  uint32_t first;

  template <typename Block>
  KMYRIAD_KERNEL void operator()(Block& block) const {
    ForEachItem<kThreads>(block, first, [&](uint32_t i) {
      CellNode node = cells.nodes[2 * (first + i)];
      const CellNode other = cells.nodes[2 * (first + i) + 1];
      for (uint32_t j = 0; j < kGridMaxDims; ++j) {
        node.low[j] = other.low[j] < node.low[j] ? other.low[j] : node.low[j];
        node.high[j] =
            other.high[j] > node.high[j] ? other.high[j] : node.high[j];
      }
      node.min_row =
          other.min_row < node.min_row ? other.min_row : node.min_row;
      node.max_row =
          other.max_row > node.max_row ? other.max_row : node.max_row;
      cells.nodes[first + i] = node;
    });
  }
};

inline constexpr uint32_t BlocksOf128(uint32_t count) {
  return (count + 127) / 128;
}

// Fills `cells` from its points; `codes` [count] and `sort` are working
// memory.
template <typename Stream>
void BuildCellsOn(Stream& stream, const CellViews& cells, uint64_t* codes,
                  SortViews sort) {
  const uint32_t blocks = BlocksOf128(cells.count);
  uint32_t rank_bits = 1;
  while (rank_bits < 32 && (uint64_t{1} << rank_bits) < cells.count) {
    ++rank_bits;
  }
  const uint32_t most = 64 / cells.dims;
  const uint32_t bits = rank_bits < most ? rank_bits : most;
  for (uint32_t dim = 0; dim < cells.dims; ++dim) {
    stream.Launch(CoordinateKeysKernel{cells.points, cells.count, dim,
                                       sort.keys[0], sort.values[0]},
                  blocks, 0);
    SortPairsOn(stream, cells.count, 32, sort);
    stream.Launch(AddRanksKernel{sort.values[sort.result], cells.count, dim,
                                 cells.dims, bits, rank_bits - bits, codes},
                  blocks, 0);
  }
  stream.Launch(
      CodeKeysKernel{codes, cells.count, sort.keys[0], sort.values[0]}, blocks,
      0);
  SortPairsOn(stream, cells.count, bits * cells.dims, sort);
  stream.Launch(PlacePointsKernel{cells, sort.values[sort.result]}, blocks, 0);
  stream.Launch(LeafBoxesKernel{cells}, BlocksOf128(cells.first_leaf), 0);
  for (uint32_t first = cells.first_leaf / 2; first > 0; first /= 2) {
    stream.Launch(UniteBoxesKernel{cells, first}, BlocksOf128(first), 0);
  }
}

}  // namespace kmyriad

#endif  // KMYRIAD_ENTROPY_SERVICE_INDEX_CUDA_CELL_BUILD_KERNELS_H_
