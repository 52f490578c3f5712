#ifndef KMYRIAD_TESTS_BENCHMARK_UPDATE_BENCHMARK_H_
#define KMYRIAD_TESTS_BENCHMARK_UPDATE_BENCHMARK_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "nlohmann/json.hpp"

namespace kmyriad {

// An update of the network of the Ant presets: observations of 30, actions of
// 8.
struct UpdateBenchmarkOptions {
  uint32_t agents = 50;
  uint32_t envs = 1000;
  uint32_t horizon = 400;
  std::vector<uint32_t> trunk = {512, 256};
  // 0: one per core.
  uint32_t threads = 0;
  // "fp32", "bf16", or "both" for the ratio of the two.
  std::string precision = "both";
  uint32_t passes = 1;
  uint32_t minibatches = 4;
  // Sizes of the products that the machine's GEMM rate is taken from: side of
  // the square one, rows of the network's own shapes.
  int64_t square = 2048;
  int64_t product_rows = 8192;
};

// Times updates from random samples, after a small one that warms up. FLOP are
// 6 x parameters that a sample touches (actor, one head, critic) x samples x
// passes; the computation of values before the first pass is in the time and
// not in the FLOP. The machine's GEMM rate is measured in the same run: the
// fastest of a large square product and the network's own shapes, through
// LibTorch's at::mm and through the engine that the update uses, before and
// after the update. Fields: agents, envs, horizon, threads, passes, shape, and
// per precision {seconds, seconds_per_pass, samples_per_second, gflops,
// gemm_gflops, gemm{...}, share}, bf16_speedup (null unless both ran),
// numerics, peak_memory_mib of the process so far (VmHWM). INVALID_ARGUMENT for
// options that make no sense.
absl::StatusOr<nlohmann::json> RunUpdateBenchmark(
    const UpdateBenchmarkOptions& options);

}  // namespace kmyriad

#endif  // KMYRIAD_TESTS_BENCHMARK_UPDATE_BENCHMARK_H_
