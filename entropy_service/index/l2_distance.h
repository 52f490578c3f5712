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
// exist hold +inf, whose distances are not <= any finite threshold.
inline constexpr size_t kBlockPoints = 16;
// Queries that the tile kernel handles together.
inline constexpr size_t kTileQueries = 8;

// The space of the distances that KnnIndex documents.
struct L2Space {
  uint32_t dims = 0;
  // [dims], +inf where not periodic; null if no dimension is.
  const float* periods = nullptr;
};

// Hits of one query: squared distances and rows, side by side.
struct HitList {
  float* distances = nullptr;
  uint32_t* rows = nullptr;
  size_t count = 0;
};

// The points once more, for a filter that costs half of the direct form:
// |x - y|^2 <= t implies |y|^2 (1 - e) - 2 x.y <= t - |x|^2 (1 - e) in fp32,
// where e covers all roundings and x, y are moved to the points' centre. What
// passes is measured in the direct form.
struct ExpandedPoints {
  // As points, but moved; 0 in the places of points that do not exist.
  const float* centered = nullptr;
  // [blocks * 16] |y|^2 (1 - e); +inf in those places.
  const float* norms = nullptr;
};
// The same of 8 queries.
struct ExpandedQueries {
  // [dims, 8] -2 x.
  const float* scaled = nullptr;
  // [8] t - |x|^2 (1 - e).
  const float* limits = nullptr;
};

// One implementation of the kernels. All give the same bits.
struct L2Kernels {
  // Squared distances of `query` [dims] to the blocks that `blocks` [count]
  // lists: out [count * 16].
  void (*distances)(const L2Space& space, const float* points,
                    const uint32_t* blocks, size_t count, const float* query,
                    float* out);
  // Copies of these those <= threshold, in order, to `out`, which has room for
  // 16 more than all of them; returns their number.
  size_t (*distances_within)(const L2Space& space, const float* points,
                             const uint32_t* blocks, size_t count,
                             const float* query, float threshold, float* out);
  // Squared distances of `query` to 16 boxes [2, dims, 16], low corners, then
  // high ones: out [16]; returns the bit mask of those <= threshold. As every
  // operation is monotone, none exceeds the squared distance to any point of
  // its box.
  uint32_t (*box_distances)(const L2Space& space, const float* boxes,
                            const float* query, float threshold, float* out);
  // How many of `values` [count], count a multiple of 16, are <= threshold.
  size_t (*count_at_most)(const float* values, size_t count, float threshold);
  // Copies those in (low, high], in order, to `out`, which may be `values` or
  // has room for 16 more; returns their number.
  size_t (*collect_between)(const float* values, size_t count, float low,
                            float high, float* out);
  // The rank-th smallest, rank >= 1, of 16 values, none of them NaN.
  float (*smallest_of_16)(const float* values, size_t rank);
  // Appends the points of the blocks that `blocks` [count] lists within
  // `threshold` of `query` to `hits`, which has room for 16 more than all of
  // them.
  void (*filter_blocks)(const L2Space& space, const float* points,
                        const uint32_t* blocks, size_t count,
                        const float* query, float threshold, HitList& hits);
  // The same of the blocks [first, last) for 8 queries [dims, 8].
  void (*filter_tile)(const L2Space& space, const float* points, size_t first,
                      size_t last, const float* queries,
                      const float* thresholds, HitList* hits);
  // The same by way of the expanded filter; returns how often one of 16 points
  // passed it. Not for spaces with periods.
  size_t (*filter_tile_expanded)(const L2Space& space, const float* points,
                                 const ExpandedPoints& expanded, size_t first,
                                 size_t last, const float* queries,
                                 const ExpandedQueries& expanded_queries,
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
