#ifndef KMYRIAD_LEARNER_ALGORITHM_OBJECTIVE_H_
#define KMYRIAD_LEARNER_ALGORITHM_OBJECTIVE_H_

#include <ATen/ATen.h>

#include <memory>
#include <string>

#include "absl/status/statusor.h"

namespace kmyriad {

// Samples of a piece of a minibatch, [m, b] each, agents first.
struct ObjectiveInput {
  // ln pi_new(u) - ln pi_behaviour(u).
  at::Tensor log_ratio;
  at::Tensor advantages;
  // Samples per agent of the whole minibatch: means divide by it.
  int64_t minibatch_samples = 0;
};

struct ObjectiveOutput {
  // This piece's share of the loss: a sum over agents of per-agent means.
  at::Tensor loss;  // scalar
  // Derivative of the loss by the samples' ln pi_new, [m, b].
  at::Tensor log_prob_gradient;
  // Samples whose gradient the objective cut off, count.
  at::Tensor clipped;  // scalar
};

// What the policy descends. An objective sees log-probabilities only; the
// network's part of the gradient is the optimiser's. Stateless, const methods
// are thread-safe.
class Objective {
 public:
  virtual ~Objective() = default;
  virtual ObjectiveOutput Evaluate(const ObjectiveInput& input) const = 0;
  // Whether advantages come from a critic, which learns beside the policy.
  virtual bool uses_critic() const { return true; }
};

// `kind` as in objective.kind; INVALID_ARGUMENT naming it if it is unknown.
absl::StatusOr<std::unique_ptr<Objective>> CreateObjective(
    const std::string& kind, double clip);

}  // namespace kmyriad

#endif  // KMYRIAD_LEARNER_ALGORITHM_OBJECTIVE_H_
