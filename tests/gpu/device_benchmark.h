#ifndef KMYRIAD_TESTS_GPU_DEVICE_BENCHMARK_H_
#define KMYRIAD_TESTS_GPU_DEVICE_BENCHMARK_H_

#include <functional>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "actor/physics/cuda/step_device.h"
#include "actor/rollout/rollout_backend.h"
#include "nlohmann/json.hpp"

namespace kmyriad {

struct DeviceBenchmarkOptions {
  std::string terrain = "maze";
  std::string integrator = "implicitfast";
  uint32_t envs = 4096;   // a multiple of 16
  uint32_t horizon = 50;  // steps of a segment
  double seconds = 1;     // at least, of each part
};

// Env steps per second of the kernels of physics alone (5 substeps), of those
// of a segment without substeps (observation, policy 512-256, noise), and of
// whole segments with their way to the host. One warm-up of each.
absl::StatusOr<nlohmann::ordered_json> RunDeviceBenchmark(
    const DeviceBenchmarkOptions& options, StepDevice& device,
    const MakeSegmentDevice& make_segments);

}  // namespace kmyriad

#endif  // KMYRIAD_TESTS_GPU_DEVICE_BENCHMARK_H_
