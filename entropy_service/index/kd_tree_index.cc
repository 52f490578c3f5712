#include "entropy_service/index/kd_tree_index.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <vector>

#include "common/base/status_macros.h"
#include "entropy_service/index/neighbor_collector.h"
#include "entropy_service/index/order_statistic.h"
#include "entropy_service/index/top_k.h"

namespace kmyriad {
namespace {

// Leaves and rows per task: short enough to balance threads, long enough that
// working memory is reused.
constexpr uint32_t kTaskLeaves = 8;
constexpr size_t kTaskRows = 256;
constexpr float kMaxFloat = std::numeric_limits<float>::max();
// Sums of 32 squares in fp32 are within 33 roundings, 2e-6; squares that
// underflow lose less than 32 times the smallest normal number.
constexpr double kAbove = 1 + 1e-4;
constexpr double kUnderflow = 32 * double{std::numeric_limits<float>::min()};

// The largest number below a distance; below zero none is.
float Below(float distance) {
  return distance == 0
             ? -1.0f
             : std::bit_cast<float>(std::bit_cast<uint32_t>(distance) - 1);
}

// Distances of points in a space with periods are off by a few roundings of
// the period, not of the distance.
double SlackOf(const L2Space& space) {
  double slack = 0;
  for (uint32_t j = 0; space.periods != nullptr && j < space.dims; ++j) {
    if (std::isinf(space.periods[j])) continue;
    slack += 4 * double{space.periods[j]} *
             double{std::numeric_limits<float>::epsilon()};
  }
  return slack;
}

}  // namespace

struct KdTreeIndex::Query {
  float point[kMaxIndexDims];
  size_t place = 0;
  // Rows that are no neighbours; only_self: just its own.
  RowRange excluded;
  bool only_self = true;

  bool Excludes(uint32_t row) const {
    return row >= excluded.first && row < excluded.last;
  }
};

// Working memory of one task, and what it knows from the last query.
struct KdTreeIndex::Scratch {
  explicit Scratch(size_t k)
      : distances(Capacity(k + 1)), rows(Capacity(k + 1)) {}
  // Hits of one leaf on top of those kept, and what a kernel may write behind.
  static size_t Capacity(size_t k) {
    return (2 * k + 4 * WideTree::kLeafPoints + 15) / 16 * 16 + 32;
  }

  std::vector<float> distances;
  std::vector<uint32_t> rows;
  std::vector<float> few;
  std::vector<uint64_t> keys;
  bool has_last = false;
  Query last;
  float last_kth = 0;
  // Work done; see Probe.
  uint64_t leaves = 0;
  uint64_t nodes = 0;
};

// Keeps the k smallest distances met, unordered, and a few more on the way.
class KdTreeIndex::KthVisitor {
 public:
  KthVisitor(const KdTreeIndex& index, const Query& query, uint32_t k,
             float bound, Scratch& scratch)
      : index_(index),
        query_(query),
        // With itself among the hits, at distance zero, it is one more.
        k_(query.only_self ? k + 1 : k),
        limit_(std::min(bound, kMaxFloat)),
        scratch_(scratch) {
    hits_.distances = scratch.distances.data();
    hits_.rows = scratch.rows.data();
  }

  float limit() const { return limit_; }
  void CountNode() { ++scratch_.nodes; }

  void VisitLeaf(uint32_t leaf) {
    ++scratch_.leaves;
    const size_t before = hits_.count;
    const uint32_t blocks[] = {leaf * 2, leaf * 2 + 1};
    static_assert(WideTree::kLeafBlocks == 2);
    if (query_.only_self) {
      hits_.count += index_.kernels_.distances_within(
          index_.space_, index_.tree_->blocks(), blocks, 2, query_.point,
          limit_, hits_.distances + before);
    } else {
      index_.kernels_.filter_blocks(index_.space_, index_.tree_->blocks(),
                                    blocks, 2, query_.point, limit_, hits_);
      RemoveExcluded(before);
    }
    // The first selection as early as may be, later ones less often.
    if (hits_.count >= (selected_ ? k_ + k_ / 2 + 8 : k_)) Select();
  }

  float Kth() {
    if (hits_.count > k_ || !selected_) Select();
    return kth_;
  }

 private:
  void RemoveExcluded(size_t first) {
    size_t kept = first;
    for (size_t i = first; i < hits_.count; ++i) {
      if (query_.Excludes(index_.tree_->rows()[hits_.rows[i]])) continue;
      hits_.distances[kept++] = hits_.distances[i];
    }
    hits_.count = kept;
  }

  // Finds the k-th smallest so far; from then on only smaller ones count.
  void Select() {
    const size_t padded = (hits_.count + 15) / 16 * 16;
    std::fill(hits_.distances + hits_.count, hits_.distances + padded,
              std::numeric_limits<float>::infinity());
    const float guess =
        limit_ < kMaxFloat ? limit_ * 0.75f : hits_.distances[hits_.count / 2];
    kth_ = SmallestOfRank(index_.kernels_, hits_.distances, padded, k_, guess,
                          scratch_.few);
    selected_ = true;
    limit_ = Below(kth_);
    const size_t smaller = index_.kernels_.collect_between(
        hits_.distances, padded, -1.0f, limit_, hits_.distances);
    std::fill(hits_.distances + smaller, hits_.distances + k_, kth_);
    hits_.count = k_;
  }

