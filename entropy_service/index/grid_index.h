#ifndef KMYRIAD_ENTROPY_SERVICE_INDEX_GRID_INDEX_H_
#define KMYRIAD_ENTROPY_SERVICE_INDEX_GRID_INDEX_H_

#include <memory>
#include <vector>

#include "absl/status/statusor.h"
#include "common/base/simd_level.h"
#include "entropy_service/index/cell_tree.h"
#include "entropy_service/index/knn_index.h"
#include "entropy_service/index/l2_distance.h"
#include "entropy_service/index/top_k.h"

namespace kmyriad {

// Cell-sorted adaptive grid for up to 3 dimensions.
//
// k-th distances are found cell by cell: the k-th distance R of the cell's
// centre bounds those of its 16 points (the ball of radius R around the
// centre lies within R + |q - centre| of q), so all 16 share one list of
// candidate cells, and each only computes the distances to them and selects.
// Where that list would be long (many points at one place, a cell that spans
// a gap) each point descends the tree by itself. Both ways are exact.
class GridIndex final : public KnnIndex {
 public:
  static constexpr uint32_t kMaxDims = 3;

  // Copies the points. INVALID_ARGUMENT for more than 3 dimensions, and
  // errors of ValidatePoints.
  static absl::StatusOr<std::unique_ptr<GridIndex>> Create(
      const PointsView& points, SimdLevel level, ThreadPool& pool);

  absl::string_view name() const override { return "grid"; }

 private:
  struct CellList;
  struct Scratch;
  struct Query {
    float point[3];
    // Rows that are no neighbours.
    RowRange excluded;
    // Only the k-th distance matters, so that ties need not be visited.
    bool kth_only;

    bool Excludes(uint32_t row) const {
      return row >= excluded.first && row < excluded.last;
    }
  };

  GridIndex(const PointsView& points, SimdLevel level, ThreadPool& pool);

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

  Query QueryAt(uint32_t place, const Exclusion& exclusion,
                bool kth_only) const;
  // Lists in scratch.near the candidates of a cell's points: at least the k
  // nearest others of each, and all that is within scratch.within. False if
  // the list would be too long.
  bool ListCandidates(uint32_t cell, uint32_t k, Scratch& scratch) const;
  // The points of a cell that are in `rows`, all others being candidates, from
  // one list of candidates. False, with nothing written, if the list would be
  // too long.
  bool SolveCell(uint32_t cell, RowRange rows, uint32_t k, Scratch& scratch,
                 absl::Span<float> out) const;
  // Lists the cells within `radius` of `target`, as CellTree::CellsNear.
  bool ListCells(const CellBox& target, double radius, size_t limit,
                 CellList& list) const;
  void CollectBoxes(CellList& list) const;
  // Lists in scratch.near the candidates of a cell whose centre has more than
  // k points within `radius`, out of those of its group; false as above.
  bool ListAround(uint32_t cell, const float center[3], double radius,
                  size_t limit, Scratch& scratch) const;
  // Those of the list with a box within the squared distance `limit`.
  void NearCells(const CellList& list, const float point[3], float limit,
                 std::vector<uint32_t>& near) const;
  // Finds the rank-th smallest squared distance from `point` to the points of
  // the cells near, close to `guess` if all is well. False if they are fewer.
  bool RankAmong(const float point[3], size_t rank, float guess,
                 Scratch& scratch, float& square) const;
  // Shows the collector what is near a point, from the candidates of its cell.
  // False if it needs more.
  bool CollectAmong(const Query& query, size_t index, uint32_t count,
                    Scratch& scratch, NeighborCollector& collector) const;
  // Replaces the places of the hits by rows, and drops those that are excluded.
  void NameRows(const Query& query, HitList& hits) const;
  // Makes scratch.keys of the hits, as collectors take them: the k nearest
  // first.
  void SplitAtKth(const HitList& hits, uint32_t k, Scratch& scratch) const;
  // The same by descents of the tree, until the collector has enough.
  void CollectAround(const Query& query, size_t index, uint32_t count,
                     Scratch& scratch, NeighborCollector& collector) const;
  // Upper bound of the distance from `center`, in `cell`, within which there
  // are more than k points.
  double BoundAround(uint32_t cell, const float center[3], uint32_t k) const;
  void Visit(const Query& query, TopK& nearest) const;
  void VisitCell(uint32_t cell, const Query& query, TopK& nearest) const;

  const SimdLevel level_;
  const L2Kernels& kernels_;
  const L2Space space_;
  // Roundings of distances across a period, and what may underflow.
  const double slack_;
  // Absent for an empty index.
  const std::unique_ptr<const CellTree> tree_;
};

}  // namespace kmyriad

#endif  // KMYRIAD_ENTROPY_SERVICE_INDEX_GRID_INDEX_H_
