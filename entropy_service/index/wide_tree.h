#ifndef KMYRIAD_ENTROPY_SERVICE_INDEX_WIDE_TREE_H_
#define KMYRIAD_ENTROPY_SERVICE_INDEX_WIDE_TREE_H_

#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

#include "common/base/thread_pool.h"
#include "entropy_service/index/knn_index.h"
#include "entropy_service/index/l2_distance.h"
#include "entropy_service/index/tree_walk.h"

namespace kmyriad {

// A k-d tree whose leaves hold 32 points and whose nodes have up to 16
// children, the boxes of which are tested together.
//
// Space is halved across the widest side of what it holds, at the median, ties
// by row, until 32 points are left, so points of a leaf lie together; then
// four levels of halves are one node. Boxes are tight. Immutable once built.
// Memory: 4 dims + 8 bytes per point, and about dims / 2 + 1 for the nodes.
class WideTree {
 public:
  static constexpr size_t kLeafBlocks = 2;
  static constexpr size_t kLeafPoints = kLeafBlocks * kBlockPoints;
  static constexpr uint32_t kWidth = 16;
  // A row or node that does not exist.
  static constexpr uint32_t kNone = std::numeric_limits<uint32_t>::max();

  struct Node {
    // Above this node, and its place there; the root has none.
    uint32_t parent = kNone;
    uint32_t slot = 0;
    bool holds_leaves = false;
    // Leaves or nodes; places without a child have a box that is infinitely
    // far away.
    uint32_t children[kWidth];
    // Smallest and largest row below each child.
    uint32_t min_row[kWidth];
    uint32_t max_row[kWidth];
  };

  // `points` is valid and not empty.
  WideTree(const PointsView& points, ThreadPool& pool);

  uint32_t leaves() const { return leaves_; }
  size_t points() const { return places_.size(); }
  const Node& node(uint32_t node) const { return nodes_[node]; }
  // [2, dims, 16], as L2Kernels::box_distances takes them.
  const float* boxes(uint32_t node) const {
    return &boxes_[size_t{node} * 2 * dims_ * kWidth];
  }
  // The node that holds a leaf, and where.
  uint32_t parent_of_leaf(uint32_t leaf) const { return leaf_parents_[leaf]; }
  uint32_t slot_of_leaf(uint32_t leaf) const {
    return leaf - nodes_[leaf_parents_[leaf]].children[0];
  }
  // [leaves * 2, dims, 16]; see l2_distance.h.
  const float* blocks() const { return blocks_.data(); }
  // Row of every place, kNone behind the last, and place of every row.
  const uint32_t* rows() const { return rows_.data(); }
  uint32_t PlaceOf(uint32_t row) const { return places_[row]; }
  // The point at a place: out [dims].
  void PointAt(size_t place, float* out) const {
    for (size_t j = 0; j < dims_; ++j) {
      out[j] = blocks_[(place / kBlockPoints * dims_ + j) * kBlockPoints +
                       place % kBlockPoints];
    }
  }

 private:
  // What is known of the binary tree on the way: [2 * leaves - 1].
  struct Halves {
    // [nodes, 2, dims]: low corner, high corner.
    std::vector<float> boxes;
    std::vector<uint32_t> min_rows;
    std::vector<uint32_t> max_rows;
    // Rows, those of a leaf together.
    std::vector<uint32_t> order;
  };

  // Measures the range; halves its rows or, for a leaf, lays them out.
  void Split(const TreeRange& range, const PointsView& points, Halves& halves);
  void LayOut(uint32_t leaf, const PointsView& points, const Halves& halves);
  // Adds the node of `range`, and all below it; returns its number.
  uint32_t AddNode(const TreeRange& range, uint32_t parent, uint32_t slot,
                   const Halves& halves);

  const size_t dims_;
  const uint32_t leaves_;
  std::vector<Node> nodes_;
  std::vector<float> boxes_;
  std::vector<uint32_t> leaf_parents_;
  std::vector<float> blocks_;
  std::vector<uint32_t> rows_;
  std::vector<uint32_t> places_;
};

}  // namespace kmyriad

#endif  // KMYRIAD_ENTROPY_SERVICE_INDEX_WIDE_TREE_H_
