#ifndef KMYRIAD_ENTROPY_SERVICE_ESTIMATOR_WEIGHTED_ENTROPY_H_
#define KMYRIAD_ENTROPY_SERVICE_ESTIMATOR_WEIGHTED_ENTROPY_H_

#include <cstdint>
#include <vector>

#include "absl/types/span.h"
#include "entropy_service/estimator/neighbor_graph.h"

namespace kmyriad {

// Log-weights of larger magnitude could underflow a mass W_i to zero.
inline constexpr double kMaxLogWeight = 300;

enum class WeightedForm {
  // -sum_i (W_i / M) ln(W_i / V_i) + psi(N) - ln N + B, M = sum_i W_i: its
  // gradient does not depend on the unit of the features, and with equal
  // weights it is the Kozachenko-Leonenko estimate.
  kSelfNormalized,
  // -sum_i (W_i / k) ln(W_i / V_i) + B: MEPOL (Mutti, Pratissoli, Restelli,
  // arXiv 2007.04640, equation 3). M differs from k once weights do, so that a
  // change of unit by s adds d ln s M / k: the gradient depends on the unit.
  kMepol,
};

// A measured pool, for any number of evaluations.
struct WeightedPool {
  const NeighborGraph& graph;
  // ln V_i of every row.
  absl::Span<const double> log_volumes;
  // Weights are normalised within each group (an agent): a group with rows
  // keeps the mass 1 / (groups with rows), whatever its log-weights. One group
  // for all rows is the global normalisation.
  absl::Span<const uint32_t> groups;
  uint32_t group_count = 1;
};

// All sums in a fixed order and fp64: the same bits on every machine.
struct WeightedEntropy {
  // H(pi' | pi), nats.
  double entropy_nats = 0;
  // KL(d_pi || d_pi') by (1 / N) sum_i ln((k / N) / W_i), nats (MEPOL, equation
  // 4). Particles with many reverse neighbours can take it below zero; it is
  // not clamped.
  double kl_nats = 0;
  // (sum w)^2 / sum w^2, of all rows and of each group (0 without rows).
  double effective_samples = 0;
  std::vector<double> group_effective_samples;
  // Derivatives of the entropy with respect to the log-weight of every row:
  // w_j (g_j - mean of g under the weights of j's group), where g_j sums
  // dH/dW_i over the reverse neighbours i of j. They sum to zero per group.
  std::vector<double> entropy_gradient;
};

// Entropy and KL of the pool reweighted by u_j = exp(log_weights[j]), where
// log_weights [rows] are ln of the cumulative likelihood ratios, each at most
// kMaxLogWeight in magnitude. B = ln k - psi(k). Costs O(rows * k).
WeightedEntropy EvaluateWeights(const WeightedPool& pool, NeighborSet set,
                                WeightedForm form,
                                absl::Span<const double> log_weights);

}  // namespace kmyriad

#endif  // KMYRIAD_ENTROPY_SERVICE_ESTIMATOR_WEIGHTED_ENTROPY_H_
