#ifndef KMYRIAD_LEARNER_ALGORITHM_PPO_OBJECTIVE_H_
#define KMYRIAD_LEARNER_ALGORITHM_PPO_OBJECTIVE_H_

#include "learner/algorithm/objective.h"

namespace kmyriad {

// The clipped surrogate of PPO (Schulman et al. 2017, eq. 7), negated:
// -min(r A, clip(r, 1 - clip, 1 + clip) A).
class PpoObjective : public Objective {
 public:
  explicit PpoObjective(double clip) : clip_(clip) {}
  ObjectiveOutput Evaluate(const ObjectiveInput& input) const override;

 private:
  const double clip_;
};

}  // namespace kmyriad

#endif  // KMYRIAD_LEARNER_ALGORITHM_PPO_OBJECTIVE_H_
