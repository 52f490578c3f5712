#ifndef KMYRIAD_TESTS_BENCHMARK_POLICY_BENCHMARK_TORCH_H_
#define KMYRIAD_TESTS_BENCHMARK_POLICY_BENCHMARK_TORCH_H_

#include <memory>

#include "absl/status/statusor.h"
#include "common/policy/policy_weights.h"

namespace kmyriad {

// The policy's mean for 16 environments of one agent by LibTorch on one
// thread; LibTorch stays behind this header.
class TorchForward {
 public:
  // `agent` counts from the weights' first. Sets LibTorch's threads to one
  // for the whole process.
  static absl::StatusOr<std::unique_ptr<TorchForward>> Create(
      const PolicyWeights& weights, uint32_t agent);
  virtual ~TorchForward() = default;

  // observations [16, obs_dim] to mean [16, act_dim].
  virtual absl::Status Run(const float* observations, float* mean) = 0;
};

}  // namespace kmyriad

#endif  // KMYRIAD_TESTS_BENCHMARK_POLICY_BENCHMARK_TORCH_H_
