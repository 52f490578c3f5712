#ifndef KMYRIAD_TESTS_BENCHMARK_KNN_BENCHMARK_H_
#define KMYRIAD_TESTS_BENCHMARK_KNN_BENCHMARK_H_

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "nlohmann/json.hpp"

namespace kmyriad {

struct KnnBenchmarkOptions {
  uint32_t points = 400000;
  uint32_t dims = 2;
  uint32_t k = 64;
  // 0: one per core.
  uint32_t threads = 0;
  // "uniform" (unit cube), "gaussian" (unit), or "walk" (walks of 400 steps
  // from the origin, one after the other: what an epoch looks like), or the
  // path, with a '/', of a file of [points, dims] little-endian float32.
  std::string data = "uniform";
  // As CreateKnnIndex takes it.
  std::string engine = "auto";
  uint64_t seed = 1;
  // Seconds of queries that nanoflann may take; 0 leaves it out.
  double nanoflann_seconds = 20;
};

// The distance of every point to its k-th neighbour, timed: best of three,
// index construction included, then the same by nanoflann with the same
// threads in the same run. Fields: engine, reason, instruction_set, threads,
// points, dims, k, data, seconds, build_seconds, queries_per_second, and, where
// nanoflann is, nanoflann_{package,build_seconds,queries,query_order,seconds}
// (seconds scaled up if it answered only the first `queries`), ratio (its
// seconds, build included, over ours) and max_relative_difference of the
// distances. cpu_seconds, nanoflann_cpu_seconds and cpu_ratio are the same by
// processor time of all threads, which a busy machine disturbs less.
// INVALID_ARGUMENT or FAILED_PRECONDITION for options that make no sense.
absl::StatusOr<nlohmann::json> RunKnnBenchmark(
    const KnnBenchmarkOptions& options);

}  // namespace kmyriad

#endif  // KMYRIAD_TESTS_BENCHMARK_KNN_BENCHMARK_H_
