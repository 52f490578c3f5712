#include "entropy_service/index/cell_tree.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <vector>

#include "common/math/philox.h"
#include "entropy_service/index/l2_distance.h"
#include "gtest/gtest.h"

namespace kmyriad {
namespace {

constexpr L2Space kPlane{2, nullptr};

class CellTreeTest : public testing::Test {
 protected:
  explicit CellTreeTest(size_t count = 1000) : ids_(count) {
    std::iota(ids_.begin(), ids_.end(), 0u);
    for (uint32_t i = 0; i < 2 * count; ++i) {
      coordinates_.push_back(UniformOpen(
          RunRandom(5, RandomStream::kEvaluation, i, 0, 0, 0).word[0]));
    }
  }
  CellTree Tree() { return CellTree({coordinates_, ids_, 2}, pool_); }

  std::vector<uint32_t> ids_;
  std::vector<float> coordinates_;
  ThreadPool pool_{2};
};

TEST_F(CellTreeTest, HoldsEveryPointOnceInsideItsCell) {
  const CellTree tree = Tree();
  EXPECT_EQ(tree.cells(), 63u);
  for (uint32_t row = 0; row < ids_.size(); ++row) {
    const uint32_t place = tree.PlaceOf(row);
    EXPECT_EQ(tree.rows()[place], row);
    float point[3];
    tree.PointAt(place / kBlockPoints, place % kBlockPoints, point);
    EXPECT_EQ(point[0], coordinates_[2 * row]);
    EXPECT_EQ(point[1], coordinates_[2 * row + 1]);
    EXPECT_EQ(point[2], 0);
  }
  // The places behind the last point are empty.
  EXPECT_EQ(std::count(tree.rows(), tree.rows() + 63 * kBlockPoints,
                       CellTree::kNoRow),
            63 * 16 - 1000);
}

TEST_F(CellTreeTest, ListsExactlyTheCellsWithPointsInReach) {
  const CellTree tree = Tree();
  CellBox target;
  for (const double radius : {0.0, 0.05, 0.3, 2.0}) {
    for (int j = 0; j < 2; ++j) target.low[j] = target.high[j] = 0.4f;
    std::vector<uint32_t> cells;
    ASSERT_TRUE(tree.CellsNear(kPlane, target, radius, 1000, cells));
    EXPECT_TRUE(std::is_sorted(cells.begin(), cells.end()));
    for (uint32_t row = 0; row < ids_.size(); ++row) {
      const double distance = std::hypot(coordinates_[2 * row] - 0.4,
                                         coordinates_[2 * row + 1] - 0.4);
      const auto cell = static_cast<uint32_t>(tree.PlaceOf(row) / kBlockPoints);
      if (distance <= radius) {
        EXPECT_TRUE(std::binary_search(cells.begin(), cells.end(), cell));
      }
    }
    if (radius < 0.1) {
      EXPECT_LT(cells.size(), 10u);
    }
    if (radius > 1) {
      EXPECT_EQ(cells.size(), 63u);
    }
  }
}

TEST_F(CellTreeTest, GivesUpOnceAListIsTooLong) {
  const CellTree tree = Tree();
  std::vector<uint32_t> cells;
  EXPECT_FALSE(tree.CellsNear(kPlane, tree.box(0), 0, 62, cells));
  EXPECT_TRUE(tree.CellsNear(kPlane, tree.box(0), 0, 63, cells));
}

TEST_F(CellTreeTest, BoxDistanceNeverExceedsThatOfAPoint) {
  const CellTree tree = Tree();
  const float query[3] = {1.7f, -0.3f, 0};
  const float bound = SquaredDistanceBelow(kPlane, tree.box(0), query);
  float nearest = 1e9f;
  for (size_t row = 0; row < ids_.size(); ++row) {
    const float dx = coordinates_[2 * row] - query[0];
    const float dy = coordinates_[2 * row + 1] - query[1];
    nearest = std::min(nearest, std::fma(dy, dy, std::fma(dx, dx, 0.0f)));
  }
  EXPECT_LE(bound, nearest);
  EXPECT_GT(bound, 0.5f);
}

TEST_F(CellTreeTest, BoxDistanceGoesTheShorterWayRoundAPeriod) {
  const float periods[2] = {1, std::numeric_limits<float>::infinity()};
  const L2Space space{2, periods};
  CellBox box;
  box.low[0] = 0.6f;
  box.high[0] = 0.9f;
  const float before[3] = {0.1f, 0, 0};
  const float after[3] = {0.5f, 0, 0};
  const float inside[3] = {0.7f, 0, 0};
  EXPECT_NEAR(SquaredDistanceBelow(space, box, before), 0.04f, 1e-6f);
  EXPECT_NEAR(SquaredDistanceBelow(space, box, after), 0.01f, 1e-6f);
  EXPECT_EQ(SquaredDistanceBelow(space, box, inside), 0);
}

}  // namespace
}  // namespace kmyriad
