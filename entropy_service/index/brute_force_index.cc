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

// Working memory of one group of queries.
struct GroupScratch {
  explicit GroupScratch(uint32_t dims)
      : coordinates(size_t{dims} * kGroupQueries),
        keys(kTileQueries * kRunBlocks * kBlockPoints),
        nearest(kGroupQueries) {}

  // [tiles, dims, 8]
  std::vector<float> coordinates;
  // Room for every hit of a tile in one run.
  std::vector<uint64_t> keys;
  std::vector<TopK> nearest;
};

}  // namespace

absl::StatusOr<std::unique_ptr<BruteForceIndex>> BruteForceIndex::Create(
    const PointsView& points, SimdLevel level) {
  KMYRIAD_RETURN_IF_ERROR(ValidatePoints(points));
  return std::unique_ptr<BruteForceIndex>(new BruteForceIndex(points, level));
}

BruteForceIndex::BruteForceIndex(const PointsView& points, SimdLevel level)
    : kernels_(GetL2Kernels(level)),
      dims_(points.dims),
      ids_(points.ids.begin(), points.ids.end()) {
  const size_t blocks = (ids_.size() + kBlockPoints - 1) / kBlockPoints;
  blocks_.assign(blocks * dims_ * kBlockPoints,
                 std::numeric_limits<float>::infinity());
  for (size_t row = 0; row < ids_.size(); ++row) {
    float* block = &blocks_[row / kBlockPoints * dims_ * kBlockPoints];
    for (size_t j = 0; j < dims_; ++j) {
      block[j * kBlockPoints + row % kBlockPoints] =
          points.coordinates[row * dims_ + j];
    }
  }
}

void BruteForceIndex::Answer(absl::Span<const uint32_t> rows, size_t first,
                             size_t last, uint32_t k, const Sink& sink) const {
  GroupScratch scratch(dims_);
  const size_t queries = last - first;
  for (size_t i = 0; i < queries; ++i) {
    const size_t row = rows[first + i];
    const float* block = &blocks_[row / kBlockPoints * dims_ * kBlockPoints +
                                  row % kBlockPoints];
    float* tile = &scratch.coordinates[i / kTileQueries * dims_ * kTileQueries];
    for (size_t j = 0; j < dims_; ++j) {
      tile[j * kTileQueries + i % kTileQueries] = block[j * kBlockPoints];
    }
    scratch.nearest[i].Reset(k);
  }
  const size_t blocks = blocks_.size() / (dims_ * kBlockPoints);
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
        hits[q].keys = &scratch.keys[q * kRunBlocks * kBlockPoints];
      }
      kernels_.filter_tile(blocks_.data(), run, end, dims_,
                           &scratch.coordinates[base * dims_], thresholds,
                           hits);
      for (size_t q = 0; q < kTileQueries && base + q < queries; ++q) {
        for (size_t h = 0; h < hits[q].count; ++h) {
          if (KeyRow(hits[q].keys[h]) == rows[first + base + q]) continue;
          scratch.nearest[base + q].Offer(hits[q].keys[h]);
        }
      }
    }
  }
  for (size_t i = 0; i < queries; ++i) sink(first + i, scratch.nearest[i]);
}

absl::Status BruteForceIndex::AnswerAll(absl::Span<const uint32_t> rows,
                                        uint32_t k,
                                        const SearchContext& context,
                                        const Sink& sink) const {
  const size_t groups = (rows.size() + kGroupQueries - 1) / kGroupQueries;
  return context.ParallelFor(groups, [&](size_t group) {
    const size_t first = group * kGroupQueries;
    Answer(rows, first, std::min(rows.size(), first + kGroupQueries), k, sink);
  });
}

absl::Status BruteForceIndex::KthSquaredDistances(uint32_t k,
                                                  const SearchContext& context,
                                                  absl::Span<float> out) const {
  KMYRIAD_RETURN_IF_ERROR(ValidateKthRequest(size(), k, out.size()));
  std::vector<uint32_t> rows(size());
  std::iota(rows.begin(), rows.end(), 0u);
  return AnswerAll(rows, k, context, [out](size_t index, TopK& nearest) {
    out[index] = KeyDistance(nearest.Kth());
  });
}

absl::Status BruteForceIndex::Search(absl::Span<const uint32_t> rows,
                                     uint32_t k, const SearchContext& context,
                                     absl::Span<Neighbor> out) const {
  KMYRIAD_RETURN_IF_ERROR(ValidateSearchRequest(size(), rows, k, out.size()));
  return AnswerAll(rows, k, context,
                   [this, out, k](size_t index, TopK& nearest) {
                     WriteNeighbors(nearest, ids_, &out[index * k]);
                   });
}

}  // namespace kmyriad
