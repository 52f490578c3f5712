#include "common/policy/mean_actions.h"

#include <algorithm>
#include <cstddef>
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
  const size_t agents = weights.agent_count;
  std::vector<float> means(agents * count * act);
  PolicyInference::Scratch scratch;
  std::vector<float> block(obs * kBlockLanes);
  std::vector<float> found(agents * act * kBlockLanes);
  for (size_t first = 0; first < count; first += kBlockLanes) {
    for (size_t lane = 0; lane < kBlockLanes; ++lane) {
      // Lanes beyond the end repeat the last state.
      const size_t state = std::min(first + lane, count - 1);
      for (size_t d = 0; d < obs; ++d) {
        block[d * kBlockLanes + lane] = states[state * obs + d];
      }
    }
    policy->Means(block.data(), scratch, found.data());
    const size_t lanes = std::min<size_t>(kBlockLanes, count - first);
    for (size_t agent = 0; agent < agents; ++agent) {
      for (size_t lane = 0; lane < lanes; ++lane) {
        for (size_t d = 0; d < act; ++d) {
          means[(agent * count + first + lane) * act + d] =
              found[(agent * act + d) * kBlockLanes + lane];
        }
      }
    }
  }
  return means;
}

}  // namespace kmyriad
