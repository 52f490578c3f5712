#ifndef KMYRIAD_COMMON_POLICY_FORGETTING_MONITOR_H_
#define KMYRIAD_COMMON_POLICY_FORGETTING_MONITOR_H_

#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/base/tensor.h"
#include "common/policy/policy_weights.h"

namespace kmyriad {

// How far policies have gone from those that they started as, at states of the
// pretraining that stay the same (reference/method.md 2.2). Immutable.
class ForgettingMonitor {
 public:
  // From tensors, fp32: "pretrained.states" [count, obs_dim] raw,
  // "pretrained.means" [m, count, act_dim] before tanh, "pretrained.log_std"
  // [m, 1, act_dim]; others are not looked at. INVALID_ARGUMENT naming the one
  // that is missing or does not fit.
  static absl::StatusOr<ForgettingMonitor> Create(
      const std::vector<NamedTensor>& tensors, const NetworkShape& shape);
  // Whether tensors hold such states: then Create needs the others, too.
  static bool Has(const std::vector<NamedTensor>& tensors);
  // Those tensors for `agents` alone, each below shape.agents, in that order.
  // Errors of Create.
  static absl::StatusOr<std::vector<NamedTensor>> SelectAgents(
      const std::vector<NamedTensor>& tensors, const NetworkShape& shape,
      const std::vector<uint32_t>& agents);
  // Those tensors, of `weights` at `states`.
  static absl::StatusOr<std::vector<NamedTensor>> MakeTensors(
      const PolicyWeights& weights, const std::vector<float>& states);

  // Mean over states and agents of KL(pretrained || current), in nats, closed
  // form. `weights` has all heads. Errors of PolicyInference.
  absl::StatusOr<double> Kl(const PolicyWeights& weights) const;

 private:
  std::vector<float> states_;
  std::vector<float> means_;
  std::vector<float> log_std_;
};

}  // namespace kmyriad

#endif  // KMYRIAD_COMMON_POLICY_FORGETTING_MONITOR_H_
