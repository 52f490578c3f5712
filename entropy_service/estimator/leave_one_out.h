#ifndef KMYRIAD_ENTROPY_SERVICE_ESTIMATOR_LEAVE_ONE_OUT_H_
#define KMYRIAD_ENTROPY_SERVICE_ESTIMATOR_LEAVE_ONE_OUT_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/types/span.h"
#include "entropy_service/index/knn_index.h"

namespace kmyriad {

// The entropy of a pool without each one of its agents, all from one k-NN
// pass: when agent b goes, the k-th neighbour of another agent's particle
// becomes the k-th listed entry that is not b's, and a list as
// KnnIndex::SearchRobust gives it is long enough for every b. Equal to m
// recomputations, at the cost of lists that are a little longer.
class LeaveOneOut {
 public:
  // Neighbour index k; the floor of distances as for LogVolumes.
  LeaveOneOut(uint32_t agents, uint32_t dims, uint32_t k, float floor);

  // Adds the next particle, in the order of ids: it is of `agent`, and
  // `list` is its robust list, whose i-th entry is of list_agents[i].
  // Returns its ln V_i.
  double Add(uint32_t agent, absl::Span<const Neighbor> list,
             absl::Span<const uint32_t> list_agents);

  // Entropy of all particles, nats; more than k were added.
  double Entropy() const;
  // Marginal entropy of each agent: Entropy() minus that of the pool without
  // it, [agents]. Of an agent without particles: 0. Requires that more than k
  // particles remain without any one agent.
  std::vector<double> Marginals() const;

 private:
  double LogVolume(const Neighbor& neighbor) const;

  const uint32_t dims_;
  const uint32_t k_;
  const double log_unit_;
  const double least_;
  uint64_t count_ = 0;
  double sum_ = 0;
  // Per agent: particles, sum of their ln V_i, and by how much the ln V_i of
  // the others grow when it goes.
  std::vector<uint64_t> own_count_;
  std::vector<double> own_sum_;
  std::vector<double> growth_;
  // Scratch of Add: entries of each agent so far (zero between calls), and by
  // position those agents that may be resolved there.
  std::vector<uint32_t> seen_;
  std::vector<std::vector<uint32_t>> due_;
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
