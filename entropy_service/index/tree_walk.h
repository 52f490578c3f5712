#ifndef KMYRIAD_ENTROPY_SERVICE_INDEX_TREE_WALK_H_
#define KMYRIAD_ENTROPY_SERVICE_INDEX_TREE_WALK_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "absl/types/span.h"
#include "common/base/thread_pool.h"
#include "entropy_service/index/top_k.h"

namespace kmyriad {

// A node of a balanced binary tree over leaves, and the leaves [first, last)
// below it. Nodes lie in preorder: n leaves take 2n - 1 nodes.
struct TreeRange {
  uint32_t node = 0;
  uint32_t first = 0;
  uint32_t last = 0;
  bool is_leaf() const { return last - first == 1; }
  uint32_t middle() const { return first + (last - first) / 2; }
  TreeRange left() const { return {node + 1, first, middle()}; }
  TreeRange right() const {
    return {node + 2 * (middle() - first), middle(), last};
  }
};

template <typename Split>
void BuildSubtree(const TreeRange& range, const Split& split) {
  split(range);
  if (range.is_leaf()) return;
  BuildSubtree(range.left(), split);
  BuildSubtree(range.right(), split);
}

// Calls split(range) for every node of a tree of `leaves` >= 1 leaves, parents
// before children; at the same time only for ranges that share no leaf.
template <typename Split>
void BuildTree(uint32_t leaves, ThreadPool& pool, const Split& split) {
  // Subtrees that are built independently: enough for any machine's threads.
  constexpr size_t kParallelSubtrees = 64;
  // Level by level while there are few nodes, then subtree by subtree.
  std::vector<TreeRange> level = {{0, 0, leaves}};
  while (!level.empty() && level.size() < kParallelSubtrees) {
    pool.ParallelFor(level.size(), [&](size_t i) { split(level[i]); });
    std::vector<TreeRange> next;
    for (const TreeRange& range : level) {
      if (range.is_leaf()) continue;
      next.push_back(range.left());
      next.push_back(range.right());
    }
    level = std::move(next);
  }
  pool.ParallelFor(level.size(),
                   [&](size_t i) { BuildSubtree(level[i], split); });
}

// The queries of a search, (place, index in `rows`), in the order of their
// places in the tree: those that are near each other come one after another.
template <typename Tree>
std::vector<uint64_t> ByPlace(const Tree& tree,
                              absl::Span<const uint32_t> rows) {
  std::vector<uint64_t> order(rows.size());
  for (size_t i = 0; i < rows.size(); ++i) {
    order[i] = uint64_t{tree.PlaceOf(rows[i])} << 32 | i;
  }
  std::sort(order.begin(), order.end());
  return order;
}

// Calls visit_leaf(leaf) for the leaves below `range` that may hold one of the
// k smallest keys, nearest first; it offers their keys to `nearest`. No point
// below a node comes before first_key(node's range).
template <typename FirstKey, typename VisitLeaf>
void VisitNearest(const TreeRange& range, const FirstKey& first_key,
                  const VisitLeaf& visit_leaf, TopK& nearest) {
  if (range.is_leaf()) {
    visit_leaf(range.first);
    return;
  }
  TreeRange near = range.left();
  TreeRange far = range.right();
  uint64_t near_key = first_key(near);
  uint64_t far_key = first_key(far);
  if (far_key < near_key) {
    std::swap(near, far);
    std::swap(near_key, far_key);
  }
  if (near_key <= nearest.worst()) {
    VisitNearest(near, first_key, visit_leaf, nearest);
  }
  if (far_key <= nearest.worst()) {
    VisitNearest(far, first_key, visit_leaf, nearest);
  }
}

}  // namespace kmyriad

#endif  // KMYRIAD_ENTROPY_SERVICE_INDEX_TREE_WALK_H_
