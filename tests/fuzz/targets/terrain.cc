// Terrain files, for the Ant's measure and for the point's.
#include "actor/env/terrain.h"

#include "actor/env/terrain_library.h"
#include "common/base/check.h"
#include "tests/fuzz/fuzz_target.h"

namespace kmyriad {

void RunInput(absl::string_view input) {
  for (const TerrainScale& scale :
       {TerrainScale{false, 0.5, 0.5}, TerrainScale{true, 0, 0.25}}) {
    const absl::StatusOr<Terrain> terrain =
        CompileTerrain(input, "file", "name", scale);
    if (!terrain.ok()) {
      KMYRIAD_CHECK(terrain.status().code() ==
                    absl::StatusCode::kInvalidArgument);
      continue;
    }
    KMYRIAD_CHECK(terrain->IsFree(terrain->start_x, terrain->start_y));
    KMYRIAD_CHECK(terrain->reachable_area > 0);
    KMYRIAD_CHECK(terrain->coverage.reachable.size() ==
                  size_t{terrain->coverage.nx} * terrain->coverage.ny);
  }
}

std::vector<std::string> Seeds() {
  return {
      "cell 1\nwall_height 1.5\nmap\n#######\n#S....#\n#.##..#\n#....1#\n"
      "#######\nend\n",
      "// a comment\ncell 4\nstart 0 -4\ngoal top 0 0 min_z 0.4\n"
      "goal west -4 0\nlayer 0 0 2 2 0 0.5\nlayer 0 0 1 1 0.5 0.8\n"
      "map\n...\n...\n...\nend\n"};
}

}  // namespace kmyriad
