#include "learner/algorithm/ppo_objective.h"

#include "absl/strings/str_cat.h"
#include "learner/algorithm/linear_objective.h"

namespace kmyriad {

ObjectiveOutput PpoObjective::Evaluate(const ObjectiveInput& input) const {
  const double scale = 1.0 / static_cast<double>(input.minibatch_samples);
  const at::Tensor ratio = input.log_ratio.exp();
  const at::Tensor plain = ratio * input.advantages;
  const at::Tensor clipped =
      ratio.clamp(1.0 - clip_, 1.0 + clip_) * input.advantages;
  // Where the clipped term is the smaller one the gradient vanishes: it is
  // constant there.
  const at::Tensor cut = clipped < plain;
  ObjectiveOutput output;
  output.loss = at::minimum(plain, clipped).sum() * -scale;
  output.log_prob_gradient = (plain * -scale).masked_fill_(cut, 0);
  output.clipped = cut.sum();
  return output;
}

absl::StatusOr<std::unique_ptr<Objective>> CreateObjective(
    const std::string& kind, double clip) {
  if (kind == "ppo") return std::make_unique<PpoObjective>(clip);
  if (kind == "iw_entropy") return std::make_unique<LinearObjective>();
  return absl::InvalidArgumentError(
      absl::StrCat("objective.kind = ", kind,
                   ": unknown objective; use \"ppo\" or \"iw_entropy\""));
}

}  // namespace kmyriad
