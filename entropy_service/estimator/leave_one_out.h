#ifndef KMYRIAD_ENTROPY_SERVICE_ESTIMATOR_LEAVE_ONE_OUT_H_
#define KMYRIAD_ENTROPY_SERVICE_ESTIMATOR_LEAVE_ONE_OUT_H_

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "absl/types/span.h"
#include "entropy_service/index/knn_index.h"

namespace kmyriad {

// The entropy of a pool without each one of its agents, all from one k-NN
// pass: KnnIndex::SearchWithoutAgents tells what the k-th distance of a
// particle becomes when another agent's go. Equal to m recomputations. Not
// thread-safe; threads have one each, which are merged.
class LeaveOneOut {
 public:
  // Particle id is of agent id / particles_per_agent. Neighbour index k; the
  // floor of distances as for LogVolumes.
  LeaveOneOut(uint32_t agents, uint64_t particles_per_agent, uint32_t dims,
              uint32_t k, float floor);

  // Adds a particle: its squared k-th distance, and what it becomes. Sums are
  // in fixed point, so particles may come in any order.
  void Add(float squared_distance,
           absl::Span<const KthWithoutAgents::Loss> losses);
  // Adds what another one of the same arguments was given.
  void Merge(const LeaveOneOut& other);

  // Marginal entropy of each agent: entropy of all particles, nats, minus that
  // of those without its own, [agents]; of an agent without particles: 0.
  // `ids` and their ln V_i, `log_volumes`, are those of all particles. Requires
  // that more than k of them remain without any one agent.
  std::vector<double> Marginals(absl::Span<const uint32_t> ids,
                                absl::Span<const double> log_volumes) const;

 private:
  uint32_t AgentOf(uint32_t id) const {
    return static_cast<uint32_t>(id / particles_per_agent_);
  }
  // By how much ln V grows between two squared distances, in units of growth_.
  int64_t Growth(float from, float to) const;

  const uint64_t particles_per_agent_;
  const uint32_t dims_;
  const uint32_t k_;
  const double least_;
  // Per agent: by how much the ln V_i of the others grow when it goes.
  std::vector<__int128> growth_;
  // Growths of the particle at hand, by squared distance.
  std::vector<std::pair<float, int64_t>> known_;
};

// How an epoch's rewards are shared out among the agents.
enum class Credit {
  // By marginal entropy.
  kLeaveOneOut,
  // Ablations: equal shares (the rewards stay as they are), and the shares of
  // kLeaveOneOut dealt out to the agents at random.
  kUniform,
  kShuffled,
};

// Shares of agents: max(marginal, 0), plus a tenth of its mean so that nobody
// is paid nothing; all 1 if no marginal is positive or the credit is kUniform.
// kShuffled permutes them by Philox of (seed, epoch).
std::vector<double> CreditShares(absl::Span<const double> marginals,
                                 Credit credit, uint64_t seed, uint32_t epoch);

// Scales the values of each agent's particles by its share, and all of them by
// one number such that their sum stays what it was: reward is redistributed,
// none is made or lost. values [n] >= 0, agents [n], shares > 0.
void Redistribute(absl::Span<const uint32_t> agents,
                  absl::Span<const double> shares, absl::Span<double> values);

}  // namespace kmyriad

#endif  // KMYRIAD_ENTROPY_SERVICE_ESTIMATOR_LEAVE_ONE_OUT_H_
