#ifndef KMYRIAD_ENTROPY_SERVICE_INDEX_BRUTE_FORCE_INDEX_H_
#define KMYRIAD_ENTROPY_SERVICE_INDEX_BRUTE_FORCE_INDEX_H_

#include <functional>
#include <memory>
#include <vector>

#include "absl/status/statusor.h"
#include "common/base/simd_level.h"
#include "entropy_service/index/knn_index.h"
#include "entropy_service/index/l2_distance.h"
#include "entropy_service/index/top_k.h"

namespace kmyriad {

// Compares every query with every point, in tiles of 8 queries against runs
// of points that stay in the cache; a distance is looked at further only if it
// beats the query's k-th so far. Most pairs are ruled out by the expanded form
// |x|^2 + |y|^2 - 2 x.y, which costs one fma per dimension, with a bound on its
// roundings; where that bound rules out little (far clusters), with periods,
// and for coordinates whose squares could leave float's range, every pair is
// measured directly. For any dimension. Time N^2 * dims, memory 8 dims + 4
// bytes per point.
class BruteForceIndex final : public KnnIndex {
 public:
  // Copies the points. Errors of ValidatePoints.
  static absl::StatusOr<std::unique_ptr<BruteForceIndex>> Create(
      const PointsView& points, SimdLevel level);

  absl::string_view name() const override { return "brute_force"; }

 private:
  // Takes the result of the `index`-th query.
  using Sink = std::function<void(size_t index, TopK& nearest)>;

  BruteForceIndex(const PointsView& points, SimdLevel level);

  absl::Status FindKth(RowRange rows, uint32_t k, const Exclusion& exclusion,
                       const SearchContext& context,
                       absl::Span<float> out) const override;
  absl::Status FindNearest(absl::Span<const uint32_t> rows, uint32_t k,
                           const Exclusion& exclusion,
                           const SearchContext& context,
                           absl::Span<Neighbor> out) const override;
  void CopyPoint(uint32_t row, float* out) const override;
  std::unique_ptr<KnnIndex> Like(const PointsView& points,
                                 ThreadPool& pool) const override;

  struct Group;
  // Fills centered_ and norms_.
  void Expand();
  // Hits of the tile from query `base` of the group on, among the blocks
  // [first, last), are offered to its queries.
  void FilterRun(size_t base, size_t first, size_t last, Group& group) const;
  // Answers the queries [first, last) of `rows`.
  void Answer(absl::Span<const uint32_t> rows, size_t first, size_t last,
              uint32_t k, const Exclusion& exclusion, const Sink& sink) const;
  absl::Status AnswerAll(absl::Span<const uint32_t> rows, uint32_t k,
                         const Exclusion& exclusion,
                         const SearchContext& context, const Sink& sink) const;

  const SimdLevel level_;
  const L2Kernels& kernels_;
  const L2Space space_;
  // [blocks, dims, 16], rows in order.
  std::vector<float> blocks_;
  // ExpandedPoints; empty where the direct form must do.
  std::vector<float> centered_;
  std::vector<float> norms_;
  // The centre, and 1 - e.
  std::vector<float> center_;
  float shrink_ = 1;
};

}  // namespace kmyriad

#endif  // KMYRIAD_ENTROPY_SERVICE_INDEX_BRUTE_FORCE_INDEX_H_
