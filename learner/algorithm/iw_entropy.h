#ifndef KMYRIAD_LEARNER_ALGORITHM_IW_ENTROPY_H_
#define KMYRIAD_LEARNER_ALGORITHM_IW_ENTROPY_H_

#include <cstdint>
#include <functional>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace kmyriad {

// Objective "iw_entropy" (MEPOL, arXiv 2007.04640, for m heads; method.md 1.7):
// the policies ascend the k-NN entropy of the epoch's particles, particle t of
// a trajectory weighted by the likelihood of its actions up to t,
//   c_t = sum_{s <= t} (ln pi_theta - ln pi_theta0)(u_s),  w_t ~ exp(c_t),
// normalised within each agent. One batch, several steps, as long as theta
// stays within a trust region; a step that leaves it is taken back and tried
// again at half its size. No LibTorch here.

// Settings; fields as in proto Objective.
struct IwEntropyOptions {
  uint32_t steps = 0;
  double state_kl = 0;
  double policy_kl = 0;
  double effective_share = 0;
};

// What an epoch's particles are worth under log-weights.
struct WeightedValue {
  double entropy_nats = 0;
  double state_kl_nats = 0;
  double effective_samples = 0;
  // Of the entropy, with respect to the log-weights, [envs, horizon].
  std::vector<float> entropy_gradient;
};
// Of log-weights [envs, horizon], each kMostLogWeight at most in magnitude.
using WeightsEvaluator =
    std::function<absl::StatusOr<WeightedValue>(const std::vector<float>&)>;

// Larger cumulative log-ratios say nothing but that the samples are useless.
inline constexpr double kMostLogWeight = 20;

// The policies of an ascent, by the epoch's samples; what failed is returned
// as it is. Log-densities and their factors are [envs, horizon].
class AscendingPolicy {
 public:
  virtual ~AscendingPolicy() = default;
  // ln density of the epoch's actions under the policies as they are.
  virtual absl::StatusOr<std::vector<float>> LogDensities() = 0;
  // Takes the gradient of sum(factors * ln density) by the parameters.
  virtual absl::Status Differentiate(const std::vector<float>& factors) = 0;
  // Steps along that gradient.
  virtual void Step(double rate) = 0;
  // Remembers parameters and the optimiser's state, and goes back to them.
  virtual void Keep() = 0;
  virtual void GoBack() = 0;
};

// What an ascent came to; of the policies after it, unless it says otherwise.
struct AscentStats {
  double entropy_before_nats = 0;
  double entropy_nats = 0;
  double state_kl_nats = 0;
  // Mean over the samples, behaviour to new policy.
  double policy_kl_step_nats = 0;
  // Of the effective samples at equal weights.
  double effective_share = 1;
  // Share of log-weights that are cut off.
  double clamped_share = 0;
  uint32_t steps = 0;
  uint32_t backtracks = 0;
};

// Ascends; `agents` divides envs. The policies end within the trust region,
// where they began if there is no way out of there. Errors of `policy` and
// `evaluate`.
absl::StatusOr<AscentStats> AscendIwEntropy(const IwEntropyOptions& options,
                                            uint32_t agents, uint32_t envs,
                                            uint32_t horizon, double rate,
                                            AscendingPolicy& policy,
                                            const WeightsEvaluator& evaluate);

}  // namespace kmyriad

#endif  // KMYRIAD_LEARNER_ALGORITHM_IW_ENTROPY_H_
