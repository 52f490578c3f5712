#include "actor/env/terrain_library.h"

#include <fstream>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/testing/temp_dir.h"

namespace kmyriad {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST(TerrainLibraryTest, ShipsFourTerrains) {
  std::vector<std::string> names;
  for (const ShippedTerrain& shipped : ShippedTerrains()) {
    names.emplace_back(shipped.name);
    EXPECT_TRUE(LoadTerrain(names.back(), {}).ok());
  }
  EXPECT_THAT(names, ElementsAre("cave", "empty", "maze", "pyramid"));
}

TEST(TerrainLibraryTest, LoadsFilesByPath) {
  const TempDir folder;
  const std::string path = folder.File("my_room.txt");
  std::ofstream(path) << "cell 4\nmap\nS1\nend\n";
  const auto terrain = LoadTerrain(path, {});
  ASSERT_TRUE(terrain.ok()) << terrain.status();
  EXPECT_EQ(terrain->name, "my_room");
  EXPECT_EQ(terrain->hash, Sha256Of("cell 4\nmap\nS1\nend\n"));

  std::ofstream(path) << "cell 4\nmap\nS?\nend\n";
  EXPECT_THAT(std::string(LoadTerrain(path, {}).status().message()),
              HasSubstr(path + ":3: unknown character '?'"));
}

TEST(TerrainLibraryTest, AFolderIsNamedWithItsKeyAsAWrongValue) {
  const TempDir folder;
  const auto terrain = LoadTerrain(folder.path(), {});
  EXPECT_EQ(terrain.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(
      std::string(terrain.status().message()),
      AllOf(HasSubstr("env.terrain = " + folder.path()), HasSubstr("give")));
}

TEST(TerrainLibraryTest, SuggestsTheNearestName) {
  const auto terrain = LoadTerrain("mase", {});
  EXPECT_EQ(terrain.status().code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(
      std::string(terrain.status().message()),
      AllOf(HasSubstr("env.terrain = mase"), HasSubstr("did you mean 'maze'?"),
            HasSubstr("cave, empty, maze, pyramid")));
  EXPECT_THAT(
      std::string(LoadTerrain("/nowhere/at/all", {}).status().message()),
      ::testing::Not(HasSubstr("did you mean")));
}

}  // namespace
}  // namespace kmyriad
