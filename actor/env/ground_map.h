#ifndef KMYRIAD_ACTOR_ENV_GROUND_MAP_H_
#define KMYRIAD_ACTOR_ENV_GROUND_MAP_H_

// Walls and heights of a terrain, for host and device.

#include <cstdint>

#include "actor/physics/static_box.h"
#include "common/math/host_device.h"

namespace kmyriad {

// A view of a Terrain's map (terrain.h), whose centre is the origin.
struct GroundMap {
  double cell_size;
  uint32_t columns, rows;
  const uint8_t* walls;     // [rows, columns], 1 = wall
  const StaticBox* layers;  // [layer_count], what lies on the plane
  uint32_t layer_count;
};

// Whether a point lies on a free cell.
KMYRIAD_HOST_DEVICE inline bool IsFree(const GroundMap& map, double x,
                                       double y) {
  const double column =
      __builtin_floor((x + map.columns * map.cell_size / 2) / map.cell_size);
  const double row =
      __builtin_floor((y + map.rows * map.cell_size / 2) / map.cell_size);
  if (!(column >= 0 && row >= 0 && column < map.columns && row < map.rows)) {
    return false;
  }
  return map.walls[static_cast<uint64_t>(row) * map.columns +
                   static_cast<uint64_t>(column)] == 0;
}

// 0, or the top of the highest layer there.
KMYRIAD_HOST_DEVICE inline double GroundHeight(const GroundMap& map, double x,
                                               double y) {
  double height = 0;
  for (uint32_t i = 0; i < map.layer_count; ++i) {
    const StaticBox& box = map.layers[i];
    if (__builtin_fabs(x - box.center[0]) <= box.half[0] &&
        __builtin_fabs(y - box.center[1]) <= box.half[1]) {
      const double top = box.center[2] + box.half[2];
      if (top > height) height = top;
    }
  }
  return height;
}

}  // namespace kmyriad

#endif  // KMYRIAD_ACTOR_ENV_GROUND_MAP_H_
