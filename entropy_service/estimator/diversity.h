#ifndef KMYRIAD_ENTROPY_SERVICE_ESTIMATOR_DIVERSITY_H_
#define KMYRIAD_ENTROPY_SERVICE_ESTIMATOR_DIVERSITY_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/types/span.h"

namespace kmyriad {

// Agents for which the Vendi score is computed: it takes the eigenvalues of an
// [m, m] matrix.
inline constexpr uint32_t kMaxVendiAgents = 128;

// Divergence of each agent's particles from all others', nats:
//
//   KL_a = mean over i in a of ln(V_i^others / V_i^own) + ln((N - T) / (T - 1))
//
// with T of the pool's N particles being a's and V_i the volumes of the balls
// to the k-th neighbour among others' and among own particles (Wang, Kulkarni
// and Verdu, IEEE Transactions on Information Theory 55, 2009; the same k in
// both). About 0 for agents that do the same; it may fall below.
//
// log_own, log_others [rows], agents [rows] < agent_count; the result
// [agent_count], NaN for an agent with fewer than two particles or with all, or
// with a volume that is NaN, as those are that cannot be measured.
std::vector<double> AgentDivergences(absl::Span<const double> log_own,
                                     absl::Span<const double> log_others,
                                     absl::Span<const uint32_t> agents,
                                     uint32_t agent_count);

// How the agents share the cells that they visit.
struct CellSharing {
  // Mean over agents of: of the cells that it visits, the share where no agent
  // has more visits (of equal ones the first owns the cell). 1 for agents
  // apart, 1 / m for agents alike.
  double owner_share = 0;
  // Mean over agents of: of the cells that it visits, the share that at least
  // half of the agents visit.
  double redundancy = 0;
  // Vendi score (Friedman and Dieng, arXiv 2210.02410): e to the entropy of the
  // eigenvalues of K / m, where K_ab = sum over cells of sqrt(p_a p_b) compares
  // the agents' visits. The number of different agents: 1 to m. NaN for more
  // than kMaxVendiAgents.
  double vendi_score = 0;
};

// cells [envs * horizon] below cell_count or kNoCell (coverage.h);
// agent_of_env [envs] < agents. Agents without a visit are left out; all is NaN
// without any.
CellSharing MeasureCellSharing(absl::Span<const uint32_t> cells,
                               absl::Span<const uint32_t> agent_of_env,
                               uint32_t agents, size_t cell_count);

// Eigenvalues of a symmetric matrix [n, n], by Jacobi's rotations.
std::vector<double> SymmetricEigenvalues(std::vector<double> matrix, size_t n);

}  // namespace kmyriad

#endif  // KMYRIAD_ENTROPY_SERVICE_ESTIMATOR_DIVERSITY_H_
