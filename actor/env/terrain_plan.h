#ifndef KMYRIAD_ACTOR_ENV_TERRAIN_PLAN_H_
#define KMYRIAD_ACTOR_ENV_TERRAIN_PLAN_H_

#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace kmyriad {

// A place to go to. Coordinates in metres, the map's centre is (0, 0).
struct PlannedGoal {
  std::string name;
  double x = 0;
  double y = 0;
  // The goal counts only at or above this height (a summit).
  double min_z = -std::numeric_limits<double>::infinity();
  uint32_t line = 0;
};

// A slab on which the robot can walk; metres.
struct PlannedLayer {
  double x = 0, y = 0;
  double half_x = 0, half_y = 0;
  double bottom = 0, top = 0;
};

// A terrain file, read and checked for itself; nothing is computed yet.
struct TerrainPlan {
  double cell_size = 0;    // metres
  double wall_height = 0;  // metres
  uint32_t columns = 0;
  uint32_t rows = 0;
  // [rows, columns], row 0 at y_min: 1 = wall.
  std::vector<uint8_t> walls;
  double start_x = 0, start_y = 0;
  uint32_t start_line = 0;
  std::vector<PlannedGoal> goals;
  std::vector<PlannedLayer> layers;

  double width() const { return columns * cell_size; }
  double height() const { return rows * cell_size; }
};

// Limits of a terrain file. They bound memory and start-up time, and keep a
// block of physics small.
inline constexpr uint64_t kMaxTerrainBytes = uint64_t{1} << 20;
inline constexpr uint32_t kMaxTerrainCells = 512;  // per side
inline constexpr double kMaxTerrainMetres = 512;   // per side
inline constexpr double kMinCellSize = 0.25;       // the raster of areas
inline constexpr uint32_t kMaxTerrainGoals = 64;
inline constexpr uint32_t kMaxTerrainLayers = 256;

// Parses the text format that actor/env/README.md describes. Errors are
// INVALID_ARGUMENT: "FILE:LINE: what is wrong; mend", where FILE is `file`.
absl::StatusOr<TerrainPlan> ParseTerrainPlan(absl::string_view text,
                                             absl::string_view file);

}  // namespace kmyriad

#endif  // KMYRIAD_ACTOR_ENV_TERRAIN_PLAN_H_
