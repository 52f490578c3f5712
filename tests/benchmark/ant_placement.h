#ifndef KMYRIAD_TESTS_BENCHMARK_ANT_PLACEMENT_H_
#define KMYRIAD_TESTS_BENCHMARK_ANT_PLACEMENT_H_

#include <cstddef>

#include "actor/env/terrain.h"

namespace kmyriad {

// Puts an Ant's torso, q[0..2], above the terrain's start or one of its goals,
// in turns by `robot`, so that walls are met.
inline void PlaceAnt(const Terrain& terrain, size_t robot, double* q) {
  const size_t place = robot % (terrain.goals.size() + 1);
  const bool at_start = place == terrain.goals.size();
  q[0] = at_start ? terrain.start_x : terrain.goals[place].x;
  q[1] = at_start ? terrain.start_y : terrain.goals[place].y;
  q[2] = terrain.GroundHeight(q[0], q[1]) + 0.75;
}

}  // namespace kmyriad

#endif  // KMYRIAD_TESTS_BENCHMARK_ANT_PLACEMENT_H_
