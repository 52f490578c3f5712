#ifndef KMYRIAD_ENTROPY_SERVICE_INDEX_L2_DISTANCE_H_
#define KMYRIAD_ENTROPY_SERVICE_INDEX_L2_DISTANCE_H_

#include <cstddef>
#include <cstdint>

// Kernels over blocks of 16 points. This header is included by units that are
// compiled for one instruction set, so it holds no inline code and includes
// nothing that does.

namespace kmyriad {

enum class SimdLevel;

// Points per block. A block is [dims, 16]; the places of points that do not
// exist hold +inf, whose distances are +inf.
inline constexpr size_t kBlockPoints = 16;
// Queries that the tile kernel handles together.
inline constexpr size_t kTileQueries = 8;

// Hits of one query: (bits of the squared distance << 32) | row. Distances
// are not negative, so integer order is the order by (distance, row).
struct HitList {
  uint64_t* keys = nullptr;
  size_t count = 0;
};

// One implementation of the kernels. All give the same bits.
struct L2Kernels {
  // Squared distances of `query` [dims] to the blocks that `blocks` [count]
  // lists: out [count * 16].
  void (*distances)(const float* points, const uint32_t* blocks, size_t count,
                    uint32_t dims, const float* query, float* out);
  // How many of `values` [count], count a multiple of 16, are <= threshold.
  size_t (*count_at_most)(const float* values, size_t count, float threshold);
  // Copies those in (low, high], in order, to `out`; returns their number.
  size_t (*collect_between)(const float* values, size_t count, float low,
                            float high, float* out);
  // Squared distances of `query` [dims] to the points of the blocks
  // [first, last); writes those <= threshold to `keys`, which has room for
  // all, and returns their number.
  size_t (*filter_blocks)(const float* points, size_t first, size_t last,
                          uint32_t dims, const float* query, float threshold,
                          uint64_t* keys);
  // Squared distances of 8 queries [dims, 8] to the points of the blocks
  // [first, last); appends those with distance <= thresholds[q] to hits[q],
  // which has room for all of them.
  void (*filter_tile)(const float* points, size_t first, size_t last,
                      uint32_t dims, const float* queries,
                      const float* thresholds, HitList* hits);
};

// The kernels of a level that this machine supports.
const L2Kernels& GetL2Kernels(SimdLevel level);

namespace internal {
extern const L2Kernels kScalarL2Kernels;
#if defined(KMYRIAD_HAVE_X86_SIMD)
extern const L2Kernels kAvx2L2Kernels;
extern const L2Kernels kAvx512L2Kernels;
#endif
}  // namespace internal

}  // namespace kmyriad

#endif  // KMYRIAD_ENTROPY_SERVICE_INDEX_L2_DISTANCE_H_
