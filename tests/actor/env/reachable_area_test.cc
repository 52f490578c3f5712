#include "actor/env/reachable_area.h"

#include <cmath>

#include "gtest/gtest.h"

namespace kmyriad {
namespace {

constexpr double kQuarter = 0.25;

bool Everywhere(double, double) { return true; }

// A square room of 10 x 10 from the origin.
ReachableArea Room(double clearance) {
  return ReachableArea({0, 0, kQuarter, 40, 40}, Everywhere, clearance, 5, 5);
}

TEST(ReachableAreaTest, ErodesByTheClearance) {
  EXPECT_EQ(Room(0).area(), 100);
  EXPECT_EQ(Room(0.25).area(), 9.5 * 9.5);
  EXPECT_EQ(Room(0.5).area(), 9.0 * 9.0);
  EXPECT_EQ(Room(1.0).area(), 8.0 * 8.0);
}

TEST(ReachableAreaTest, MeasuresOctileDistances) {
  const ReachableArea area = Room(0.5);
  EXPECT_EQ(area.Distance(5, 5), 0);
  EXPECT_NEAR(area.Distance(8, 5), 3, 1e-6);
  EXPECT_NEAR(area.Distance(2, 2), 3 * std::sqrt(2.0), 1e-5);
  EXPECT_NEAR(area.Distance(8, 6), 2 + std::sqrt(2.0), 1e-5);
}

TEST(ReachableAreaTest, KeepsOnlyThePartThatHoldsTheStart) {
  const auto split = [](double x, double) { return x < 4 || x > 6; };
  const ReachableArea area({0, 0, kQuarter, 40, 40}, split, 0.5, 2, 5);
  EXPECT_TRUE(area.Contains(2, 9));
  EXPECT_FALSE(area.Contains(8, 5));
  EXPECT_TRUE(std::isinf(area.Distance(8, 5)));
  EXPECT_EQ(area.area(), 3.0 * 9.0);
}

TEST(ReachableAreaTest, GoesAroundWalls) {
  // A wall with an opening at the top.
  const auto wall = [](double x, double y) {
    return !(x > 4.5 && x < 5.5 && y < 8);
  };
  const ReachableArea area({0, 0, kQuarter, 40, 40}, wall, 0, 2, 2);
  const double way = area.Distance(8, 2);
  EXPECT_GT(way, 2 * std::hypot(2.5, 6.0) + 1 - 0.01);
  EXPECT_LT(way, 2 * 1.09 * std::hypot(2.5, 6.0) + 1.5);
}

TEST(ReachableAreaTest, DoesNotSqueezeBetweenDiagonalWalls) {
  // Two free quadrants that touch in one corner.
  const auto quadrants = [](double x, double y) { return (x < 5) == (y < 5); };
  const ReachableArea area({0, 0, kQuarter, 40, 40}, quadrants, 0, 2, 2);
  EXPECT_EQ(area.area(), 25);
}

TEST(ReachableAreaTest, IsEmptyIfTheStartIsBlockedOrOutside) {
  const ReachableArea blocked({0, 0, kQuarter, 40, 40}, Everywhere, 0.5, 0.1,
                              5);
  EXPECT_EQ(blocked.area(), 0);
  const ReachableArea outside({0, 0, kQuarter, 40, 40}, Everywhere, 0, -1, 5);
  EXPECT_EQ(outside.area(), 0);
  EXPECT_FALSE(Room(0).Contains(std::nan(""), 5));
}

}  // namespace
}  // namespace kmyriad
