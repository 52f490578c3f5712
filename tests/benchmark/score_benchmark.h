#ifndef KMYRIAD_TESTS_BENCHMARK_SCORE_BENCHMARK_H_
#define KMYRIAD_TESTS_BENCHMARK_SCORE_BENCHMARK_H_

#include <cstdint>

#include "absl/status/statusor.h"
#include "nlohmann/json.hpp"

namespace kmyriad {

struct ScoreBenchmarkOptions {
  // Particles: as many walks of 400 steps from the origin as fit.
  uint32_t particles = 400000;
  uint32_t dims = 2;
  uint32_t k = 16;
  // 0: one per core.
  uint32_t threads = 0;
  // A run takes the best of so many of each, in turns.
  uint32_t repeats = 5;
};

// A whole ScoreEpoch over a unix socket, from the digest of the particles to
// the last reward, against the same engine called with the particles in its
// memory; each epoch is a new one. Client and service run in this process.
//
// Fields: particles, dims, k, threads, engine, in_process_seconds,
// socket_seconds, ratio, the same with cpu_, and same_rewards. INVALID_ARGUMENT
// for options that make no sense.
absl::StatusOr<nlohmann::json> RunScoreBenchmark(
    const ScoreBenchmarkOptions& options);

}  // namespace kmyriad

#endif  // KMYRIAD_TESTS_BENCHMARK_SCORE_BENCHMARK_H_
