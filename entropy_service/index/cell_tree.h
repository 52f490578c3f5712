#ifndef KMYRIAD_ENTROPY_SERVICE_INDEX_CELL_TREE_H_
#define KMYRIAD_ENTROPY_SERVICE_INDEX_CELL_TREE_H_

#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

#include "common/base/thread_pool.h"
#include "entropy_service/index/knn_index.h"
#include "entropy_service/index/l2_distance.h"
#include "entropy_service/index/tree_walk.h"

namespace kmyriad {

// Axis-aligned box; unused dimensions are [0, 0].
struct CellBox {
  float low[3] = {0, 0, 0};
  float high[3] = {0, 0, 0};
};

// Squared distance from `point` to `box`; it never exceeds the squared
// distance to any point of the box as the kernels compute it, so that pruning
// with it is exact.
float SquaredDistanceBelow(const L2Space& space, const CellBox& box,
                           const float point[3]);

// The cells of an adaptive grid in up to 3 dimensions: space is halved across
// the widest side of what it holds, at the median, until a cell holds 16
// points. Cells are small where points are dense, whatever the skew, and
// points of a cell, and of cells near each other, lie together in memory.
// Coincident points are split by row. Immutable once built.
class CellTree {
 public:
  // A row that does not exist: the places behind the last point.
  static constexpr uint32_t kNoRow = std::numeric_limits<uint32_t>::max();

  // The tree's leaves are the cells.
  using Range = TreeRange;

  // `points` is valid, not empty, and has at most 3 dimensions.
  CellTree(const PointsView& points, ThreadPool& pool);

  uint32_t dims() const { return dims_; }
  size_t points() const { return points_; }
  uint32_t cells() const { return cells_; }
  Range root() const { return {0, 0, cells_}; }
  const CellBox& box(uint32_t node) const { return nodes_[node].box; }
  const CellBox& cell_box(uint32_t cell) const {
    return nodes_[cell_nodes_[cell]].box;
  }
  // Smallest and largest row below the node.
  uint32_t min_row(uint32_t node) const { return nodes_[node].min_row; }
  uint32_t max_row(uint32_t node) const { return nodes_[node].max_row; }
  size_t PointsBelow(const Range& range) const;

  // [cells, dims, 16] and [cells * 16]; see l2_distance.h.
  const float* blocks() const { return blocks_.data(); }
  const uint32_t* rows() const { return rows_.data(); }
  // The point in `lane` of `cell`.
  void PointAt(uint32_t cell, uint32_t lane, float out[3]) const;
  // cell * 16 + lane of a row.
  uint32_t PlaceOf(uint32_t row) const { return places_[row]; }

  // Lists in `cells` those whose box is within `radius` of `target`, in order,
  // and perhaps a few more. False, and the list is cut short, once there are
  // more than `limit`.
  bool CellsNear(const L2Space& space, const CellBox& target, double radius,
                 size_t limit, std::vector<uint32_t>& cells) const;

 private:
  struct Node {
    CellBox box;
    uint32_t min_row = kNoRow;
    uint32_t max_row = 0;
  };
  struct Item {
    float coordinate[3];
    uint32_t row;
  };

  // Fills the node; halves its items or, for a cell, lays them out.
  void Split(const Range& range, std::vector<Item>& items);
  void LayOut(uint32_t cell, const std::vector<Item>& items);

  const uint32_t dims_;
  const size_t points_;
  const uint32_t cells_;
  std::vector<Node> nodes_;
  // The leaf of each cell.
  std::vector<uint32_t> cell_nodes_;
  std::vector<float> blocks_;
  std::vector<uint32_t> rows_;
  std::vector<uint32_t> places_;
};

}  // namespace kmyriad

#endif  // KMYRIAD_ENTROPY_SERVICE_INDEX_CELL_TREE_H_
