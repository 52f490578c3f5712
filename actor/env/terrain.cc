#include "actor/env/terrain.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "actor/env/reachable_area.h"
#include "actor/env/terrain_plan.h"
#include "common/base/status_macros.h"

namespace kmyriad {
namespace {

// Raster on which areas and distances are computed, in units.
constexpr double kRaster = 0.25;
// Thinner walls could be tunnelled through within a time step.
constexpr double kOuterWall = 1.0;
// More boxes than any map that one walks in needs; keeps the physics model
// and its broad phase small.
constexpr size_t kMaxBoxes = 4096;

double Scaled(const TerrainScale& scale, const TerrainPlan& plan,
              double metres) {
  return scale.cell_units ? metres / plan.cell_size : metres;
}

void CopyPlan(const TerrainPlan& plan, Terrain& terrain) {
  const auto scaled = [&](double metres) {
    return Scaled(terrain.scale, plan, metres);
  };
  terrain.cell_size = terrain.scale.cell_units ? 1.0 : plan.cell_size;
  terrain.columns = plan.columns;
  terrain.rows = plan.rows;
  terrain.walls = plan.walls;
  terrain.start_x = scaled(plan.start_x);
  terrain.start_y = scaled(plan.start_y);
  for (const PlannedGoal& goal : plan.goals) {
    terrain.goals.push_back(
        {goal.name, scaled(goal.x), scaled(goal.y), scaled(goal.min_z), 0});
  }
}

// The arena is the bounding box of the free cells.
void FindArena(Terrain& terrain) {
  uint32_t left = terrain.columns, right = 0, low = terrain.rows, high = 0;
  uint64_t free_cells = 0;
  for (uint32_t row = 0; row < terrain.rows; ++row) {
    for (uint32_t column = 0; column < terrain.columns; ++column) {
      if (terrain.walls[size_t{row} * terrain.columns + column] != 0) continue;
      ++free_cells;
      left = std::min(left, column);
      right = std::max(right, column + 1);
      low = std::min(low, row);
      high = std::max(high, row + 1);
    }
  }
  const double cell = terrain.cell_size;
  const double half_width = terrain.columns * cell / 2;
  const double half_height = terrain.rows * cell / 2;
  terrain.x_min = left * cell - half_width;
  terrain.x_max = right * cell - half_width;
  terrain.y_min = low * cell - half_height;
  terrain.y_max = high * cell - half_height;
  terrain.free_area = static_cast<double>(free_cells) * cell * cell;
}

StaticBox MakeBox(double x0, double x1, double y0, double y1, double z0,
                  double z1) {
  return {{(x0 + x1) / 2, (y0 + y1) / 2, (z0 + z1) / 2},
          {(x1 - x0) / 2, (y1 - y0) / 2, (z1 - z0) / 2}};
}

// Whether the map's own border is an unbroken wall that is thick enough.
bool HasOuterWall(const TerrainPlan& plan) {
  if (plan.cell_size < kOuterWall) return false;
  for (uint32_t row = 0; row < plan.rows; ++row) {
    for (uint32_t column = 0; column < plan.columns; ++column) {
      const bool border = row == 0 || column == 0 || row + 1 == plan.rows ||
                          column + 1 == plan.columns;
      if (border && plan.walls[size_t{row} * plan.columns + column] == 0) {
        return false;
      }
    }
  }
  return true;
}

void AddBoxes(const TerrainPlan& plan, Terrain& terrain) {
  const double cell = terrain.cell_size;
  const double x0 = -(plan.columns * cell) / 2;
  const double y0 = -(plan.rows * cell) / 2;
  const double top = Scaled(terrain.scale, plan, plan.wall_height);
  for (const CellRectangle& r :
       MergeWalls(plan.walls, plan.columns, plan.rows)) {
    terrain.boxes.push_back(
        MakeBox(x0 + r.column * cell, x0 + (r.column + r.columns) * cell,
                y0 + r.row * cell, y0 + (r.row + r.rows) * cell, 0, top));
  }
  if (!HasOuterWall(plan)) {
    const double wall = Scaled(terrain.scale, plan, kOuterWall);
    const double x1 = -x0;
    const double y1 = -y0;
    terrain.boxes.push_back(
        MakeBox(x0 - wall, x1 + wall, y0 - wall, y0, 0, top));
    terrain.boxes.push_back(
        MakeBox(x0 - wall, x1 + wall, y1, y1 + wall, 0, top));
    terrain.boxes.push_back(MakeBox(x0 - wall, x0, y0, y1, 0, top));
    terrain.boxes.push_back(MakeBox(x1, x1 + wall, y0, y1, 0, top));
  }
  terrain.wall_count = static_cast<uint32_t>(terrain.boxes.size());
  for (const PlannedLayer& layer : plan.layers) {
    const auto scaled = [&](double metres) {
      return Scaled(terrain.scale, plan, metres);
    };
    const double x = scaled(layer.x), y = scaled(layer.y);
    const double half_x = scaled(layer.half_x), half_y = scaled(layer.half_y);
    terrain.boxes.push_back(MakeBox(x - half_x, x + half_x, y - half_y,
                                    y + half_y, scaled(layer.bottom),
                                    scaled(layer.top)));
  }
}

void FillCoverage(const ReachableArea& area, Terrain& terrain) {
  const double cell = terrain.scale.coverage_cell;
  CoverageGrid& grid = terrain.coverage;
  const auto count = [&](double length) {
    return static_cast<uint32_t>(std::ceil(length / cell - 1e-9));
  };
  grid.x_min = static_cast<float>(terrain.x_min);
  grid.y_min = static_cast<float>(terrain.y_min);
  grid.cell_size = static_cast<float>(cell);
  grid.nx = count(terrain.x_max - terrain.x_min);
  grid.ny = count(terrain.y_max - terrain.y_min);
  grid.reachable.resize(size_t{grid.nx} * grid.ny);
  for (uint32_t j = 0; j < grid.ny; ++j) {
    for (uint32_t i = 0; i < grid.nx; ++i) {
      grid.reachable[size_t{j} * grid.nx + i] = area.Contains(
          terrain.x_min + (i + 0.5) * cell, terrain.y_min + (j + 0.5) * cell);
    }
  }
}

absl::Status MeasureReach(const TerrainPlan& plan, absl::string_view file,
                          Terrain& terrain) {
  const auto raster_cells = [](double length) {
    return static_cast<uint32_t>(std::ceil(length / kRaster - 1e-9));
  };
  const ReachableArea area(
      {terrain.x_min, terrain.y_min, kRaster,
       raster_cells(terrain.x_max - terrain.x_min),
       raster_cells(terrain.y_max - terrain.y_min)},
      [&](double x, double y) { return terrain.IsFree(x, y); },
      terrain.scale.clearance, terrain.start_x, terrain.start_y);
  terrain.reachable_area = area.area();
  if (terrain.reachable_area == 0) {
    return absl::InvalidArgumentError(absl::StrCat(
        file, ":", plan.start_line, ": the start is closer than ",
        terrain.scale.clearance, " m to a wall; move it into the open"));
  }
  for (size_t i = 0; i < terrain.goals.size(); ++i) {
    TerrainGoal& goal = terrain.goals[i];
    goal.geodesic_distance = area.Distance(goal.x, goal.y);
    if (std::isfinite(goal.geodesic_distance)) continue;
    return absl::InvalidArgumentError(absl::StrCat(
        file, ":", plan.goals[i].line, ": goal '", goal.name,
        "' cannot be reached from the start; open a passage",
        terrain.scale.clearance > 0
            ? absl::StrCat(" of at least ",
                           2 * terrain.scale.clearance + kRaster, " m")
            : "",
        ", or move the goal"));
  }
  FillCoverage(area, terrain);
  return absl::OkStatus();
}

}  // namespace

GroundMap Terrain::ground_map() const {
  return {cell_size,
          columns,
          rows,
          walls.data(),
          boxes.data() + wall_count,
          static_cast<uint32_t>(boxes.size()) - wall_count};
}

bool Terrain::IsFree(double x, double y) const {
  return kmyriad::IsFree(ground_map(), x, y);
}

double Terrain::GroundHeight(double x, double y) const {
  return kmyriad::GroundHeight(ground_map(), x, y);
}

std::vector<CellRectangle> MergeWalls(const std::vector<uint8_t>& walls,
                                      uint32_t columns, uint32_t rows) {
  std::vector<uint8_t> open = walls;
  const auto is_open = [&](uint32_t row, uint32_t column) {
    return open[size_t{row} * columns + column] != 0;
  };
  std::vector<CellRectangle> rectangles;
  for (uint32_t row = 0; row < rows; ++row) {
    for (uint32_t column = 0; column < columns; ++column) {
      if (!is_open(row, column)) continue;
      CellRectangle r{column, row, 1, 1};
      while (column + r.columns < columns && is_open(row, column + r.columns)) {
        ++r.columns;
      }
      const auto row_is_open = [&](uint32_t next) {
        for (uint32_t i = 0; i < r.columns; ++i) {
          if (!is_open(next, column + i)) return false;
        }
        return true;
      };
      while (row + r.rows < rows && row_is_open(row + r.rows)) ++r.rows;
      for (uint32_t j = 0; j < r.rows; ++j) {
        std::fill_n(open.begin() + (size_t{row} + j) * columns + column,
                    r.columns, uint8_t{0});
      }
      rectangles.push_back(r);
    }
  }
  return rectangles;
}

absl::StatusOr<Terrain> CompileTerrain(absl::string_view text,
                                       absl::string_view file,
                                       absl::string_view name,
                                       const TerrainScale& scale) {
  KMYRIAD_ASSIGN_OR_RETURN(const TerrainPlan plan,
                           ParseTerrainPlan(text, file));
  Terrain terrain;
  terrain.name = std::string(name);
  terrain.text = std::string(text);
  terrain.hash = Sha256Of(text);
  terrain.scale = scale;
  CopyPlan(plan, terrain);
  FindArena(terrain);
  AddBoxes(plan, terrain);
  if (terrain.boxes.size() > kMaxBoxes) {
    return absl::InvalidArgumentError(
        absl::StrCat(file, ":1: the walls need ", terrain.boxes.size(),
                     " boxes after merging; at most ", kMaxBoxes,
                     " are allowed: draw larger connected walls"));
  }
  KMYRIAD_RETURN_IF_ERROR(MeasureReach(plan, file, terrain));
  return terrain;
}

}  // namespace kmyriad
