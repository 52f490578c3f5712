#ifndef KMYRIAD_COMMON_POLICY_MEAN_ACTIONS_H_
#define KMYRIAD_COMMON_POLICY_MEAN_ACTIONS_H_

#include <vector>

#include "absl/status/statusor.h"
#include "common/policy/policy_weights.h"

namespace kmyriad {

// The mean actions of all agents at `states` [count, obs_dim] raw, before tanh,
// which changes no KL: [agents, count, act_dim]. Errors of PolicyInference.
absl::StatusOr<std::vector<float>> MeanActions(
    const PolicyWeights& weights, const std::vector<float>& states);

}  // namespace kmyriad

#endif  // KMYRIAD_COMMON_POLICY_MEAN_ACTIONS_H_
