#include "actor/env/terrain.h"

#include <cmath>
#include <string>

#include "actor/env/terrain_library.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace kmyriad {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr TerrainScale kMetres{};
constexpr TerrainScale kCells{
    .cell_units = true, .clearance = 0, .coverage_cell = 0.25};

Terrain Load(const std::string& name, const TerrainScale& scale = kMetres) {
  absl::StatusOr<Terrain> terrain = LoadTerrain(name, scale);
  EXPECT_TRUE(terrain.ok()) << terrain.status();
  return *std::move(terrain);
}

double ReachableAt(const std::string& name, double clearance) {
  TerrainScale scale;
  scale.clearance = clearance;
  return Load(name, scale).reachable_area;
}

// Numbers of reference/method.md 6, which gives areas as whole metres.
struct Expected {
  const char* name;
  double free, reach_025, reach_05, reach_09;
};

class ShippedTerrainTest : public ::testing::TestWithParam<Expected> {};

TEST_P(ShippedTerrainTest, HasTheAreasOfTheReference) {
  const Expected& expected = GetParam();
  EXPECT_EQ(Load(expected.name).free_area, expected.free);
  EXPECT_NEAR(ReachableAt(expected.name, 0.25), expected.reach_025, 0.5);
  EXPECT_NEAR(ReachableAt(expected.name, 0.5), expected.reach_05, 0.5);
  EXPECT_NEAR(ReachableAt(expected.name, 0.9), expected.reach_09, 0.5);
}

INSTANTIATE_TEST_SUITE_P(
    All, ShippedTerrainTest,
    ::testing::Values(Expected{"empty", 576, 552, 529, 506},
                      Expected{"maze", 416, 369, 323, 275},
                      Expected{"cave", 261, 230, 201, 170},
                      Expected{"pyramid", 576, 552, 529, 506}),
    [](const auto& info) { return std::string(info.param.name); });

void ExpectGoal(const TerrainGoal& goal, double x, double y, double distance) {
  EXPECT_NEAR(goal.x, x, 1e-12) << goal.name;
  EXPECT_NEAR(goal.y, y, 1e-12) << goal.name;
  EXPECT_NEAR(goal.geodesic_distance, distance, 0.06) << goal.name;
}

TEST(TerrainTest, MazeHasStartAndGoalsOfTheReference) {
  const Terrain maze = Load("maze");
  EXPECT_EQ(maze.start_x, -10);
  EXPECT_EQ(maze.start_y, -10);
  ASSERT_EQ(maze.goals.size(), 5u);
  ExpectGoal(maze.goals[0], 10, 10, 31.2);
  ExpectGoal(maze.goals[1], 10, -10, 25.7);
  ExpectGoal(maze.goals[2], -10, 10, 22.1);
  ExpectGoal(maze.goals[3], 2, 2, 17.6);
  ExpectGoal(maze.goals[4], 10, 2, 25.3);
  EXPECT_EQ(maze.x_min, -12);
  EXPECT_EQ(maze.y_max, 12);
}

TEST(TerrainTest, CaveHasStartAndGoalsOfTheReference) {
  const Terrain cave = Load("cave");
  EXPECT_EQ(cave.start_x, 0);
  EXPECT_EQ(cave.start_y, 0);
  ASSERT_EQ(cave.goals.size(), 5u);
  ExpectGoal(cave.goals[0], -7.5, -3, 25.6);
  ExpectGoal(cave.goals[1], -9, -6, 25.8);
  ExpectGoal(cave.goals[2], 3, -9, 15.0);
  ExpectGoal(cave.goals[3], -7.5, 6, 14.5);
  ExpectGoal(cave.goals[4], 9, 6, 11.5);
}

TEST(TerrainTest, EmptyIsWalledAtTwelveMetres) {
  const Terrain empty = Load("empty");
  EXPECT_EQ(empty.x_max, 12);
  ASSERT_EQ(empty.wall_count, 4u);
  ExpectGoal(empty.goals[0], 9, 9, 12.7);
  ExpectGoal(empty.goals[4], 10.5, 0, 10.5);
  for (const StaticBox& wall : empty.boxes) {
    EXPECT_GE(std::min(wall.half[0], wall.half[1]), 0.5);
    EXPECT_EQ(wall.half[2], 0.75);
    EXPECT_FALSE(empty.IsFree(wall.center[0], wall.center[1]));
  }
}

TEST(TerrainTest, PyramidRisesInTenSteps) {
  const Terrain pyramid = Load("pyramid");
  ASSERT_EQ(pyramid.boxes.size() - pyramid.wall_count, 10u);
  for (int layer = 0; layer < 10; ++layer) {
    const double half = 8 - 0.65 * layer;
    EXPECT_NEAR(pyramid.GroundHeight(half - 0.01, 0), 0.15 * (layer + 1), 1e-9);
    EXPECT_NEAR(pyramid.GroundHeight(0, -half - 0.01), 0.15 * layer, 1e-9);
  }
  EXPECT_EQ(pyramid.start_y, -10);
  EXPECT_EQ(pyramid.goals[0].min_z, 1.2);
  EXPECT_TRUE(std::isinf(pyramid.goals[1].min_z));
}

