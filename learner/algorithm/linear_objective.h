#ifndef KMYRIAD_LEARNER_ALGORITHM_LINEAR_OBJECTIVE_H_
#define KMYRIAD_LEARNER_ALGORITHM_LINEAR_OBJECTIVE_H_

#include "learner/algorithm/objective.h"

namespace kmyriad {

// -sum of the samples' ln density, each times its factor (in the place of its
// advantage), which somebody else has worked out: the last link of the chain
// rule of "iw_entropy" (iw_entropy.h).
class LinearObjective : public Objective {
 public:
  ObjectiveOutput Evaluate(const ObjectiveInput& input) const override;
  bool uses_critic() const override { return false; }
};

}  // namespace kmyriad

#endif  // KMYRIAD_LEARNER_ALGORITHM_LINEAR_OBJECTIVE_H_
