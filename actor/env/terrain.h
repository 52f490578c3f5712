#ifndef KMYRIAD_ACTOR_ENV_TERRAIN_H_
#define KMYRIAD_ACTOR_ENV_TERRAIN_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "actor/env/ground_map.h"
#include "actor/physics/static_box.h"
#include "common/base/digest.h"
#include "common/base/environment_spec.h"

namespace kmyriad {

// How a task measures a terrain. The Ant counts in metres and needs room, the
// point counts in cells of the map and needs none.
struct TerrainScale {
  // One unit is a cell of the map instead of a metre.
  bool cell_units = false;
  // Walls keep at least this far from a reachable place.
  double clearance = 0.5;
  // Side of a coverage cell.
  double coverage_cell = 0.5;
};

struct TerrainGoal {
  std::string name;
  double x = 0, y = 0;
  double min_z = 0;  // minus infinity: any height
  double geodesic_distance = 0;
};

// A compiled terrain, in the units of its scale. Constant once made.
struct Terrain {
  std::string name;
  Digest hash{};     // of the text
  std::string text;  // the file's content
  TerrainScale scale;

  // Map: [rows, columns], row 0 at y_min of the map; 1 = wall. Its centre is
  // the origin.
  double cell_size = 0;
  uint32_t columns = 0, rows = 0;
  std::vector<uint8_t> walls;

  // Bounding box of the free cells: the arena.
  double x_min = 0, x_max = 0, y_min = 0, y_max = 0;
  // Walls (cells merged to rectangles, and an outer wall where the map's
  // border does not hold one of a metre), then layers. The first `wall_count`
  // are walls.
  std::vector<StaticBox> boxes;
  uint32_t wall_count = 0;

  double start_x = 0, start_y = 0;
  std::vector<TerrainGoal> goals;
  double free_area = 0;
  double reachable_area = 0;
  CoverageGrid coverage;

  // A view of walls and layers.
  GroundMap ground_map() const;
  // Whether a point lies on a free cell of the map.
  bool IsFree(double x, double y) const;
  // Height of the ground: 0, or the top of the highest layer there.
  double GroundHeight(double x, double y) const;
};

// Compiles the text of a terrain file. `file` stands in messages, `name` names
// the terrain. INVALID_ARGUMENT, "FILE:LINE: what; mend", if the text is wrong
// or a goal cannot be reached from the start.
absl::StatusOr<Terrain> CompileTerrain(absl::string_view text,
                                       absl::string_view file,
                                       absl::string_view name,
                                       const TerrainScale& scale);

// A rectangle of wall cells [column, column + columns) x [row, row + rows).
struct CellRectangle {
  uint32_t column = 0, row = 0, columns = 0, rows = 0;
};

// Disjoint rectangles that cover the wall cells exactly: each is grown along
// its row as far as possible, then upwards. Fewer boxes mean fewer ghost
// contacts at seams and a faster broad phase.
std::vector<CellRectangle> MergeWalls(const std::vector<uint8_t>& walls,
                                      uint32_t columns, uint32_t rows);

}  // namespace kmyriad

#endif  // KMYRIAD_ACTOR_ENV_TERRAIN_H_
