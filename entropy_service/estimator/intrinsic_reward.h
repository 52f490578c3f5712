#ifndef KMYRIAD_ENTROPY_SERVICE_ESTIMATOR_INTRINSIC_REWARD_H_
#define KMYRIAD_ENTROPY_SERVICE_ESTIMATOR_INTRINSIC_REWARD_H_

#include <cstddef>
#include <cstdint>

#include "absl/types/span.h"

namespace kmyriad {

// What a pool's log volumes come to.
struct PoolMoments {
  // Particles in the pool, the masked ones not counted.
  size_t count = 0;
  double mean = 0;
  // Sum over the pool of (ln V_i - mean)^2.
  double squared_deviations = 0;
};

// Reward FORWARD of one pool: r_i = ln V_i - mean over the pool of ln V, the
// centred log volume of the ball that reaches the k-th neighbour. It is
// -ln p_i up to a constant, hence the ascent direction of the pool's entropy.
// A masked particle gets the lowest reward of the pool.
//
// The pool is what `mask` [n] leaves of n particles; log_volumes [n] (those of
// masked particles are not looked at), rewards [n]. At least one particle is
// in the pool. Centring is by pool: with individual pooling every agent is
// centred by its own mean, as a run of that agent alone would be.
PoolMoments ForwardRewards(absl::Span<const double> log_volumes,
                           absl::Span<const uint8_t> mask,
                           absl::Span<float> rewards);

}  // namespace kmyriad

#endif  // KMYRIAD_ENTROPY_SERVICE_ESTIMATOR_INTRINSIC_REWARD_H_
