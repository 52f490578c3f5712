#include "common/policy/mean_actions.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>

#include "common/base/simd_level.h"
#include "common/base/status_macros.h"
#include "common/policy/policy_inference.h"

namespace kmyriad {

absl::StatusOr<std::vector<float>> MeanActions(
    const PolicyWeights& weights, const std::vector<float>& states) {
  KMYRIAD_ASSIGN_OR_RETURN(const SimdLevel level, ChooseSimdLevel());
  KMYRIAD_ASSIGN_OR_RETURN(const std::unique_ptr<PolicyInference> policy,
                           PolicyInference::Create(weights, level));
  const size_t obs = weights.shape.obs_dim;
  const size_t act = weights.shape.act_dim;
  const size_t count = states.size() / obs;
  std::vector<float> means(weights.agent_count * count * act);
  PolicyInference::Scratch scratch;
  std::vector<float> block(obs * kBlockLanes);
  std::vector<float> mean(act * kBlockLanes);
  std::vector<float> actions(act * kBlockLanes);
  std::vector<float> squashed(act * kBlockLanes);
  float log_probs[kBlockLanes];
  uint32_t agents[kBlockLanes];
  for (uint32_t agent = 0; agent < weights.agent_count; ++agent) {
    std::fill(agents, agents + kBlockLanes, weights.first_agent + agent);
    for (size_t first = 0; first < count; first += kBlockLanes) {
      for (size_t lane = 0; lane < kBlockLanes; ++lane) {
        // Lanes beyond the end repeat the last state.
        const size_t state = std::min(first + lane, count - 1);
        for (size_t d = 0; d < obs; ++d) {
          block[d * kBlockLanes + lane] = states[state * obs + d];
        }
      }
      policy->Act(block.data(), agents, {}, scratch, mean.data(),
                  actions.data(), squashed.data(), log_probs);
      for (size_t lane = 0; lane < kBlockLanes && first + lane < count;
           ++lane) {
        for (size_t d = 0; d < act; ++d) {
          means[(agent * count + first + lane) * act + d] =
              mean[d * kBlockLanes + lane];
        }
      }
    }
  }
  return means;
}

}  // namespace kmyriad
