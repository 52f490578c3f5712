#ifndef KMYRIAD_TESTS_BENCHMARK_POLICY_BENCHMARK_H_
#define KMYRIAD_TESTS_BENCHMARK_POLICY_BENCHMARK_H_

#include "absl/status/statusor.h"
#include "common/policy/network_shape.h"
#include "nlohmann/json.hpp"

namespace kmyriad {

struct PolicyBenchmarkOptions {
  // The population's share of 1000 environments decides how many agents meet
  // in a block: 50 give one or two, 1000 give 16.
  NetworkShape shape{30, {512, 256}, 8, 50, Activation::kRelu};
  // Seconds in all, dealt to the measurements in turns. > 0.
  double seconds = 3;
  // Also the same forward pass by LibTorch.
  bool torch = true;
};

// Measures PolicyInference on one core at the level of ChooseSimdLevel, over
// the 63 blocks of 1000 environments. The core's peak, the kernel and LibTorch
// (one thread, 16 rows, one head, forward only) take turns in short slices of
// processor time, so that all see the same machine, and each is judged by its
// median slice. The kernel's time includes normaliser, heads, noise and
// log-probabilities, its operations
// count the network alone. Fields: instruction_set, obs_dim, trunk, act_dim,
// agents, flops_per_block, fma_peak_gflops, kernel_gflops, share_of_peak,
// microseconds_per_block, env_steps_per_second and, with LibTorch,
// torch_gflops, torch_microseconds, ratio_to_torch (its time over ours) and
// torch_max_difference (of the means, absolute). At the scalar level fma may be
// a library call, and the share says nothing.
// INVALID_ARGUMENT for a shape or seconds out of range; errors of
// ChooseSimdLevel; INTERNAL if LibTorch throws.
absl::StatusOr<nlohmann::json> RunPolicyBenchmark(
    const PolicyBenchmarkOptions& options);

}  // namespace kmyriad

#endif  // KMYRIAD_TESTS_BENCHMARK_POLICY_BENCHMARK_H_