TEST(TerrainTest, PointsOfTheMapAgreeWithTheBoxes) {
  for (const ShippedTerrain& shipped : ShippedTerrains()) {
    const Terrain terrain = Load(std::string(shipped.name));
    const double half_width = terrain.columns * terrain.cell_size / 2;
    for (double x = -half_width + 0.1; x < half_width; x += 0.25) {
      for (double y = -half_width + 0.1; y < half_width; y += 0.25) {
        int walls = 0;
        for (uint32_t i = 0; i < terrain.wall_count; ++i) {
          const StaticBox& box = terrain.boxes[i];
          walls += std::abs(x - box.center[0]) < box.half[0] &&
                   std::abs(y - box.center[1]) < box.half[1];
        }
        ASSERT_EQ(walls, terrain.IsFree(x, y) ? 0 : 1)
            << shipped.name << " " << x << " " << y;
      }
    }
  }
}

TEST(TerrainTest, MergesWallsToFewRectangles) {
  // The bitmap has 34 horizontal runs of rock; rectangles take fewer.
  EXPECT_EQ(Load("cave").wall_count, 20u);
  EXPECT_EQ(Load("maze").wall_count, 13u);
  EXPECT_TRUE(MergeWalls({0, 0, 0, 0}, 2, 2).empty());
  const auto all = MergeWalls({1, 1, 1, 1, 1, 1}, 3, 2);
  ASSERT_EQ(all.size(), 1u);
  EXPECT_EQ(all[0].columns, 3u);
  EXPECT_EQ(all[0].rows, 2u);
}

TEST(TerrainTest, CountsCellsOfThePoint) {
  const Terrain maze = Load("maze", kCells);
  EXPECT_EQ(maze.free_area, 26);
  EXPECT_EQ(maze.reachable_area, 26);
  EXPECT_EQ(maze.x_min, -3);
  EXPECT_EQ(maze.start_x, -2.5);
  int reachable = 0;
  for (const uint8_t cell : maze.coverage.reachable) reachable += cell;
  // ln 416 = 6.03 is the highest possible grid entropy.
  EXPECT_EQ(reachable, 416);
  EXPECT_EQ(maze.coverage.nx, 24u);
  EXPECT_EQ(maze.goals[0].x, 2.5);
}

TEST(TerrainTest, CoverageOfTheAntHasTheReachableArea) {
  const Terrain empty = Load("empty");
  EXPECT_EQ(empty.coverage.nx, 48u);
  EXPECT_EQ(empty.coverage.cell_size, 0.5f);
  int reachable = 0;
  for (const uint8_t cell : empty.coverage.reachable) reachable += cell;
  EXPECT_EQ(reachable, 46 * 46);
  EXPECT_EQ(empty.coverage.reachable[0], 0);
}

TEST(TerrainTest, NamesGoalsThatCannotBeReached) {
  const std::string text = "cell 2\nmap\n#####\n#S#1#\n#.#.#\n#####\nend\n";
  const auto terrain = CompileTerrain(text, "two.txt", "two", kMetres);
  EXPECT_THAT(std::string(terrain.status().message()),
              AllOf(StartsWith("two.txt:4: goal 'G1'"),
                    HasSubstr("cannot be reached"), HasSubstr("1.25 m")));
}

TEST(TerrainTest, RefusesPassagesThatAreTooNarrowForTheAnt) {
  const std::string text = "cell 0.5\nmap\nS.1\nend\n";
  EXPECT_THAT(
      std::string(
          CompileTerrain(text, "slit.txt", "slit", kMetres).status().message()),
      HasSubstr("slit.txt:3: the start is closer than 0.5 m"));
  EXPECT_TRUE(CompileTerrain(text, "slit.txt", "slit", kCells).ok());
}

TEST(TerrainTest, WallsThinBordersFromOutside) {
  const std::string text =
      "cell 0.5\nmap\n#####\n#...#\n#.S.#\n#...#\n#####\nend\n";
  const auto terrain =
      CompileTerrain(text, "thin.txt", "thin", {.clearance = 0.25});
  ASSERT_TRUE(terrain.ok()) << terrain.status();
  EXPECT_EQ(terrain->boxes.back().half[0], 0.5);
  EXPECT_GT(terrain->boxes.back().center[0], 1.25);
}

TEST(TerrainTest, RefusesMoreBoxesThanPhysicsShouldHave) {
  std::string text = "cell 1\nmap\n";
  for (int row = 0; row < 128; ++row) {
    for (int column = 0; column < 128; ++column) {
      text += row == 0 && column == 1 ? 'S' : "#."[(row + column) % 2];
    }
    text += '\n';
  }
  EXPECT_THAT(
      std::string(CompileTerrain(text + "end\n", "dust.txt", "dust", kMetres)
                      .status()
                      .message()),
      HasSubstr("8196 boxes after merging; at most 4096"));
}

}  // namespace
}  // namespace kmyriad
