#ifndef KMYRIAD_COMMON_BASE_ENVIRONMENT_SPEC_H_
#define KMYRIAD_COMMON_BASE_ENVIRONMENT_SPEC_H_

#include <cstdint>
#include <string>
#include <vector>

#include "common/base/digest.h"

namespace kmyriad {

// Plain twin of proto EnvironmentSpec (proto/kmyriad/v1/environment.proto,
// which documents the fields): what components other than the actor know of
// an environment. Made by the actor, pinned by the run.
struct ObservationColumn {
  std::string name;
  float initial_mean = 0;
  float initial_std = 1;
  bool running = false;
  bool operator==(const ObservationColumn&) const = default;
};

// Axis-aligned box: centre and half sizes, metres (PointMass: cells).
struct Box {
  float center[3] = {0, 0, 0};
  float half[3] = {0, 0, 0};
  bool operator==(const Box&) const = default;
};

struct Goal {
  std::string name;
  float x = 0;
  float y = 0;
  float geodesic_distance = 0;
  bool operator==(const Goal&) const = default;
};

// Cells for coverage, row-major [ny, nx], row 0 at y_min.
struct CoverageGrid {
  float x_min = 0;
  float y_min = 0;
  float cell_size = 0;
  uint32_t nx = 0;
  uint32_t ny = 0;
  // [ny * nx], 1 = reachable.
  std::vector<uint8_t> reachable;
  bool operator==(const CoverageGrid&) const = default;
};

struct EnvironmentSpec {
  std::string task;
  std::string terrain;
  Digest terrain_hash{};
  uint32_t act_dim = 0;
  std::vector<ObservationColumn> observation;
  std::vector<std::string> features;
  double step_seconds = 0;
  float x_min = 0, x_max = 0, y_min = 0, y_max = 0;
  std::vector<Box> boxes;
  std::vector<Goal> goals;
  float start_x = 0, start_y = 0;
  CoverageGrid coverage;

  uint32_t obs_dim() const { return static_cast<uint32_t>(observation.size()); }
  uint32_t feature_dim() const {
    return static_cast<uint32_t>(features.size());
  }
  bool operator==(const EnvironmentSpec&) const = default;
};

}  // namespace kmyriad

#endif  // KMYRIAD_COMMON_BASE_ENVIRONMENT_SPEC_H_
