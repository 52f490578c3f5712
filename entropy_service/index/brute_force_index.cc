#include "entropy_service/index/brute_force_index.h"

#include <algorithm>
#include <cmath>
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

// Larger centred coordinates are not expanded: their squares, summed, could
// leave float's range.
constexpr float kMaxExpanded = 1e17f;
// What products that underflow may lose: 64 times the smallest normal number.
constexpr float kUnderflow = 64 * std::numeric_limits<float>::min();
constexpr float kMaxFloat = std::numeric_limits<float>::max();

// 1 - e of ExpandedPoints. With u = 2^-24 and S = |x|^2 + |y|^2, the fma chain
// is off by less than 2.1 dims u S, the norms by dims u S, the direct form by
// 2 (dims + 2) u S, moving to the centre by 4 u S and the limit by 4 u S.
float ShrinkOf(uint32_t dims) {
  return 1 - (8 * static_cast<float>(dims) + 32) * 0x1p-24f;
}

}  // namespace

// Working memory of one group of queries.
struct BruteForceIndex::Group {
  explicit Group(uint32_t dims)
      : coordinates(size_t{dims} * kGroupQueries),
        scaled(size_t{dims} * kGroupQueries),
        norms(kGroupQueries),
        distances(kTileQueries * kHitRoom),
        rows(kTileQueries * kHitRoom),
        excluded(kGroupQueries),
        nearest(kGroupQueries) {}

  size_t queries = 0;
  // [tiles, dims, 8]: as they are, and as ExpandedQueries has them.
  std::vector<float> coordinates;
  std::vector<float> scaled;
  // |x|^2 (1 - e)
  std::vector<float> norms;
  // Room for every hit of a tile in one run.
  std::vector<float> distances;
  std::vector<uint32_t> rows;
  // Rows that are no neighbours of each query.
  std::vector<RowRange> excluded;
  std::vector<TopK> nearest;
  // Of the expanded filter: pairs of 16 points and a query, and how many
  // passed.
  size_t tested = 0;
  size_t passed = 0;
};

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
  if (space_.periods == nullptr) Expand();
}

void BruteForceIndex::Expand() {
  center_.resize(dims());
  float point[kMaxIndexDims];
  for (size_t j = 0; j < dims(); ++j) {
    double sum = 0;
    for (uint32_t row = 0; row < size(); ++row) {
      CopyPoint(row, point);
      sum += point[j];
    }
    center_[j] = static_cast<float>(
        sum / static_cast<double>(std::max<size_t>(size(), 1)));
  }
  shrink_ = ShrinkOf(dims());
  const size_t places =
      (size() + kBlockPoints - 1) / kBlockPoints * kBlockPoints;
  centered_.assign(places * dims(), 0.0f);
  norms_.assign(places, std::numeric_limits<float>::infinity());
  for (uint32_t row = 0; row < size(); ++row) {
    CopyPoint(row, point);
    float norm = 0;
    for (size_t j = 0; j < dims(); ++j) {
      const float value = point[j] - center_[j];
      if (!(std::fabs(value) <= kMaxExpanded)) {
        centered_.clear();
        norms_.clear();
        return;
      }
      centered_[(row / kBlockPoints * dims() + j) * kBlockPoints +
                row % kBlockPoints] = value;
      norm += value * value;
    }
    norms_[row] = norm * shrink_;
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

void BruteForceIndex::FilterRun(size_t base, size_t first, size_t last,
                                Group& group) const {
  // Places without a query take no hits: no distance is below zero.
  float thresholds[kTileQueries];
  float limits[kTileQueries];
  HitList hits[kTileQueries];
  for (size_t q = 0; q < kTileQueries; ++q) {
    const bool used = base + q < group.queries;
    thresholds[q] =
        used ? std::min(group.nearest[base + q].threshold(), kMaxFloat) : -1.0f;
    limits[q] =
        used ? thresholds[q] - group.norms[base + q] + kUnderflow : -kMaxFloat;
    hits[q].distances = &group.distances[q * kHitRoom];
    hits[q].rows = &group.rows[q * kHitRoom];
  }
  const float* coordinates = &group.coordinates[base * dims()];
  // The first run has no thresholds yet. A filter that stops less than three
  // of four is not worth its price.
  if (centered_.empty() || first == 0 || group.passed * 4 > group.tested) {
    kernels_.filter_tile(space_, blocks_.data(), first, last, coordinates,
                         thresholds, hits);
  } else {
    group.tested += (last - first) * kTileQueries;
    group.passed += kernels_.filter_tile_expanded(
        space_, blocks_.data(), {centered_.data(), norms_.data()}, first, last,
        coordinates, {&group.scaled[base * dims()], limits}, thresholds, hits);
  }
  for (size_t q = 0; q < kTileQueries && base + q < group.queries; ++q) {
    const RowRange& excluded = group.excluded[base + q];
    for (size_t h = 0; h < hits[q].count; ++h) {
      const uint32_t row = hits[q].rows[h];
      if (row >= excluded.first && row < excluded.last) continue;
      group.nearest[base + q].Offer(NeighborKey(hits[q].distances[h], row));
    }
  }
}

void BruteForceIndex::Answer(absl::Span<const uint32_t> rows, size_t first,
                             size_t last, uint32_t k,
                             const Exclusion& exclusion,
                             const Sink& sink) const {
  Group group(dims());
  group.queries = last - first;
  for (size_t i = 0; i < group.queries; ++i) {
    float point[kMaxIndexDims];
    CopyPoint(rows[first + i], point);
    const size_t tile = i / kTileQueries * dims() * kTileQueries;
    float norm = 0;
    for (size_t j = 0; j < dims(); ++j) {
      const size_t place = tile + j * kTileQueries + i % kTileQueries;
      group.coordinates[place] = point[j];
      if (centered_.empty()) continue;
      const float value = point[j] - center_[j];
      group.scaled[place] = -2 * value;
      norm += value * value;
    }
    group.norms[i] = norm * shrink_;
    group.excluded[i] = exclusion.Of(rows[first + i]);
    group.nearest[i].Reset(k);
  }
  const size_t blocks = blocks_.size() / (dims() * kBlockPoints);
  for (size_t run = 0; run < blocks; run += kRunBlocks) {
    const size_t end = std::min(blocks, run + kRunBlocks);
    for (size_t base = 0; base < group.queries; base += kTileQueries) {
      FilterRun(base, run, end, group);
    }
  }
  for (size_t i = 0; i < group.queries; ++i) {
    sink(first + i, group.nearest[i]);
  }
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
