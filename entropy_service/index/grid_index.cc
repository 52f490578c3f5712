#include "entropy_service/index/grid_index.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <memory>
#include <numeric>

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "entropy_service/index/neighbor_collector.h"
#include "entropy_service/index/order_statistic.h"

namespace kmyriad {
namespace {

// Cells and rows per task: short enough to balance threads, long enough that
// working memory is reused.
constexpr uint32_t kTaskCells = 32;
constexpr size_t kTaskRows = 256;
// Relative slack on distances from sums in fp32: their error is below 1e-6.
constexpr double kSlack = 1 + 1e-5;
// Distances below this may underflow to zero when squared in fp32.
constexpr double kUnderflow = 1e-20;
constexpr float kFar = std::numeric_limits<float>::infinity();
constexpr float kMaxFloat = std::numeric_limits<float>::max();
// Cells of a subtree that share one descent, and how much farther than the
// first of them needs it reaches.
constexpr uint32_t kGroupCells = 16;
constexpr double kGroupReach = 1.25;
// A radius that grows by more from one cell to the next is looked at again.
constexpr double kNearLast = 1.25;

// What sums in fp32 may be off by absolutely: distances across a period are
// off by a few roundings of the period.
double SlackOf(const L2Space& space) {
  double slack = kUnderflow;
  for (uint32_t j = 0; space.periods != nullptr && j < space.dims; ++j) {
    if (std::isinf(space.periods[j])) continue;
    slack += 4 * double{space.periods[j]} *
             double{std::numeric_limits<float>::epsilon()};
  }
  return slack;
}

double Distance(const float a[3], const float b[3]) {
  double sum = 0;
  for (int j = 0; j < 3; ++j) {
    const double difference = double{a[j]} - double{b[j]};
    sum += difference * difference;
  }
  return std::sqrt(sum);
}

double FarthestDistance(const CellBox& box, const float point[3]) {
  double sum = 0;
  for (int j = 0; j < 3; ++j) {
    const double side = std::max(double{point[j]} - double{box.low[j]},
                                 double{box.high[j]} - double{point[j]});
    sum += side * side;
  }
  return std::sqrt(sum);
}

}  // namespace

// Cells, and their boxes by sixteens, [2, dims, 16] each.
struct GridIndex::CellList {
  std::vector<uint32_t> cells;
  std::vector<float> boxes;
};

// Working memory of one task, and what it knows from the last cell.
struct GridIndex::Scratch {
  // Candidates of a cell, and of a group of cells: all within group_reach of
  // its box.
  CellList near;
  CellList wide;
  uint32_t group = std::numeric_limits<uint32_t>::max();
  double group_reach = -1;
  // Squared distance from any point of the cell within which they are all.
  float within = 0;
  // Those of the cells near that one query needs.
  std::vector<uint32_t> cells;
  std::vector<float> distances;
  std::vector<float> few;
  // Of the points within reach of a collector's query.
  std::vector<uint32_t> places;
  std::vector<uint64_t> keys;
  TopK nearest;
  // Squared k-th distance of the last one.
  float last_kth = 0;
  // Within last_radius of last_center there are more than k points; its
  // square, without slack.
  bool has_last = false;
  float last_center[3] = {0, 0, 0};
  double last_radius = 0;
  float last_square = 0;
};

absl::StatusOr<std::unique_ptr<GridIndex>> GridIndex::Create(
    const PointsView& points, SimdLevel level, ThreadPool& pool) {
  if (points.dims > kMaxDims) {
    return absl::InvalidArgumentError(
        absl::StrCat("dims = ", points.dims, ": the grid takes at most ",
                     kMaxDims, "; use brute_force"));
  }
  KMYRIAD_RETURN_IF_ERROR(ValidatePoints(points));
  return std::unique_ptr<GridIndex>(new GridIndex(points, level, pool));
}

GridIndex::GridIndex(const PointsView& points, SimdLevel level,
                     ThreadPool& pool)
    : KnnIndex(points),
      level_(level),
      kernels_(GetL2Kernels(level)),
      space_{points.dims, periods()},
      slack_(SlackOf(space_)),
      tree_(points.ids.empty() ? nullptr
                               : std::make_unique<CellTree>(points, pool)) {}

std::unique_ptr<KnnIndex> GridIndex::Like(const PointsView& points,
                                          ThreadPool& pool) const {
  return std::unique_ptr<KnnIndex>(new GridIndex(points, level_, pool));
}

void GridIndex::CopyPoint(uint32_t row, float* out) const {
  float point[kMaxDims];
  const uint32_t place = tree_->PlaceOf(row);
  tree_->PointAt(place / kBlockPoints, place % kBlockPoints, point);
  std::copy_n(point, dims(), out);
}

double GridIndex::BoundAround(uint32_t cell, const float center[3],
                              uint32_t k) const {
  CellTree::Range range = tree_->root();
  while (!range.is_leaf()) {
    const CellTree::Range child =
        cell < range.middle() ? range.left() : range.right();
    if (tree_->PointsBelow(child) <= k) break;
    range = child;
  }
  return FarthestDistance(tree_->box(range.node), center);
}

bool GridIndex::ListCandidates(uint32_t cell, uint32_t k,
                               Scratch& scratch) const {
  // With more candidates than this the tree is the better way.
  const size_t limit = 512 + k;
  const CellBox& box = tree_->cell_box(cell);
  CellBox center;
  for (int j = 0; j < 3; ++j) {
    center.low[j] = center.high[j] = 0.5f * box.low[j] + 0.5f * box.high[j];
  }
  // A bound from the last cell's candidates, or, where they are far away, from
  // its radius or the tree.
  float square = 0;
  double radius = std::numeric_limits<double>::infinity();
  if (scratch.has_last &&
      RankAmong(center.low, k + 1, scratch.last_square, scratch, square)) {
    radius = std::sqrt(double{square}) * kSlack + slack_;
  }
  if (!(radius <= kNearLast * scratch.last_radius)) {
    double bound = std::min(radius, BoundAround(cell, center.low, k));
    if (scratch.has_last) {
      bound = std::min(bound, scratch.last_radius +
                                  Distance(center.low, scratch.last_center));
    }
    if (!ListCells(center, bound * kSlack + slack_, limit, scratch.near) ||
        !RankAmong(center.low, k + 1, static_cast<float>(0.25 * bound * bound),
                   scratch, square)) {
      scratch.has_last = false;
      return false;
    }
    radius = std::sqrt(double{square}) * kSlack + slack_;
  }
  scratch.has_last = true;
  std::copy_n(center.low, 3, scratch.last_center);
  scratch.last_radius = radius;
  scratch.last_square = square;
  return ListAround(cell, center.low, radius, limit, scratch);
}

bool GridIndex::SolveCell(uint32_t cell, RowRange rows, uint32_t k,
                          Scratch& scratch, absl::Span<float> out) const {
  if (!ListCandidates(cell, k, scratch)) return false;
  const size_t first = size_t{cell} * kBlockPoints;
  const size_t points = tree_->PointsBelow({0, cell, cell + 1});
  float square = scratch.last_square;
  for (uint32_t lane = 0; lane < points; ++lane) {
    const uint32_t row = tree_->rows()[first + lane];
    if (row < rows.first || row >= rows.last) continue;
    float point[3];
    tree_->PointAt(cell, lane, point);
    // Rank k + 1: a point is among its own candidates, at distance zero.
    if (!RankAmong(point, k + 1, square, scratch, square)) return false;
    out[row - rows.first] = square;
  }
  return true;
}

void GridIndex::CollectBoxes(CellList& list) const {
  const size_t groups = (list.cells.size() + kBlockPoints - 1) / kBlockPoints;
  const size_t corner = dims() * kBlockPoints;
  list.boxes.resize(groups * 2 * corner);
  for (size_t i = 0; i < groups * kBlockPoints; ++i) {
    float* low = &list.boxes[i / kBlockPoints * 2 * corner + i % kBlockPoints];
    for (size_t j = 0; j < dims(); ++j, low += kBlockPoints) {
      // Infinitely far away behind the last.
      const bool exists = i < list.cells.size();
      low[0] = exists ? tree_->cell_box(list.cells[i]).low[j] : kFar;
      low[corner] = exists ? tree_->cell_box(list.cells[i]).high[j] : -kFar;
    }
  }
}

bool GridIndex::ListCells(const CellBox& target, double radius, size_t limit,
                          CellList& list) const {
  const bool complete =
      tree_->CellsNear(space_, target, radius, limit, list.cells);
  CollectBoxes(list);
  return complete;
}

bool GridIndex::ListAround(uint32_t cell, const float center[3], double radius,
                           size_t limit, Scratch& scratch) const {
  const CellBox& box = tree_->cell_box(cell);
  const double half = FarthestDistance(box, center);
  const double reach = (radius + half) * kSlack + slack_;
  scratch.within = static_cast<float>(
      std::min<double>((radius + half) * (radius + half), kMaxFloat));
  CellTree::Range group = tree_->root();
  while (group.last - group.first > kGroupCells) {
    group = cell < group.middle() ? group.left() : group.right();
  }
  if (scratch.group != group.node || reach > scratch.group_reach) {
    scratch.group = group.node;
    scratch.group_reach = kGroupReach * reach;
    // Nothing is within a reach below zero.
    if (!ListCells(tree_->box(group.node), scratch.group_reach, limit,
                   scratch.wide)) {
      scratch.group_reach = -1;
    }
  }
  if (reach > scratch.group_reach) {
    return ListCells(box, reach, limit, scratch.near);
  }
  // What is within reach of the box is within `half` more of its centre.
  const double sum = (reach + half) * kSlack + slack_;
  NearCells(scratch.wide, center,
            static_cast<float>(std::min<double>(sum * sum * kSlack, kMaxFloat)),
            scratch.near.cells);
  CollectBoxes(scratch.near);
  return true;
}

void GridIndex::NearCells(const CellList& list, const float point[3],
                          float limit, std::vector<uint32_t>& near) const {
  near.resize(list.cells.size());
  size_t count = 0;
  for (size_t i = 0; i < list.cells.size(); i += kBlockPoints) {
    float gaps[kBlockPoints];
    uint32_t mask = kernels_.box_distances(space_, &list.boxes[i * 2 * dims()],
                                           point, limit, gaps);
    for (; mask != 0; mask &= mask - 1) {
      near[count++] =
          list.cells[i + static_cast<size_t>(std::countr_zero(mask))];
    }
  }
  near.resize(count);
}

bool GridIndex::RankAmong(const float point[3], size_t rank, float guess,
                          Scratch& scratch, float& square) const {
  scratch.distances.resize((scratch.near.cells.size() + 1) * kBlockPoints);
  float* distances = scratch.distances.data();
  const float limits[] = {guess * 1.5f, guess * 4, kMaxFloat};
  for (const float wide : limits) {
    const float limit = std::min(wide, kMaxFloat);
    NearCells(scratch.near, point, limit, scratch.cells);
    const size_t hits = kernels_.distances_within(
        space_, tree_->blocks(), scratch.cells.data(), scratch.cells.size(),
        point, limit, distances);
    if (hits < rank) continue;
    const size_t padded =
        (hits + kBlockPoints - 1) / kBlockPoints * kBlockPoints;
    std::fill(distances + hits, distances + padded,
              std::numeric_limits<float>::infinity());
    square =
        SmallestOfRank(kernels_, distances, padded, rank, guess, scratch.few);
    return true;
  }
  return false;
}

GridIndex::Query GridIndex::QueryAt(uint32_t place, const Exclusion& exclusion,
                                    bool kth_only) const {
  Query query;
  tree_->PointAt(static_cast<uint32_t>(place / kBlockPoints),
                 static_cast<uint32_t>(place % kBlockPoints), query.point);
  query.excluded = exclusion.Of(tree_->rows()[place]);
  query.kth_only = kth_only;
  return query;
}

void GridIndex::VisitCell(uint32_t cell, const Query& query,
                          TopK& nearest) const {
  float distances[kBlockPoints];
  kernels_.distances(space_, tree_->blocks(), &cell, 1, query.point, distances);
  const uint32_t* rows = tree_->rows() + size_t{cell} * kBlockPoints;
  for (size_t lane = 0; lane < kBlockPoints; ++lane) {
    if (rows[lane] == CellTree::kNoRow || query.Excludes(rows[lane])) continue;
    nearest.Offer(NeighborKey(distances[lane], rows[lane]));
  }
}

void GridIndex::Visit(const Query& query, TopK& nearest) const {
  VisitNearest(
      tree_->root(),
      [&](const CellTree::Range& range) {
        // Nothing below is a neighbour: last of all keys.
        if (tree_->min_row(range.node) >= query.excluded.first &&
            tree_->max_row(range.node) < query.excluded.last) {
          return std::numeric_limits<uint64_t>::max();
        }
        return NeighborKey(
            SquaredDistanceBelow(space_, tree_->box(range.node), query.point),
            query.kth_only ? CellTree::kNoRow : tree_->min_row(range.node));
      },
      [&](uint32_t cell) { VisitCell(cell, query, nearest); }, nearest);
}

absl::Status GridIndex::FindKth(RowRange rows, uint32_t k,
                                const Exclusion& exclusion,
                                const SearchContext& context,
                                absl::Span<float> out) const {
  if (!exclusion.only_self()) {
    std::vector<uint32_t> all(rows.size());
    std::iota(all.begin(), all.end(), static_cast<uint32_t>(rows.first));
    return FindWithin(all, k, exclusion, context, [k, out] {
      return std::make_unique<KthCollector>(k, out);
    });
  }
  const size_t tasks = (tree_->cells() + kTaskCells - 1) / kTaskCells;
  return context.ParallelFor(tasks, [&](size_t task) {
    Scratch scratch;
    TopK nearest;
    const auto begin = static_cast<uint32_t>(task) * kTaskCells;
    const uint32_t end = std::min(tree_->cells(), begin + kTaskCells);
    for (uint32_t cell = begin; cell < end; ++cell) {
      if (SolveCell(cell, rows, k, scratch, out)) continue;
      const size_t points = tree_->PointsBelow({0, cell, cell + 1});
      for (uint32_t lane = 0; lane < points; ++lane) {
        const auto place = static_cast<uint32_t>(cell * kBlockPoints + lane);
        const uint32_t row = tree_->rows()[place];
        if (row < rows.first || row >= rows.last) continue;
        nearest.Reset(k);
        Visit(QueryAt(place, exclusion, true), nearest);
        out[row - rows.first] = KeyDistance(nearest.Kth());
      }
    }
  });
}

bool GridIndex::CollectAmong(const Query& query, size_t index, uint32_t count,
                             Scratch& scratch,
                             NeighborCollector& collector) const {
  scratch.distances.resize((scratch.near.cells.size() + 1) * kBlockPoints);
  scratch.places.resize(scratch.distances.size());
  // From one point to the next the k-th square varies by a part of 1 / sqrt(k).
  const auto later = static_cast<float>(collector.later_expected() / count);
  const float spread = 2.5f / std::sqrt(static_cast<float>(count));
  const float guess = std::max(scratch.last_square, scratch.last_kth);
  const float limits[] = {guess * (1 + spread + later), guess * (4 + 4 * later),
                          scratch.within};
  const size_t others = size() - query.excluded.size();
  float last = -1;
  for (const float wide : limits) {
    const float limit = std::min(wide, scratch.within);
    if (limit == last) break;
    last = limit;
    NearCells(scratch.near, query.point, limit, scratch.cells);
    HitList hits{scratch.distances.data(), scratch.places.data(), 0};
    kernels_.filter_blocks(space_, tree_->blocks(), scratch.cells.data(),
                           scratch.cells.size(), query.point, limit, hits);
    NameRows(query, hits);
    if (hits.count < count) continue;
    SplitAtKth(hits, count, scratch);
    const absl::Span<uint64_t> keys = absl::MakeSpan(scratch.keys);
    if (collector.Take(index, keys, keys.size() == others)) return true;
  }
  return false;
}

void GridIndex::NameRows(const Query& query, HitList& hits) const {
  size_t kept = 0;
  for (size_t i = 0; i < hits.count; ++i) {
    const uint32_t row = tree_->rows()[hits.rows[i]];
    hits.rows[kept] = row;
    hits.distances[kept] = hits.distances[i];
    kept += query.Excludes(row) ? 0 : 1;
  }
  hits.count = kept;
}

void GridIndex::SplitAtKth(const HitList& hits, uint32_t k,
                           Scratch& scratch) const {
  const size_t padded =
      (hits.count + kBlockPoints - 1) / kBlockPoints * kBlockPoints;
  std::fill(hits.distances + hits.count, hits.distances + padded,
            std::numeric_limits<float>::infinity());
  const float kth = SmallestOfRank(
      kernels_, hits.distances, padded, k,
      std::max(scratch.last_square, scratch.last_kth), scratch.few);
  scratch.last_kth = kth;
  scratch.keys.resize(hits.count);
  uint64_t* const keys = scratch.keys.data();
  // Smaller ones from the front, the others from the back; without a branch,
  // as which they are cannot be foretold.
  size_t front = 0;
  size_t back = hits.count;
  for (size_t i = 0; i < hits.count; ++i) {
    const size_t smaller = hits.distances[i] < kth ? 1 : 0;
    const uint64_t key = NeighborKey(hits.distances[i], hits.rows[i]);
    keys[front] = key;
    keys[back - 1] = key;
    front += smaller;
    back -= 1 - smaller;
  }
  // What is left of the k nearest is at the k-th distance: one, but for ties.
  if (front + 1 == k) {
    std::iter_swap(keys + front,
                   std::min_element(keys + front, keys + hits.count));
  } else {
    std::nth_element(keys + front, keys + k - 1, keys + hits.count);
  }
}

void GridIndex::CollectAround(const Query& query, size_t index, uint32_t count,
                              Scratch& scratch,
                              NeighborCollector& collector) const {
  const size_t others = size() - query.excluded.size();
  // More than it was shown before.
  size_t length = std::min(
      others, std::max(count + static_cast<size_t>(collector.later_expected()),
                       2 * scratch.keys.size()));
  for (;; length = std::min(others, 2 * length)) {
    scratch.nearest.Reset(length);
    Visit(query, scratch.nearest);
    const std::vector<uint64_t>& sorted = scratch.nearest.Sorted();
    scratch.keys.assign(sorted.begin(), sorted.end());
    if (collector.Take(index, absl::MakeSpan(scratch.keys), length == others)) {
      return;
    }
  }
}

absl::Status GridIndex::FindWithin(
    absl::Span<const uint32_t> rows, uint32_t count, const Exclusion& exclusion,
    const SearchContext& context,
    const CollectorFactory& make_collector) const {
  // Where more than itself is excluded, some of a point's candidates are, too.
  const auto candidates = static_cast<uint32_t>(std::min<size_t>(
      exclusion.only_self() ? count : 2 * size_t{count}, size() - 1));
  const std::vector<uint64_t> order = ByPlace(*tree_, rows);
  const size_t tasks = (order.size() + kTaskRows - 1) / kTaskRows;
  return context.ParallelFor(tasks, [&](size_t task) {
    Scratch scratch;
    const std::unique_ptr<NeighborCollector> collector = make_collector();
    uint32_t cell = CellTree::kNoRow;
    bool listed = false;
    const size_t end = std::min(order.size(), (task + 1) * kTaskRows);
    for (size_t i = task * kTaskRows; i < end; ++i) {
      const auto place = static_cast<uint32_t>(order[i] >> 32);
      const auto index = static_cast<uint32_t>(order[i]);
      if (cell != place / kBlockPoints) {
        cell = static_cast<uint32_t>(place / kBlockPoints);
        listed = ListCandidates(cell, candidates, scratch);
      }
      const Query query = QueryAt(place, exclusion, /*kth_only=*/false);
      scratch.keys.clear();
      if (listed && CollectAmong(query, index, count, scratch, *collector)) {
        continue;
      }
      CollectAround(query, index, count, scratch, *collector);
    }
    collector->Finish();
  });
}

absl::Status GridIndex::FindNearest(absl::Span<const uint32_t> rows, uint32_t k,
                                    const Exclusion& exclusion,
                                    const SearchContext& context,
                                    absl::Span<Neighbor> out) const {
  return SortNearest(rows, k, exclusion, context, out);
}

}  // namespace kmyriad