  const KdTreeIndex& index_;
  const Query& query_;
  const uint32_t k_;
  float limit_;
  Scratch& scratch_;
  HitList hits_;
  bool selected_ = false;
  float kth_ = 0;
};

// Lists the keys of all neighbours that are no farther than a given distance.
class KdTreeIndex::WithinVisitor {
 public:
  WithinVisitor(const KdTreeIndex& index, const Query& query, float limit,
                std::vector<uint64_t>& keys)
      : index_(index), query_(query), limit_(limit), keys_(keys) {
    keys_.clear();
  }

  float limit() const { return limit_; }
  void CountNode() {}

  void VisitLeaf(uint32_t leaf) {
    float distances[WideTree::kLeafPoints + kBlockPoints];
    uint32_t places[WideTree::kLeafPoints + kBlockPoints];
    HitList hits{distances, places, 0};
    const uint32_t blocks[] = {leaf * 2, leaf * 2 + 1};
    static_assert(WideTree::kLeafBlocks == 2);
    index_.kernels_.filter_blocks(index_.space_, index_.tree_->blocks(), blocks,
                                  2, query_.point, limit_, hits);
    for (size_t i = 0; i < hits.count; ++i) {
      const uint32_t row = index_.tree_->rows()[places[i]];
      if (query_.Excludes(row)) continue;
      keys_.push_back(NeighborKey(distances[i], row));
    }
  }

