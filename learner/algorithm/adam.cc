#include "learner/algorithm/adam.h"

#include <cmath>
#include <cstring>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"

namespace kmyriad {
namespace {

constexpr double kBeta1 = 0.9;
constexpr double kBeta2 = 0.999;
constexpr double kEpsilon = 1e-8;
constexpr char kStepsName[] = "adam.steps";

struct StepCounts {
  int64_t steps = 0;
  int64_t held = 0;
};

// `tensors` without the step counter; its value, or a status.
absl::StatusOr<StepCounts> TakeSteps(std::vector<NamedTensor>* tensors) {
  for (size_t i = 0; i < tensors->size(); ++i) {
    const NamedTensor& tensor = (*tensors)[i];
    if (tensor.name != kStepsName) continue;
    int64_t counts[2] = {};
    if (tensor.type != TensorType::kInt64 ||
        (tensor.data.size() != sizeof(int64_t) &&
         tensor.data.size() != sizeof(counts))) {
      return absl::InvalidArgumentError(
          absl::StrCat("tensor ", kStepsName, " is not one int64, or two"));
    }
    std::memcpy(counts, tensor.data.data(), tensor.data.size());
    if (counts[0] < 0 || counts[1] < 0 || counts[1] > counts[0]) {
      return absl::InvalidArgumentError(
          absl::StrCat("tensor ", kStepsName, " = ", counts[0], ", ", counts[1],
                       " held: is negative, or more are held than there are"));
    }
    tensors->erase(tensors->begin() + static_cast<std::ptrdiff_t>(i));
    return StepCounts{counts[0], counts[1]};
  }
  return absl::InvalidArgumentError(
      absl::StrCat("tensor ", kStepsName, " is missing"));
}

}  // namespace

Adam::Adam(const ParameterList& parameters, size_t holdable)
    : holdable_(holdable) {
  for (Parameter* parameter : parameters) {
    moments_.push_back({parameter, at::zeros_like(parameter->value),
                        at::zeros_like(parameter->value)});
  }
}

void Adam::Step(const std::vector<double>& learning_rates, bool hold) {
  ++steps_;
  if (hold) ++held_;
  for (size_t i = hold ? holdable_ : 0; i < moments_.size(); ++i) {
    Moments& moments = moments_[i];
    const double t =
        static_cast<double>(i < holdable_ ? steps_ - held_ : steps_);
    const double correction1 = 1.0 - std::pow(kBeta1, t);
    const double correction2 = 1.0 - std::pow(kBeta2, t);
    const at::Tensor& gradient = moments.parameter->gradient;
    moments.first.mul_(kBeta1).add_(gradient, 1.0 - kBeta1);
    moments.second.mul_(kBeta2).addcmul_(gradient, gradient, 1.0 - kBeta2);
    const at::Tensor denominator =
        (moments.second / correction2).sqrt_().add_(kEpsilon);
    moments.parameter->value.addcdiv_(moments.first, denominator,
                                      -learning_rates[i] / correction1);
  }
}

std::vector<TensorSlot> Adam::Slots() {
  std::vector<TensorSlot> slots;
  for (Moments& moments : moments_) {
    const std::string& name = moments.parameter->name;
    slots.push_back({absl::StrCat("adam.", name, ".first"), &moments.first});
    slots.push_back({absl::StrCat("adam.", name, ".second"), &moments.second});
  }
  return slots;
}

std::vector<NamedTensor> Adam::Save() {
  std::vector<NamedTensor> tensors;
  for (const TensorSlot& slot : Slots()) {
    tensors.push_back(ToNamedTensor(slot.name, *slot.value));
  }
  NamedTensor steps;
  steps.name = kStepsName;
  steps.type = TensorType::kInt64;
  const int64_t counts[2] = {steps_, held_};
  steps.shape = {held_ == 0 ? 1 : 2};
  steps.data.resize(static_cast<size_t>(steps.shape[0]) * sizeof(int64_t));
  std::memcpy(steps.data.data(), counts, steps.data.size());
  tensors.push_back(steps);
  return tensors;
}

absl::Status Adam::Check(std::vector<NamedTensor> tensors) {
  const absl::StatusOr<StepCounts> steps = TakeSteps(&tensors);
  if (!steps.ok()) return steps.status();
  return CheckTensors(tensors, Slots());
}

void Adam::Load(std::vector<NamedTensor> tensors) {
  const StepCounts counts = *TakeSteps(&tensors);
  steps_ = counts.steps;
  held_ = counts.held;
  CopyTensors(tensors, Slots());
}

Adam::State Adam::Snapshot() const {
  State state;
  for (const Moments& moments : moments_) {
    state.tensors.push_back(moments.parameter->value.clone());
    state.tensors.push_back(moments.first.clone());
    state.tensors.push_back(moments.second.clone());
  }
  state.steps = steps_;
  state.held = held_;
  return state;
}

void Adam::Restore(const State& state) {
  for (size_t i = 0; i < moments_.size(); ++i) {
    moments_[i].parameter->value.copy_(state.tensors[3 * i]);
    moments_[i].first.copy_(state.tensors[3 * i + 1]);
    moments_[i].second.copy_(state.tensors[3 * i + 2]);
  }
  steps_ = state.steps;
  held_ = state.held;
}

}  // namespace kmyriad
