#include "entropy_service/index/wide_tree.h"

#include <algorithm>
#include <bit>
#include <numeric>
#include <utility>

#include "entropy_service/index/partition.h"

namespace kmyriad {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

// Levels of halves that a node of so many leaves stands for: four, but fewer
// at the top, so that nodes at the bottom are full.
uint32_t LevelsOf(uint32_t leaves) {
  const auto depth = static_cast<uint32_t>(std::bit_width(leaves - 1));
  return depth % 4 == 0 ? 4 : depth % 4;
}

}  // namespace

WideTree::WideTree(const PointsView& points, ThreadPool& pool)
    : dims_(points.dims),
      leaves_(static_cast<uint32_t>((points.ids.size() + kLeafPoints - 1) /
                                    kLeafPoints)),
      leaf_parents_(leaves_),
      blocks_(size_t{leaves_} * kLeafPoints * dims_, kInfinity),
      rows_(size_t{leaves_} * kLeafPoints, kNone),
      places_(points.ids.size()) {
  Halves halves;
  const size_t nodes = 2 * size_t{leaves_} - 1;
  halves.boxes.resize(nodes * 2 * dims_);
  halves.min_rows.assign(nodes, kNone);
  halves.max_rows.assign(nodes, 0);
  halves.order.resize(points.ids.size());
  std::iota(halves.order.begin(), halves.order.end(), 0u);
  BuildTree(leaves_, pool,
            [&](const TreeRange& range) { Split(range, points, halves); });
  AddNode({0, 0, leaves_}, kNone, 0, halves);
}

void WideTree::Split(const TreeRange& range, const PointsView& points,
                     Halves& halves) {
  const size_t first = range.first * kLeafPoints;
  const size_t last = std::min(places_.size(), range.last * kLeafPoints);
  float* low = &halves.boxes[size_t{range.node} * 2 * dims_];
  float* high = low + dims_;
  std::fill(low, high, kInfinity);
  std::fill(high, high + dims_, -kInfinity);
  uint32_t min_row = kNone;
  uint32_t max_row = 0;
  for (size_t i = first; i < last; ++i) {
    const uint32_t row = halves.order[i];
    const float* point = &points.coordinates[size_t{row} * dims_];
    for (size_t j = 0; j < dims_; ++j) {
      low[j] = std::min(low[j], point[j]);
      high[j] = std::max(high[j], point[j]);
    }
    min_row = std::min(min_row, row);
    max_row = std::max(max_row, row);
  }
  halves.min_rows[range.node] = min_row;
  halves.max_rows[range.node] = max_row;
  if (range.is_leaf()) {
    LayOut(range.first, points, halves);
    return;
  }
  size_t widest = 0;
  for (size_t j = 1; j < dims_; ++j) {
    if (high[j] - low[j] > high[widest] - low[widest]) widest = j;
  }
  // (coordinate, row) as one number each, side by side: the selection passes
  // over them several times.
  std::vector<uint64_t> keys(last - first);
  for (size_t i = first; i < last; ++i) {
    const uint32_t row = halves.order[i];
    keys[i - first] =
        uint64_t{OrderedBits(points.coordinates[size_t{row} * dims_ + widest])}
            << 32 |
        row;
  }
  const size_t middle = range.middle() * kLeafPoints - first;
  PartitionAt(keys.data(), keys.size(), middle,
              [](uint64_t key) { return key; });
  for (size_t i = first; i < last; ++i) {
    halves.order[i] = static_cast<uint32_t>(keys[i - first]);
  }
}

void WideTree::LayOut(uint32_t leaf, const PointsView& points,
                      const Halves& halves) {
  const size_t first = leaf * kLeafPoints;
  const size_t last = std::min(places_.size(), first + kLeafPoints);
  for (size_t place = first; place < last; ++place) {
    const uint32_t row = halves.order[place];
    rows_[place] = row;
    places_[row] = static_cast<uint32_t>(place);
    const float* point = &points.coordinates[size_t{row} * dims_];
    for (size_t j = 0; j < dims_; ++j) {
      blocks_[(place / kBlockPoints * dims_ + j) * kBlockPoints +
              place % kBlockPoints] = point[j];
    }
  }
}

uint32_t WideTree::AddNode(const TreeRange& range, uint32_t parent,
                           uint32_t slot, const Halves& halves) {
  std::vector<TreeRange> children = {range};
  for (uint32_t level = LevelsOf(range.last - range.first); level > 0;
       --level) {
    std::vector<TreeRange> next;
    for (const TreeRange& child : children) {
      next.push_back(child.is_leaf() ? child : child.left());
      if (!child.is_leaf()) next.push_back(child.right());
    }
    children = std::move(next);
  }
  const auto number = static_cast<uint32_t>(nodes_.size());
  Node node;
  node.parent = parent;
  node.slot = slot;
  node.holds_leaves = children[0].is_leaf();
  std::fill_n(node.children, kWidth, kNone);
  std::fill_n(node.min_row, kWidth, kNone);
  std::fill_n(node.max_row, kWidth, 0u);
  nodes_.push_back(node);
  const size_t box = boxes_.size();
  boxes_.resize(box + dims_ * kWidth, kInfinity);
  boxes_.resize(box + 2 * dims_ * kWidth, -kInfinity);
  for (uint32_t c = 0; c < children.size(); ++c) {
    const float* corners = &halves.boxes[size_t{children[c].node} * 2 * dims_];
    for (size_t j = 0; j < 2 * dims_; ++j) {
      boxes_[box + j * kWidth + c] = corners[j];
    }
    node.min_row[c] = halves.min_rows[children[c].node];
    node.max_row[c] = halves.max_rows[children[c].node];
    if (node.holds_leaves) {
      node.children[c] = children[c].first;
      leaf_parents_[children[c].first] = number;
    } else {
      node.children[c] = AddNode(children[c], number, c, halves);
    }
  }
  nodes_[number] = node;
  return number;
}

}  // namespace kmyriad
