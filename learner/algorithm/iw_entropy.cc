#include "learner/algorithm/iw_entropy.h"

#include <cmath>
#include <cstddef>
#include <utility>

#include "absl/status/status.h"
#include "common/base/status_macros.h"

namespace kmyriad {
namespace {

// Halvings of a step until it is given up (method.md 1.7).
constexpr uint32_t kMostBacktracks = 10;

// Where the policies are, seen from where the samples were drawn.
struct Position {
  std::vector<float> log_weights;  // [envs, horizon]
  double policy_kl_step = 0;
  double clamped_share = 0;
  bool finite = true;
};

Position Locate(const std::vector<float>& before, const std::vector<float>& now,
                uint32_t envs, uint32_t horizon) {
  Position position;
  position.log_weights.resize(before.size());
  double divergence = 0;
  uint64_t clamped = 0;
  for (size_t env = 0; env < envs; ++env) {
    double sum = 0;
    for (size_t i = env * horizon; i < (env + 1) * horizon; ++i) {
      const double log_ratio = double{now[i]} - double{before[i]};
      divergence += std::expm1(log_ratio) - log_ratio;
      sum += log_ratio;
      if (std::abs(sum) >= kMostLogWeight) ++clamped;
      position.log_weights[i] = static_cast<float>(
          std::fmax(-kMostLogWeight, std::fmin(kMostLogWeight, sum)));
    }
  }
  const auto count = static_cast<double>(before.size());
  position.policy_kl_step = divergence / count;
  position.clamped_share = static_cast<double>(clamped) / count;
  position.finite = std::isfinite(divergence);
  return position;
}

// From the log-weights to the samples' ln density: an action moves the weights
// of all particles from its own on; those that are cut off do not move. Times
// the number of agents: the sum over heads of per-head means (method.md 1.3).
std::vector<float> SampleFactors(const WeightedValue& value,
                                 const Position& position, uint32_t agents,
                                 uint32_t envs, uint32_t horizon) {
  std::vector<float> factors(position.log_weights.size());
  for (size_t env = 0; env < envs; ++env) {
    double sum = 0;
    for (size_t i = (env + 1) * horizon; i-- > env * horizon;) {
      if (std::abs(double{position.log_weights[i]}) < kMostLogWeight) {
        sum += value.entropy_gradient[i];
      }
      factors[i] = static_cast<float>(agents * sum);
    }
  }
  return factors;
}

}  // namespace

absl::StatusOr<AscentStats> AscendIwEntropy(const IwEntropyOptions& options,
                                            uint32_t agents, uint32_t envs,
                                            uint32_t horizon, double rate,
                                            AscendingPolicy& policy,
                                            const WeightsEvaluator& evaluate) {
  KMYRIAD_ASSIGN_OR_RETURN(const std::vector<float> before,
                           policy.LogDensities());
  Position position = Locate(before, before, envs, horizon);
  if (!position.finite) {
    return absl::InternalError("the density of a sample is not finite");
  }
  KMYRIAD_ASSIGN_OR_RETURN(WeightedValue value, evaluate(position.log_weights));
  AscentStats stats;
  stats.entropy_before_nats = value.entropy_nats;
  const double all_samples = value.effective_samples;
  bool inside = true;
  for (uint32_t step = 0; inside && step < options.steps; ++step) {
    KMYRIAD_RETURN_IF_ERROR(policy.Differentiate(
        SampleFactors(value, position, agents, envs, horizon)));
    policy.Keep();
    uint32_t halvings = 0;
    for (; halvings <= kMostBacktracks; ++halvings) {
      policy.Step(std::ldexp(rate, -static_cast<int>(halvings)));
      KMYRIAD_ASSIGN_OR_RETURN(const std::vector<float> now,
                               policy.LogDensities());
      Position next = Locate(before, now, envs, horizon);
      if (next.finite && next.policy_kl_step * horizon <= options.policy_kl) {
        KMYRIAD_ASSIGN_OR_RETURN(WeightedValue there,
                                 evaluate(next.log_weights));
        if (there.state_kl_nats <= options.state_kl &&
            there.effective_samples >= options.effective_share * all_samples) {
          position = std::move(next);
          value = std::move(there);
          ++stats.steps;
          break;
        }
      }
      policy.GoBack();
      ++stats.backtracks;
    }
    // The border of the region has been met: that was the last step.
    inside = halvings == 0;
  }
  stats.entropy_nats = value.entropy_nats;
  stats.state_kl_nats = value.state_kl_nats;
  stats.policy_kl_step_nats = position.policy_kl_step;
  stats.effective_share = value.effective_samples / all_samples;
  stats.clamped_share = position.clamped_share;
  return stats;
}

}  // namespace kmyriad
