#include "entropy_service/index/kd_tree_index.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <utility>

#include "common/base/status_macros.h"

namespace kmyriad {
namespace {

// Leaves and rows per task: short enough to balance threads.
constexpr uint32_t kTaskLeaves = 8;
constexpr size_t kTaskRows = 64;
constexpr float kMaxFloat = std::numeric_limits<float>::max();
// A place without a point.
constexpr uint32_t kNoRow = std::numeric_limits<uint32_t>::max();
// Sums of 32 squares in fp32 are within 33 roundings, 2e-6; squares that
// underflow lose less than 32 times the smallest normal number.
constexpr float kBelow = 1 - 1e-5f;
constexpr double kAbove = 1 + 1e-4;
constexpr float kUnderflow = 32 * std::numeric_limits<float>::min();

}  // namespace

absl::StatusOr<std::unique_ptr<KdTreeIndex>> KdTreeIndex::Create(
    const PointsView& points, SimdLevel level, ThreadPool& pool) {
  KMYRIAD_RETURN_IF_ERROR(ValidatePoints(points));
  return std::unique_ptr<KdTreeIndex>(new KdTreeIndex(points, level, pool));
}

KdTreeIndex::KdTreeIndex(const PointsView& points, SimdLevel level,
                         ThreadPool& pool)
    : kernels_(GetL2Kernels(level)),
      dims_(points.dims),
      ids_(points.ids.begin(), points.ids.end()),
      leaves_(static_cast<uint32_t>((ids_.size() + kLeafPoints - 1) /
                                    kLeafPoints)) {
  if (leaves_ > 0) Build(points, pool);
}

void KdTreeIndex::Build(const PointsView& points, ThreadPool& pool) {
  const size_t nodes = 2 * size_t{leaves_} - 1;
  boxes_.resize(nodes * 2 * dims_);
  min_rows_.assign(nodes, kNoRow);
  blocks_.assign(size_t{leaves_} * kLeafPoints * dims_,
                 std::numeric_limits<float>::infinity());
  rows_.assign(size_t{leaves_} * kLeafPoints, kNoRow);
  places_.resize(ids_.size());
  std::vector<uint32_t> order(ids_.size());
  std::iota(order.begin(), order.end(), 0u);
  BuildTree(leaves_, pool,
            [&](const TreeRange& range) { Split(range, points, order); });
}

void KdTreeIndex::Split(const TreeRange& range, const PointsView& points,
                        std::vector<uint32_t>& order) {
  const size_t first = range.first * kLeafPoints;
  const size_t last = std::min(ids_.size(), range.last * kLeafPoints);
  float* low = &boxes_[size_t{range.node} * 2 * dims_];
  float* high = low + dims_;
  std::fill(low, high, kMaxFloat);
  std::fill(high, high + dims_, -kMaxFloat);
  for (size_t i = first; i < last; ++i) {
    const float* point = &points.coordinates[size_t{order[i]} * dims_];
    for (size_t j = 0; j < dims_; ++j) {
      low[j] = std::min(low[j], point[j]);
      high[j] = std::max(high[j], point[j]);
    }
    min_rows_[range.node] = std::min(min_rows_[range.node], order[i]);
  }
  if (range.is_leaf()) {
    LayOut(range.first, points, order);
    return;
  }
  size_t widest = 0;
  for (size_t j = 1; j < dims_; ++j) {
    if (high[j] - low[j] > high[widest] - low[widest]) widest = j;
  }
  const float* side = points.coordinates.data() + widest;
  const auto begin = order.begin();
  std::nth_element(
      begin + static_cast<std::ptrdiff_t>(first),
      begin + static_cast<std::ptrdiff_t>(range.middle() * kLeafPoints),
      begin + static_cast<std::ptrdiff_t>(last),
      [side, dims = size_t{dims_}](uint32_t a, uint32_t b) {
        const float x = side[a * dims];
        const float y = side[b * dims];
        return x != y ? x < y : a < b;
      });
}

void KdTreeIndex::LayOut(uint32_t leaf, const PointsView& points,
                         const std::vector<uint32_t>& order) {
  const size_t first = leaf * kLeafPoints;
  const size_t last = std::min(ids_.size(), first + kLeafPoints);
  for (size_t place = first; place < last; ++place) {
    rows_[place] = order[place];
    places_[order[place]] = static_cast<uint32_t>(place);
    const float* point = &points.coordinates[size_t{order[place]} * dims_];
    for (size_t j = 0; j < dims_; ++j) {
      blocks_[(place / kBlockPoints * dims_ + j) * kBlockPoints +
              place % kBlockPoints] = point[j];
    }
  }
}

KdTreeIndex::Query KdTreeIndex::QueryAt(size_t place, bool kth_only) const {
  Query query;
  query.row = rows_[place];
  query.kth_only = kth_only;
  for (size_t j = 0; j < dims_; ++j) {
    query.point[j] = blocks_[(place / kBlockPoints * dims_ + j) * kBlockPoints +
                             place % kBlockPoints];
  }
  return query;
}

uint64_t KdTreeIndex::FirstKey(const TreeRange& range,
                               const Query& query) const {
  const float* low = &boxes_[size_t{range.node} * 2 * dims_];
  const float* high = low + dims_;
  float sum = 0;
  for (size_t j = 0; j < dims_; ++j) {
    const float gap =
        std::max({low[j] - query.point[j], query.point[j] - high[j], 0.0f});
    sum += gap * gap;
  }
  return NeighborKey(std::max(sum * kBelow - kUnderflow, 0.0f),
                     query.kth_only ? kNoRow : min_rows_[range.node]);
}

void KdTreeIndex::VisitLeaf(uint32_t leaf, const Query& query,
                            TopK& nearest) const {
  uint64_t hits[kLeafPoints];
  const size_t first = leaf * kLeafBlocks;
  // A finite threshold leaves out the places without a point.
  const size_t count = kernels_.filter_blocks(
      blocks_.data(), first, first + kLeafBlocks, dims_, query.point,
      std::min(nearest.threshold(), kMaxFloat), hits);
  for (size_t i = 0; i < count; ++i) {
    const uint32_t row = rows_[KeyRow(hits[i])];
    if (row == query.row) continue;
    nearest.Offer(NeighborKey(KeyDistance(hits[i]), row));
  }
}

void KdTreeIndex::Visit(const Query& query, TopK& nearest) const {
  VisitNearest(
      TreeRange{0, 0, leaves_},
      [&](const TreeRange& range) { return FirstKey(range, query); },
      [&](uint32_t leaf) { VisitLeaf(leaf, query, nearest); }, nearest);
}

void KdTreeIndex::SolveLeaf(uint32_t leaf, uint32_t k, TopK& nearest,
                            absl::Span<float> out) const {
  const size_t first = leaf * kLeafPoints;
  const size_t last = std::min(ids_.size(), first + kLeafPoints);
  Query before;
  double reach = 0;
  for (size_t place = first; place < last; ++place) {
    const Query query = QueryAt(place, true);
    nearest.Reset(k);
    if (place > first) {
      // Within `reach` of the last query were k points and itself, so k
      // without this one.
      double step = 0;
      for (size_t j = 0; j < dims_; ++j) {
        const double side = double{query.point[j]} - double{before.point[j]};
        step += side * side;
      }
      const double bound = reach + std::sqrt(step);
      nearest.Limit(static_cast<float>(std::min<double>(
          bound * bound * kAbove + double{kUnderflow}, kMaxFloat)));
    }
    Visit(query, nearest);
    const float squared = KeyDistance(nearest.Kth());
    out[query.row] = squared;
    // What underflowed to zero was closer than this.
    reach = std::sqrt(double{squared} * kAbove + double{kUnderflow});
    before = query;
  }
}

absl::Status KdTreeIndex::KthSquaredDistances(uint32_t k,
                                              const SearchContext& context,
                                              absl::Span<float> out) const {
  KMYRIAD_RETURN_IF_ERROR(ValidateKthRequest(size(), k, out.size()));
  const size_t tasks = (leaves_ + kTaskLeaves - 1) / kTaskLeaves;
  return context.ParallelFor(tasks, [&](size_t task) {
    TopK nearest;
    const auto begin = static_cast<uint32_t>(task) * kTaskLeaves;
    const uint32_t end = std::min(leaves_, begin + kTaskLeaves);
    for (uint32_t leaf = begin; leaf < end; ++leaf) {
      SolveLeaf(leaf, k, nearest, out);
    }
  });
}

absl::Status KdTreeIndex::Search(absl::Span<const uint32_t> rows, uint32_t k,
                                 const SearchContext& context,
                                 absl::Span<Neighbor> out) const {
  KMYRIAD_RETURN_IF_ERROR(ValidateSearchRequest(size(), rows, k, out.size()));
  const size_t tasks = (rows.size() + kTaskRows - 1) / kTaskRows;
  return context.ParallelFor(tasks, [&](size_t task) {
    TopK nearest;
    const size_t end = std::min(rows.size(), (task + 1) * kTaskRows);
    for (size_t i = task * kTaskRows; i < end; ++i) {
      const Query query = QueryAt(places_[rows[i]], false);
      nearest.Reset(k);
      Visit(query, nearest);
      WriteNeighbors(nearest, ids_, &out[i * k]);
    }
  });
}

}  // namespace kmyriad
