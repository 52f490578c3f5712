#ifndef KMYRIAD_ENTROPY_SERVICE_ESTIMATOR_INTRINSIC_REWARD_H_
#define KMYRIAD_ENTROPY_SERVICE_ESTIMATOR_INTRINSIC_REWARD_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/types/span.h"
#include "entropy_service/estimator/neighbor_graph.h"

namespace kmyriad {

// What a sample is paid for. The rewards of a pool are these values minus
// their mean over the pool; V_i is the volume of the ball that reaches the
// k-th neighbour, l_i = ln V_i minus its mean, R_j the reverse neighbours of
// j: those particles whose set {itself, k - 1 nearest} holds j.
enum class RewardKind {
  // ln V_i: -ln p_i up to a constant, hence the ascent direction of the pool's
  // entropy. A change of unit does not change it.
  kForward,
  // ln(1 + mean distance to the k nearest), exact and global: APT (Liu and
  // Abbeel, arXiv 2103.04551) in the form of URLB's code, without exponent.
  // Feature units matter: one unit is where it turns from linear to log.
  kApt,
  // (1/k) sum over R_j of l_i - (|R_j| / k - 1): gradient of the
  // self-normalised weighted entropy (weighted_entropy.h) with respect to the
  // sample's weight, at equal weights. A change of unit does not change it.
  kSelfnormReverse,
  // (1/k) sum over R_j of l_i + (L - 1)(|R_j| / k - 1) with L the mean of
  // ln(N V_i / k): gradient of MEPOL's weighted entropy (arXiv 2007.04640). Its
  // second term depends on the unit of the features and pays for density where
  // L > 1: for parity with MEPOL only.
  kMepolExact,
  // ln of the ball volume that reaches the k-th neighbour among the particles
  // of other agents. A change of unit does not change it.
  kCrossNovelty,
  // The values of kForward minus their least, shared out anew among the agents
  // by their marginal entropy without changing the sum (leave_one_out.h). A
  // change of unit does not change it.
  kMarginal,
};

// Whether the values need the neighbour lists of the whole pool.
constexpr bool NeedsGraph(RewardKind kind) {
  return kind == RewardKind::kSelfnormReverse ||
         kind == RewardKind::kMepolExact;
}

// The uncentred values of APT: out [n] from mean_distances [n].
std::vector<double> AptValues(absl::Span<const double> mean_distances);

// The values of kSelfnormReverse or kMepolExact: [rows], from ln V_i [rows].
std::vector<double> ReverseValues(RewardKind kind, const NeighborGraph& graph,
                                  absl::Span<const double> log_volumes);

// |R_j| of every row; they sum to rows * k.
std::vector<uint32_t> InDegrees(const NeighborGraph& graph);

// What the values of a pool come to.
struct PoolMoments {
  // Particles in the pool, the masked ones not counted.
  size_t count = 0;
  double mean = 0;
  // Sum over the pool of (value_i - mean)^2.
  double squared_deviations = 0;
};

// Rewards of one pool: value_i minus the mean over the pool. A masked particle
// gets the lowest reward of the pool.
//
// The pool is what `mask` [n] leaves of n particles; values [n] (those of
// masked particles are not looked at), rewards [n]. At least one particle is
// in the pool. Centring is by pool: with individual pooling every agent is
// centred by its own mean, as a run of that agent alone would be.
PoolMoments CenterRewards(absl::Span<const double> values,
                          absl::Span<const uint8_t> mask,
                          absl::Span<float> rewards);

// The moments alone.
PoolMoments MomentsOf(absl::Span<const double> values,
                      absl::Span<const uint8_t> mask);

}  // namespace kmyriad

#endif  // KMYRIAD_ENTROPY_SERVICE_ESTIMATOR_INTRINSIC_REWARD_H_
