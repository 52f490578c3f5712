#ifndef KMYRIAD_COMMON_POLICY_ACTION_DISTRIBUTION_H_
#define KMYRIAD_COMMON_POLICY_ACTION_DISTRIBUTION_H_

// What acting takes besides the network: the normalised observation, the action
// noise and the log-probability. Templates over a lane type (lanes.h), for the
// units of every instruction set and for a GPU's threads: the same bits.

#include "common/math/elementary.h"
#include "common/math/philox_lanes.h"

namespace kmyriad {
inline namespace KMYRIAD_LANES_NAMESPACE {

// clip((x - mean) * inv_std, -5, 5); NaN becomes -5.
template <class F>
KMYRIAD_LANE_FUNCTION F NormalizeObservation(F x, F mean, F inv_std) {
  return Min(Max((x - mean) * inv_std, F(-5.0f)), F(5.0f));
}

// Normal numbers of actions 2 `pair` and 2 `pair` + 1, by environment.
template <class F>
KMYRIAD_LANE_FUNCTION void ActionNoise(uint64_t seed, uint32_t stream,
                                       uint32_t epoch, uint32_t step,
                                       uint32_t pair,
                                       typename LaneTraits<F>::Word env,
                                       F* first, F* second) {
  using Word = typename LaneTraits<F>::Word;
  Word counter[4] = {env, Word(epoch), Word((step << 8) | pair), Word(stream)};
  PhiloxRounds(static_cast<uint32_t>(seed), static_cast<uint32_t>(seed >> 32),
               counter);
  BoxMuller(UniformOfWord<F>(counter[0]), UniformOfWord<F>(counter[1]), first,
            second);
}

// An action before tanh, and log-density along its dimension once squashed.
template <class F>
struct SampledAction {
  F u;
  F log_density;
};

// u = mean + std noise. The density of tanh(u) is that of method.md 1.1. The
// Jacobian's logarithm, 2 (ln 2 - u - softplus(-2u)), is even in u: with |u|
// nothing cancels.
template <class F>
KMYRIAD_LANE_FUNCTION SampledAction<F> SampleAction(F mean, F std, F log_std,
                                                    F noise) {
  const F u = Fma(std, noise, mean);
  // From the rounded u, which is what the learner sees.
  const F z = (u - mean) / std;
  const F a = Abs(u);
  const F log_jacobian =
      F(2.0f) * ((F(0x1.62e43p-1f) - a) - Softplus(F(-2.0f) * a));
  // 0.5 ln(2 pi) = 0.9189385.
  const F gaussian = Fma(F(-0.5f) * z, z, F(-0x1.d67f1cp-1f) - log_std);
  return {u, gaussian - log_jacobian};
}

}  // namespace KMYRIAD_LANES_NAMESPACE
}  // namespace kmyriad

#endif  // KMYRIAD_COMMON_POLICY_ACTION_DISTRIBUTION_H_
