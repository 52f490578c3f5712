#include "entropy_service/index/wide_tree.h"

#include <algorithm>
#include <numeric>
#include <vector>

#include "common/math/philox.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace kmyriad {
namespace {

constexpr uint32_t kDims = 5;

class WideTreeTest : public testing::TestWithParam<uint32_t> {
 protected:
  WideTreeTest() : ids_(GetParam()) {
    std::iota(ids_.begin(), ids_.end(), 0u);
    for (uint32_t i = 0; i < GetParam() * kDims; ++i) {
      coordinates_.push_back(
          UniformOpen(
              RunRandom(3, RandomStream::kEvaluation, i, 0, 0, 0).word[0]) -
          0.5f);
    }
  }
  WideTree Tree() { return WideTree({coordinates_, ids_, kDims}, pool_); }

  // Checks what is above a leaf, up to the root; returns the nodes on the way.
  void CheckAbove(const WideTree& tree, uint32_t leaf,
                  const std::vector<float>& point, uint32_t row) {
    uint32_t node = tree.parent_of_leaf(leaf);
    uint32_t slot = tree.slot_of_leaf(leaf);
    EXPECT_TRUE(tree.node(node).holds_leaves);
    EXPECT_EQ(tree.node(node).children[slot], leaf);
    while (true) {
      const WideTree::Node& above = tree.node(node);
      EXPECT_LE(above.min_row[slot], row);
      EXPECT_GE(above.max_row[slot], row);
      const float* boxes = tree.boxes(node);
      for (uint32_t j = 0; j < kDims; ++j) {
        EXPECT_LE(boxes[j * WideTree::kWidth + slot], point[j]);
        EXPECT_GE(boxes[(kDims + j) * WideTree::kWidth + slot], point[j]);
      }
      if (above.parent == WideTree::kNone) return;
      EXPECT_EQ(tree.node(above.parent).children[above.slot], node);
      slot = above.slot;
      node = above.parent;
    }
  }

  std::vector<float> coordinates_;
  std::vector<uint32_t> ids_;
  ThreadPool pool_{2};
};

TEST_P(WideTreeTest, EveryPointIsInOneLeafAndInAllBoxesAboveIt) {
  const WideTree tree = Tree();
  EXPECT_EQ(tree.points(), GetParam());
  EXPECT_EQ(tree.leaves(), (GetParam() + 31) / 32);
  for (uint32_t row = 0; row < GetParam(); ++row) {
    const uint32_t place = tree.PlaceOf(row);
    ASSERT_EQ(tree.rows()[place], row);
    std::vector<float> point(kDims);
    tree.PointAt(place, point.data());
    EXPECT_TRUE(std::equal(point.begin(), point.end(),
                           coordinates_.begin() + row * kDims));
    CheckAbove(tree, place / WideTree::kLeafPoints, point, row);
  }
  EXPECT_EQ(std::count(tree.rows(),
                       tree.rows() + tree.leaves() * WideTree::kLeafPoints,
                       WideTree::kNone),
            static_cast<std::ptrdiff_t>(tree.leaves() * WideTree::kLeafPoints -
                                        GetParam()));
}

TEST_P(WideTreeTest, DoesNotDependOnTheNumberOfThreads) {
  const WideTree tree = Tree();
  ThreadPool other(5);
  const WideTree same({coordinates_, ids_, kDims}, other);
  const size_t places = tree.leaves() * WideTree::kLeafPoints;
  EXPECT_TRUE(std::equal(tree.rows(), tree.rows() + places, same.rows()));
}

INSTANTIATE_TEST_SUITE_P(Sizes, WideTreeTest,
                         testing::Values(1, 31, 32, 33, 64, 65, 511, 512, 513,
                                         544, 600, 8192, 8193, 9000));

}  // namespace
}  // namespace kmyriad
