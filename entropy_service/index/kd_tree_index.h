#ifndef KMYRIAD_ENTROPY_SERVICE_INDEX_KD_TREE_INDEX_H_
#define KMYRIAD_ENTROPY_SERVICE_INDEX_KD_TREE_INDEX_H_

#include <memory>

#include "absl/status/statusor.h"
#include "common/base/simd_level.h"
#include "entropy_service/index/knn_index.h"
#include "entropy_service/index/l2_distance.h"
#include "entropy_service/index/wide_tree.h"

namespace kmyriad {

// k-d tree (wide_tree.h) for any dimension; prunes well where the data's own
// dimension is below about ten.
//
// A query starts in its own leaf and goes up, so that what is near is seen
// first and the rest is pruned by it. k-th distances are found leaf by leaf:
// the answer of one query bounds that of the next (triangle inequality), and
// both read the same leaves. Lists are made in a second walk, which knows the
// k-th distance and meets little else than the neighbours.
class KdTreeIndex final : public KnnIndex {
 public:
  // Copies the points. Errors of ValidatePoints.
  static absl::StatusOr<std::unique_ptr<KdTreeIndex>> Create(
      const PointsView& points, SimdLevel level, ThreadPool& pool);

  absl::string_view name() const override { return "kd_tree"; }

  // What a k-th distance costs on average: leaves measured and nodes tested.
  // Asks `queries` points, evenly spread over the leaves; fixed by the data.
  // k < size().
  struct Work {
    double leaves = 0;
    double nodes = 0;
  };
  Work Probe(uint32_t k, size_t queries) const;

 private:
  struct Query;
  struct Scratch;
  class KthVisitor;
  class WithinVisitor;

  KdTreeIndex(const PointsView& points, SimdLevel level, ThreadPool& pool);

  absl::Status FindKth(RowRange rows, uint32_t k, const Exclusion& exclusion,
                       const SearchContext& context,
                       absl::Span<float> out) const override;
  absl::Status FindNearest(absl::Span<const uint32_t> rows, uint32_t k,
                           const Exclusion& exclusion,
                           const SearchContext& context,
                           absl::Span<Neighbor> out) const override;
  absl::Status FindWithin(
      absl::Span<const uint32_t> rows, uint32_t count,
      const Exclusion& exclusion, const SearchContext& context,
      const CollectorFactory& make_collector) const override;
  void CopyPoint(uint32_t row, float* out) const override;
  std::unique_ptr<KnnIndex> Like(const PointsView& points,
                                 ThreadPool& pool) const override;

  Query QueryAt(size_t place, const Exclusion& exclusion) const;
  // Shows `visitor` the leaves that it wants, the near ones first.
  template <typename Visitor>
  void Walk(const Query& query, Visitor& visitor) const;
  // Those below a node, without its child `except`.
  template <typename Visitor>
  void VisitNode(uint32_t node, uint32_t except, const Query& query,
                 Visitor& visitor) const;
  // Squared distance of the k-th neighbour, which `bound` does not exceed.
  float Kth(const Query& query, uint32_t k, float bound,
            Scratch& scratch) const;
  // Shows the collector what is near a query, until it has enough.
  void Collect(const Query& query, size_t index, uint32_t count,
               Scratch& scratch, NeighborCollector& collector) const;
  // Upper bound of that of `query`, from the last query of the scratch.
  float BoundFromLast(const Query& query, const Scratch& scratch) const;

  const SimdLevel level_;
  const L2Kernels& kernels_;
  const L2Space space_;
  // Roundings of distances across a period.
  const double slack_;
  // Absent for an empty index.
  const std::unique_ptr<const WideTree> tree_;
};

}  // namespace kmyriad

#endif  // KMYRIAD_ENTROPY_SERVICE_INDEX_KD_TREE_INDEX_H_
