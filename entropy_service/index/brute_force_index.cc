#include "entropy_service/index/brute_force_index.h"

#include <algorithm>
#include <limits>
#include <numeric>

#include "common/base/status_macros.h"

namespace kmyriad {
namespace {

// Queries that share one pass over the points: enough to reuse a run of
// points from the cache, few enough for their hits to stay there, too.
constexpr size_t kGroupTiles = 8;
constexpr size_t kGroupQueries = kGroupTiles * kTileQueries;
// Blocks between two looks at the hits: 512 points.
constexpr size_t kRunBlocks = 32;
// Places for the hits of one query in one run, and for what a kernel may
// write behind them.
constexpr size_t kHitRoom = (kRunBlocks + 1) * kBlockPoints;

// Working memory of one group of queries.
struct GroupScratch {
  explicit GroupScratch(uint32_t dims)
      : coordinates(size_t{dims} * kGroupQueries),
        distances(kTileQueries * kHitRoom),
        rows(kTileQueries * kHitRoom),
        excluded(kGroupQueries),
        nearest(kGroupQueries) {}

  // [tiles, dims, 8]
  std::vector<float> coordinates;
  // Room for every hit of a tile in one run.
  std::vector<float> distances;
  std::vector<uint32_t> rows;
  // Rows that are no neighbours of each query.
  std::vector<RowRange> excluded;
  std::vector<TopK> nearest;
};

}  // namespace

absl::StatusOr<std::unique_ptr<BruteForceIndex>> BruteForceIndex::Create(
    const PointsView& points, SimdLevel level) {
  KMYRIAD_RETURN_IF_ERROR(ValidatePoints(points));
  return std::unique_ptr<BruteForceIndex>(new BruteForceIndex(points, level));
}

BruteForceIndex::BruteForceIndex(const PointsView& points, SimdLevel level)
    : KnnIndex(points),
      level_(level),
      kernels_(GetL2Kernels(level)),
      space_{points.dims, periods()} {
  const size_t blocks = (size() + kBlockPoints - 1) / kBlockPoints;
  blocks_.assign(blocks * dims() * kBlockPoints,
                 std::numeric_limits<float>::infinity());
  for (size_t row = 0; row < size(); ++row) {
    float* block = &blocks_[row / kBlockPoints * dims() * kBlockPoints];
    for (size_t j = 0; j < dims(); ++j) {
      block[j * kBlockPoints + row % kBlockPoints] =
          points.coordinates[row * dims() + j];
    }
  }
}

std::unique_ptr<KnnIndex> BruteForceIndex::Like(const PointsView& points,
                                                ThreadPool& /*pool*/) const {
  return std::unique_ptr<KnnIndex>(new BruteForceIndex(points, level_));
}

void BruteForceIndex::CopyPoint(uint32_t row, float* out) const {
  const float* block =
      &blocks_[row / kBlockPoints * dims() * kBlockPoints + row % kBlockPoints];
  for (size_t j = 0; j < dims(); ++j) out[j] = block[j * kBlockPoints];
}

void BruteForceIndex::Answer(absl::Span<const uint32_t> rows, size_t first,
                             size_t last, uint32_t k,
                             const Exclusion& exclusion,
                             const Sink& sink) const {
  GroupScratch scratch(dims());
  const size_t queries = last - first;
  for (size_t i = 0; i < queries; ++i) {
    float point[kMaxIndexDims];
    CopyPoint(rows[first + i], point);
    float* tile =
        &scratch.coordinates[i / kTileQueries * dims() * kTileQueries];
    for (size_t j = 0; j < dims(); ++j) {
      tile[j * kTileQueries + i % kTileQueries] = point[j];
    }
    scratch.excluded[i] = exclusion.Of(rows[first + i]);
    scratch.nearest[i].Reset(k);
  }
  const size_t blocks = blocks_.size() / (dims() * kBlockPoints);
  for (size_t run = 0; run < blocks; run += kRunBlocks) {
    const size_t end = std::min(blocks, run + kRunBlocks);
    for (size_t base = 0; base < queries; base += kTileQueries) {
      // Places without a query take no hits: no distance is below zero.
      float thresholds[kTileQueries];
      HitList hits[kTileQueries];
      for (size_t q = 0; q < kTileQueries; ++q) {
        thresholds[q] = base + q < queries
                            ? std::min(scratch.nearest[base + q].threshold(),
                                       std::numeric_limits<float>::max())
                            : -1.0f;
        hits[q].distances = &scratch.distances[q * kHitRoom];
        hits[q].rows = &scratch.rows[q * kHitRoom];
      }
      kernels_.filter_tile(space_, blocks_.data(), run, end,
                           &scratch.coordinates[base * dims()], thresholds,
                           hits);
      for (size_t q = 0; q < kTileQueries && base + q < queries; ++q) {
        const RowRange& excluded = scratch.excluded[base + q];
        for (size_t h = 0; h < hits[q].count; ++h) {
          const uint32_t row = hits[q].rows[h];
          if (row >= excluded.first && row < excluded.last) continue;
          scratch.nearest[base + q].Offer(
              NeighborKey(hits[q].distances[h], row));
        }
      }
    }
  }
  for (size_t i = 0; i < queries; ++i) sink(first + i, scratch.nearest[i]);
}

absl::Status BruteForceIndex::AnswerAll(absl::Span<const uint32_t> rows,
                                        uint32_t k, const Exclusion& exclusion,
                                        const SearchContext& context,
                                        const Sink& sink) const {
  const size_t groups = (rows.size() + kGroupQueries - 1) / kGroupQueries;
  return context.ParallelFor(groups, [&](size_t group) {
    const size_t first = group * kGroupQueries;
    Answer(rows, first, std::min(rows.size(), first + kGroupQueries), k,
           exclusion, sink);
  });
}

absl::Status BruteForceIndex::FindKth(RowRange rows, uint32_t k,
                                      const Exclusion& exclusion,
                                      const SearchContext& context,
                                      absl::Span<float> out) const {
  std::vector<uint32_t> all(rows.size());
  std::iota(all.begin(), all.end(), static_cast<uint32_t>(rows.first));
  return AnswerAll(all, k, exclusion, context,
                   [out](size_t index, TopK& nearest) {
                     out[index] = KeyDistance(nearest.Kth());
                   });
}

absl::Status BruteForceIndex::FindNearest(absl::Span<const uint32_t> rows,
                                          uint32_t k,
                                          const Exclusion& exclusion,
                                          const SearchContext& context,
                                          absl::Span<Neighbor> out) const {
  return AnswerAll(rows, k, exclusion, context,
                   [this, out, k](size_t index, TopK& nearest) {
                     WriteNeighbors(nearest, ids(), &out[index * k]);
                   });
}

}  // namespace kmyriad
