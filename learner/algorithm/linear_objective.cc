#include "learner/algorithm/linear_objective.h"

namespace kmyriad {

ObjectiveOutput LinearObjective::Evaluate(const ObjectiveInput& input) const {
  ObjectiveOutput output;
  output.loss = (input.log_ratio * input.advantages).sum().neg_();
  output.log_prob_gradient = input.advantages.neg();
  output.clipped = at::zeros({}, at::TensorOptions().dtype(at::kLong).device(
                                     input.log_ratio.device()));
  return output;
}

}  // namespace kmyriad