 private:
  const KdTreeIndex& index_;
  const Query& query_;
  const float limit_;
  std::vector<uint64_t>& keys_;
};

absl::StatusOr<std::unique_ptr<KdTreeIndex>> KdTreeIndex::Create(
    const PointsView& points, SimdLevel level, ThreadPool& pool) {
  KMYRIAD_RETURN_IF_ERROR(ValidatePoints(points));
  return std::unique_ptr<KdTreeIndex>(new KdTreeIndex(points, level, pool));
}

KdTreeIndex::KdTreeIndex(const PointsView& points, SimdLevel level,
                         ThreadPool& pool)
    : KnnIndex(points),
      level_(level),
      kernels_(GetL2Kernels(level)),
      space_{points.dims, periods()},
      slack_(SlackOf(space_)),
      tree_(points.ids.empty() ? nullptr
                               : std::make_unique<WideTree>(points, pool)) {}

std::unique_ptr<KnnIndex> KdTreeIndex::Like(const PointsView& points,
                                            ThreadPool& pool) const {
  return std::unique_ptr<KnnIndex>(new KdTreeIndex(points, level_, pool));
}

void KdTreeIndex::CopyPoint(uint32_t row, float* out) const {
  tree_->PointAt(tree_->PlaceOf(row), out);
}

KdTreeIndex::Query KdTreeIndex::QueryAt(size_t place,
                                        const Exclusion& exclusion) const {
  Query query;
  query.place = place;
  query.excluded = exclusion.Of(tree_->rows()[place]);
  query.only_self = exclusion.only_self();
  tree_->PointAt(place, query.point);
  return query;
}

template <typename Visitor>
void KdTreeIndex::VisitNode(uint32_t node_number, uint32_t except,
                            const Query& query, Visitor& visitor) const {
  const WideTree::Node& node = tree_->node(node_number);
  visitor.CountNode();
  float distances[WideTree::kWidth];
  uint32_t mask =
      kernels_.box_distances(space_, tree_->boxes(node_number), query.point,
                             visitor.limit(), distances);
  mask &= ~(uint32_t{1} << except);
  // Near ones first: sorted by insertion, as there are few.
  uint64_t order[WideTree::kWidth];
  size_t count = 0;
  for (; mask != 0; mask &= mask - 1) {
    const auto child = static_cast<uint32_t>(std::countr_zero(mask));
    if (!query.only_self && node.min_row[child] >= query.excluded.first &&
        node.max_row[child] < query.excluded.last) {
      continue;
    }
    const uint64_t key = NeighborKey(distances[child], child);
    size_t place = count++;
    for (; place > 0 && order[place - 1] > key; --place) {
      order[place] = order[place - 1];
    }
    order[place] = key;
  }
  for (size_t i = 0; i < count; ++i) {
    const uint32_t child = KeyRow(order[i]);
    if (KeyDistance(order[i]) > visitor.limit()) return;
    if (node.holds_leaves) {
      visitor.VisitLeaf(node.children[child]);
    } else {
      VisitNode(node.children[child], WideTree::kWidth, query, visitor);
    }
  }
}

template <typename Visitor>
void KdTreeIndex::Walk(const Query& query, Visitor& visitor) const {
  const auto leaf = static_cast<uint32_t>(query.place / WideTree::kLeafPoints);
  visitor.VisitLeaf(leaf);
  uint32_t node = tree_->parent_of_leaf(leaf);
  uint32_t from = tree_->slot_of_leaf(leaf);
  while (node != WideTree::kNone) {
    VisitNode(node, from, query, visitor);
    from = tree_->node(node).slot;
    node = tree_->node(node).parent;
  }
}

float KdTreeIndex::BoundFromLast(const Query& query,
                                 const Scratch& scratch) const {
  if (!scratch.has_last || !query.only_self) return kMaxFloat;
  // Within the k-th distance of the last query were k points and itself, so
  // k without this one. What underflowed to zero was closer than kUnderflow.
  double step = 0;
  for (size_t j = 0; j < dims(); ++j) {
    const double side = double{query.point[j]} - double{scratch.last.point[j]};
    step += side * side;
  }
  const double bound =
      std::sqrt(double{scratch.last_kth} * kAbove + kUnderflow) +
      std::sqrt(step) + slack_;
  return static_cast<float>(
      std::min<double>(bound * bound * kAbove + kUnderflow, kMaxFloat));
}

float KdTreeIndex::Kth(const Query& query, uint32_t k, float bound,
                       Scratch& scratch) const {
  KthVisitor visitor(*this, query, k, bound, scratch);
  Walk(query, visitor);
  scratch.has_last = true;
  scratch.last = query;
  scratch.last_kth = visitor.Kth();
  return scratch.last_kth;
}

KdTreeIndex::Work KdTreeIndex::Probe(uint32_t k, size_t queries) const {
  Scratch scratch(k);
  const Exclusion exclusion(*this, k);
  for (size_t i = 0; i < queries; ++i) {
    const Query query = QueryAt(i * size() / queries, exclusion);
    Kth(query, k, kMaxFloat, scratch);
  }
  const auto count = static_cast<double>(queries);
  return {static_cast<double>(scratch.leaves) / count,
          static_cast<double>(scratch.nodes) / count};
}

absl::Status KdTreeIndex::FindKth(RowRange rows, uint32_t k,
                                  const Exclusion& exclusion,
                                  const SearchContext& context,
                                  absl::Span<float> out) const {
  const size_t tasks = (tree_->leaves() + kTaskLeaves - 1) / kTaskLeaves;
  return context.ParallelFor(tasks, [&](size_t task) {
    Scratch scratch(k);
    const size_t first = task * kTaskLeaves * WideTree::kLeafPoints;
    const size_t last =
        std::min(size(), first + kTaskLeaves * WideTree::kLeafPoints);
    for (size_t place = first; place < last; ++place) {
      const uint32_t row = tree_->rows()[place];
      if (row < rows.first || row >= rows.last) continue;
      const Query query = QueryAt(place, exclusion);
      out[row - rows.first] =
          Kth(query, k, BoundFromLast(query, scratch), scratch);
    }
  });
}

void KdTreeIndex::Collect(const Query& query, size_t index, uint32_t count,
                          Scratch& scratch,
                          NeighborCollector& collector) const {
  const float kth = Kth(query, count, BoundFromLast(query, scratch), scratch);
  const size_t others = size() - query.excluded.size();
  // As far as the later ones are to be expected if the density stays the same.
  double limit = double{kth} * std::pow(1 + collector.later_expected() / count,
                                        2.0 / static_cast<double>(dims()));
  for (;;) {
    WithinVisitor visitor(
        *this, query, static_cast<float>(std::min<double>(limit, kMaxFloat)),
        scratch.keys);
    Walk(query, visitor);
    const absl::Span<uint64_t> keys = absl::MakeSpan(scratch.keys);
    std::nth_element(keys.begin(), keys.begin() + (count - 1), keys.end());
    if (collector.Take(index, keys, keys.size() == others)) return;
    const size_t more = std::min(2 * keys.size(), others);
    Scratch wide(more);
    limit = Kth(query, static_cast<uint32_t>(more), kMaxFloat, wide);
  }
}

absl::Status KdTreeIndex::FindWithin(
    absl::Span<const uint32_t> rows, uint32_t count, const Exclusion& exclusion,
    const SearchContext& context,
    const CollectorFactory& make_collector) const {
  const std::vector<uint64_t> order = ByPlace(*tree_, rows);
  const size_t tasks = (order.size() + kTaskRows - 1) / kTaskRows;
  return context.ParallelFor(tasks, [&](size_t task) {
    Scratch scratch(count);
    const std::unique_ptr<NeighborCollector> collector = make_collector();
    const size_t end = std::min(order.size(), (task + 1) * kTaskRows);
    for (size_t i = task * kTaskRows; i < end; ++i) {
      Collect(QueryAt(order[i] >> 32, exclusion),
              static_cast<uint32_t>(order[i]), count, scratch, *collector);
    }
    collector->Finish();
  });
}

absl::Status KdTreeIndex::FindNearest(absl::Span<const uint32_t> rows,
                                      uint32_t k, const Exclusion& exclusion,
                                      const SearchContext& context,
                                      absl::Span<Neighbor> out) const {
  return SortNearest(rows, k, exclusion, context, out);
}

}  // namespace kmyriad
