#include "actor/env/tasks/environment_description.h"

#include <algorithm>
#include <cstring>

namespace kmyriad {
namespace {

void AddText(const std::string& text, Sha256& hash) {
  hash.UpdateInteger(text.size());
  hash.Update(text);
}

}  // namespace

EnvironmentSpec SpecFromTerrain(const std::string& task,
                                const Terrain& terrain) {
  EnvironmentSpec spec;
  spec.task = task;
  spec.terrain = terrain.name;
  spec.terrain_hash = terrain.hash;
  spec.features = {"x", "y"};
  spec.x_min = static_cast<float>(terrain.x_min);
  spec.x_max = static_cast<float>(terrain.x_max);
  spec.y_min = static_cast<float>(terrain.y_min);
  spec.y_max = static_cast<float>(terrain.y_max);
  for (const StaticBox& box : terrain.boxes) {
    Box rounded;
    for (int axis = 0; axis < 3; ++axis) {
      rounded.center[axis] = static_cast<float>(box.center[axis]);
      rounded.half[axis] = static_cast<float>(box.half[axis]);
    }
    spec.boxes.push_back(rounded);
  }
  for (const TerrainGoal& goal : terrain.goals) {
    spec.goals.push_back({goal.name, static_cast<float>(goal.x),
                          static_cast<float>(goal.y),
                          static_cast<float>(goal.geodesic_distance)});
  }
  spec.start_x = static_cast<float>(terrain.start_x);
  spec.start_y = static_cast<float>(terrain.start_y);
  spec.coverage = terrain.coverage;
  return spec;
}

float ArenaHalfSize(const Terrain& terrain) {
  return static_cast<float>(
      std::max(terrain.x_max - terrain.x_min, terrain.y_max - terrain.y_min) /
      2);
}

Digest EnvironmentFingerprint(const VectorEnvOptions& options,
                              const Terrain& terrain,
                              const std::string& physics) {
  Sha256 hash;
  // Raised when code changes what a segment holds without changing any text
  // below.
  constexpr uint64_t kFormat = 1;
  hash.UpdateInteger(kFormat);
  AddText(options.task, hash);
  AddText(options.integrator, hash);
  AddText(options.backend, hash);
  hash.UpdateInteger(options.horizon);
  hash.UpdateInteger(options.frame_skip);
  uint32_t scale_bits = 0;
  std::memcpy(&scale_bits, &options.action_scale, sizeof(scale_bits));
  hash.UpdateInteger(scale_bits);
  AddText(terrain.text, hash);
  AddText(physics, hash);
  return hash.Finish();
}

}  // namespace kmyriad
