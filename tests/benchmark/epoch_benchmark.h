#ifndef KMYRIAD_TESTS_BENCHMARK_EPOCH_BENCHMARK_H_
#define KMYRIAD_TESTS_BENCHMARK_EPOCH_BENCHMARK_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "nlohmann/json.hpp"

namespace kmyriad {

struct EpochBenchmarkOptions {
  // Path of the `kmyriad` command.
  std::string kmyriad;
  std::string preset = "ant-maze";
  // The first one is warm-up, so >= 2.
  uint32_t epochs = 3;
  std::vector<std::string> overrides;
};

// Trains in a fresh folder through `kmyriad train` and samples the processor
// time of every process from /proc, fifty times a second. Fields, all over the
// epochs after the first: epochs, env_steps, wall_seconds,
// env_steps_per_second, seconds{collect,score,update,checkpoint,total} per
// epoch, cpu_seconds{process: {phase: s}}, cpu_total_seconds, physics_seconds,
// inference_seconds and rollout_seconds (wall times of the actors' threads, by
// their metrics), rollout_cpu_seconds, overhead_cpu_seconds, overhead_share.
//
// Overhead is what an epoch in one process would not need: processor time of
// all processes while they collect and score, less that of physics,
// observations and inference (rollout_cpu_seconds: their wall time or, if it
// is less, their share of rollout_seconds times the actors' processor time;
// the two differ when others use the cores, too). Hashes of segments count as
// overhead.
absl::StatusOr<nlohmann::json> RunEpochBenchmark(
    const EpochBenchmarkOptions& options);

}  // namespace kmyriad

#endif  // KMYRIAD_TESTS_BENCHMARK_EPOCH_BENCHMARK_H_
