#ifndef KMYRIAD_ENTROPY_SERVICE_INDEX_KD_TREE_INDEX_H_
#define KMYRIAD_ENTROPY_SERVICE_INDEX_KD_TREE_INDEX_H_

#include <memory>
#include <vector>

#include "absl/status/statusor.h"
#include "common/base/simd_level.h"
#include "entropy_service/index/knn_index.h"
#include "entropy_service/index/l2_distance.h"
#include "entropy_service/index/top_k.h"
#include "entropy_service/index/tree_walk.h"

namespace kmyriad {

// k-d tree with leaves of 32 points and a tight box per node, for any
// dimension; prunes well where the data's own dimension is below about ten.
//
// Space is halved across the widest side of what it holds, at the median, ties
// by row, until 32 points are left, so points of a leaf lie together. All
// k-th distances are found leaf by leaf: the answer of one query bounds that
// of the next (triangle inequality), and both read the same leaves. Memory:
// 4 dims + 8 bytes per point, and a box of 8 dims bytes per 16 points.
class KdTreeIndex final : public KnnIndex {
 public:
  // Copies the points. Errors of ValidatePoints.
  static absl::StatusOr<std::unique_ptr<KdTreeIndex>> Create(
      const PointsView& points, SimdLevel level, ThreadPool& pool);

  absl::string_view name() const override { return "kd_tree"; }
  size_t size() const override { return ids_.size(); }
  absl::Status KthSquaredDistances(uint32_t k, const SearchContext& context,
                                   absl::Span<float> out) const override;
  absl::Status Search(absl::Span<const uint32_t> rows, uint32_t k,
                      const SearchContext& context,
                      absl::Span<Neighbor> out) const override;

 private:
  static constexpr size_t kLeafBlocks = 2;
  static constexpr size_t kLeafPoints = kLeafBlocks * kBlockPoints;

  struct Query {
    float point[kMaxIndexDims];
    // Excluded from the answer.
    uint32_t row;
    // Only the k-th distance matters, so that ties need not be visited.
    bool kth_only;
  };

  KdTreeIndex(const PointsView& points, SimdLevel level, ThreadPool& pool);

  void Build(const PointsView& points, ThreadPool& pool);
  // Fills the node; halves its rows in `order` or, for a leaf, lays them out.
  void Split(const TreeRange& range, const PointsView& points,
             std::vector<uint32_t>& order);
  void LayOut(uint32_t leaf, const PointsView& points,
              const std::vector<uint32_t>& order);

  Query QueryAt(size_t place, bool kth_only) const;
  // No point below the node comes before this key.
  uint64_t FirstKey(const TreeRange& range, const Query& query) const;
  void Visit(const Query& query, TopK& nearest) const;
  void VisitLeaf(uint32_t leaf, const Query& query, TopK& nearest) const;
  // The k-th squared distances of the points of a leaf.
  void SolveLeaf(uint32_t leaf, uint32_t k, TopK& nearest,
                 absl::Span<float> out) const;

  const L2Kernels& kernels_;
  const uint32_t dims_;
  const std::vector<uint32_t> ids_;
  const uint32_t leaves_;
  // [2 * leaves - 1, 2, dims]: low corner, high corner.
  std::vector<float> boxes_;
  // Smallest row below each node.
  std::vector<uint32_t> min_rows_;
  // [leaves * 2, dims, 16], and the row of every place and its inverse.
  std::vector<float> blocks_;
  std::vector<uint32_t> rows_;
  std::vector<uint32_t> places_;
};

}  // namespace kmyriad

#endif  // KMYRIAD_ENTROPY_SERVICE_INDEX_KD_TREE_INDEX_H_
