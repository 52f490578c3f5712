#include "actor/env/tasks/environment_description.h"

#include <set>
#include <string>

#include "actor/env/terrain_library.h"
#include "gtest/gtest.h"

namespace kmyriad {
namespace {

TEST(EnvironmentDescriptionTest, TakesThePictureFromTheTerrain) {
  const Terrain maze = *LoadTerrain("maze", {});
  const EnvironmentSpec spec = SpecFromTerrain("ant", maze);
  EXPECT_EQ(spec.terrain, "maze");
  EXPECT_EQ(spec.terrain_hash, maze.hash);
  EXPECT_EQ(spec.x_min, -12);
  EXPECT_EQ(spec.y_max, 12);
  EXPECT_EQ(spec.boxes.size(), 13u);
  EXPECT_EQ(spec.boxes[0].half[2], 0.75f);
  ASSERT_EQ(spec.goals.size(), 5u);
  EXPECT_EQ(spec.goals[1].name, "G2");
  EXPECT_EQ(spec.start_x, -10);
  EXPECT_EQ(spec.coverage, maze.coverage);
  EXPECT_EQ(ArenaHalfSize(maze), 12);
}

// Every setting and every byte that a segment depends on has its own
// fingerprint.
TEST(EnvironmentDescriptionTest, EverySettingChangesTheFingerprint) {
  const Terrain maze = *LoadTerrain("maze", {});
  const VectorEnvOptions base{.task = "ant",
                              .terrain = "maze",
                              .horizon = 400,
                              .frame_skip = 5,
                              .integrator = "rk4",
                              .action_scale = 0.3f,
                              .backend = "mujoco"};
  std::set<Digest> seen = {EnvironmentFingerprint(base, maze, "p")};
  const auto is_new = [&](VectorEnvOptions options, const Terrain& terrain,
                          const std::string& physics) {
    return seen.insert(EnvironmentFingerprint(options, terrain, physics))
        .second;
  };
  VectorEnvOptions changed = base;
  changed.task = "point_mass";
  EXPECT_TRUE(is_new(changed, maze, "p"));
  changed = base;
  changed.horizon = 401;
  EXPECT_TRUE(is_new(changed, maze, "p"));
  changed = base;
  changed.frame_skip = 4;
  EXPECT_TRUE(is_new(changed, maze, "p"));
  changed = base;
  changed.integrator = "implicitfast";
  EXPECT_TRUE(is_new(changed, maze, "p"));
  changed = base;
  changed.action_scale = 0.30000004f;
  EXPECT_TRUE(is_new(changed, maze, "p"));
  changed = base;
  changed.backend = "simd";
  EXPECT_TRUE(is_new(changed, maze, "p"));
  EXPECT_TRUE(is_new(base, maze, "q"));
  Terrain longer = maze;
  longer.text += "\n";
  EXPECT_TRUE(is_new(base, longer, "p"));
  // Where the terrain was found does not matter, only what it says.
  changed = base;
  changed.terrain = "/elsewhere/maze.txt";
  EXPECT_FALSE(is_new(changed, maze, "p"));
}

}  // namespace
}  // namespace kmyriad
