#include "entropy_service/index/cell_tree.h"

#include <algorithm>
#include <array>
#include <bit>

#include "entropy_service/index/l2_distance.h"
#include "entropy_service/index/partition.h"

namespace kmyriad {
namespace {

// Gap of two boxes along one dimension.
inline float Gap(const CellBox& a, const CellBox& b, uint32_t j) {
  return std::max(std::max(a.low[j] - b.high[j], b.low[j] - a.high[j]), 0.0f);
}

// Squared distance between two boxes, to within a few roundings.
float SquaredGap(const L2Space& space, const CellBox& a, const CellBox& b) {
  float sum = 0;
  if (space.periods == nullptr) {
    for (uint32_t j = 0; j < 3; ++j) {
      const float gap = Gap(a, b, j);
      sum += gap * gap;
    }
    return sum;
  }
  for (uint32_t j = 0; j < space.dims; ++j) {
    // The other way round.
    const float far = std::max(a.high[j] - b.low[j], b.high[j] - a.low[j]);
    const float gap =
        std::min(Gap(a, b, j), std::max(space.periods[j] - far, 0.0f));
    sum += gap * gap;
  }
  return sum;
}

}  // namespace

float SquaredDistanceBelow(const L2Space& space, const CellBox& box,
                           const float point[3]) {
  float sum = 0;
  for (uint32_t j = 0; j < space.dims; ++j) {
    float gap = std::max({box.low[j] - point[j], point[j] - box.high[j], 0.0f});
    if (space.periods != nullptr) {
      const float far = std::max(box.high[j] - point[j], point[j] - box.low[j]);
      gap = std::min(gap, space.periods[j] - far);
    }
    sum += gap * gap;
  }
  // The sides are what the kernels compute, or less; the sum is below what
  // their fma chain may give for the nearest point: three roundings, or a
  // square that underflows.
  return std::max(sum * (1 - 1e-6f) - std::numeric_limits<float>::min(), 0.0f);
}

CellTree::CellTree(const PointsView& points, ThreadPool& pool)
    : dims_(points.dims),
      points_(points.ids.size()),
      cells_(
          static_cast<uint32_t>((points_ + kBlockPoints - 1) / kBlockPoints)),
      nodes_(2 * size_t{cells_} - 1),
      cell_nodes_(cells_),
      blocks_(size_t{cells_} * dims_ * kBlockPoints,
              std::numeric_limits<float>::infinity()),
      rows_(size_t{cells_} * kBlockPoints, kNoRow),
      places_(points_) {
  std::vector<Item> items(points_);
  for (size_t i = 0; i < points_; ++i) {
    items[i] = {{0, 0, 0}, static_cast<uint32_t>(i)};
    for (uint32_t j = 0; j < dims_; ++j) {
      items[i].coordinate[j] = points.coordinates[i * dims_ + j];
    }
  }
  BuildTree(cells_, pool, [&](const Range& range) { Split(range, items); });
}

size_t CellTree::PointsBelow(const Range& range) const {
  return std::min(points_, size_t{range.last} * kBlockPoints) -
         size_t{range.first} * kBlockPoints;
}

void CellTree::PointAt(uint32_t cell, uint32_t lane, float out[3]) const {
  for (uint32_t j = 0; j < 3; ++j) {
    out[j] = j < dims_
                 ? blocks_[(size_t{cell} * dims_ + j) * kBlockPoints + lane]
                 : 0.0f;
  }
}

void CellTree::LayOut(uint32_t cell, const std::vector<Item>& items) {
  const size_t first = size_t{cell} * kBlockPoints;
  const size_t last = std::min(points_, first + kBlockPoints);
  for (size_t place = first; place < last; ++place) {
    const Item& item = items[place];
    rows_[place] = item.row;
    places_[item.row] = static_cast<uint32_t>(place);
    for (uint32_t j = 0; j < dims_; ++j) {
      blocks_[(size_t{cell} * dims_ + j) * kBlockPoints + place - first] =
          item.coordinate[j];
    }
  }
}

void CellTree::Split(const Range& range, std::vector<Item>& items) {
  const auto begin =
      items.begin() + static_cast<std::ptrdiff_t>(range.first * kBlockPoints);
  const auto end = begin + static_cast<std::ptrdiff_t>(PointsBelow(range));
  Node& node = nodes_[range.node];
  std::copy_n(begin->coordinate, 3, node.box.low);
  std::copy_n(begin->coordinate, 3, node.box.high);
  for (auto item = begin; item != end; ++item) {
    node.min_row = std::min(node.min_row, item->row);
    node.max_row = std::max(node.max_row, item->row);
    for (int j = 0; j < 3; ++j) {
      node.box.low[j] = std::min(node.box.low[j], item->coordinate[j]);
      node.box.high[j] = std::max(node.box.high[j], item->coordinate[j]);
    }
  }
  if (range.is_leaf()) {
    cell_nodes_[range.first] = range.node;
    LayOut(range.first, items);
    return;
  }
  int widest = 0;
  for (int j = 1; j < 3; ++j) {
    if (node.box.high[j] - node.box.low[j] >
        node.box.high[widest] - node.box.low[widest]) {
      widest = j;
    }
  }
  PartitionAt(&*begin, PointsBelow(range),
              range.middle() * kBlockPoints - range.first * kBlockPoints,
              [widest](const Item& item) {
                return uint64_t{OrderedBits(item.coordinate[widest])} << 32 |
                       item.row;
              });
}

bool CellTree::CellsNear(const L2Space& space, const CellBox& target,
                         double radius, size_t limit,
                         std::vector<uint32_t>& cells) const {
  // Roundings of SquaredGap and of the conversion stay far below 1e-4; the
  // last term covers squares that underflow.
  const auto reach = static_cast<float>(radius * radius * (1 + 1e-4)) +
                     std::numeric_limits<float>::min();
  cells.clear();
  // At most one pending sibling per level of a tree of 2^24 points.
  std::array<Range, 64> pending;
  size_t depth = 0;
  if (SquaredGap(space, nodes_[0].box, target) <= reach)
    pending[depth++] = root();
  while (depth > 0) {
    const Range range = pending[--depth];
    if (range.is_leaf()) {
      if (cells.size() == limit) return false;
      cells.push_back(range.first);
      continue;
    }
    for (const Range& child : {range.right(), range.left()}) {
      if (SquaredGap(space, nodes_[child.node].box, target) <= reach) {
        pending[depth++] = child;
      }
    }
  }
  return true;
}

}  // namespace kmyriad
