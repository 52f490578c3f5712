#include "learner/algorithm/adam.h"

#include <algorithm>
#include <cmath>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/base/check.h"
#include "common/base/copy_bytes.h"
#include "common/base/tensor.h"

namespace kmyriad {
namespace {

constexpr double kBeta1 = 0.9;
constexpr double kBeta2 = 0.999;
constexpr double kEpsilon = 1e-8;
constexpr char kStepsName[] = "adam.steps";

bool TakesPart(const std::vector<uint8_t>& trained, size_t agent) {
  return trained.empty() || trained[agent] != 0;
}

bool AnyHeld(const std::vector<int64_t>& held) {
  return std::any_of(held.begin(), held.end(), [](int64_t n) { return n > 0; });
}

}  // namespace

Adam::Adam(const ParameterList& trunk, const ParameterList& heads,
           const ParameterList& critic, const Parameter* agent_rows)
    : trunk_end_(trunk.size()), heads_end_(trunk.size() + heads.size()) {
  for (const ParameterList* list : {&trunk, &heads, &critic}) {
    for (Parameter* parameter : *list) {
      if (parameter == agent_rows) agent_rows_ = moments_.size();
      moments_.push_back({parameter, at::zeros_like(parameter->value),
                          at::zeros_like(parameter->value)});
    }
  }
  if (!heads.empty()) {
    counts_.head_held.resize(static_cast<size_t>(heads[0]->value.size(0)));
  }
  KMYRIAD_CHECK(agent_rows_.has_value() == (agent_rows != nullptr));
  if (agent_rows_.has_value()) {
    counts_.row_held.resize(counts_.head_held.size());
  }
}

void Adam::Step(double policy_rate, double critic_rate,
                const std::vector<uint8_t>& trained) {
  ++counts_.steps;
  const bool any = trained.empty() || std::find(trained.begin(), trained.end(),
                                                uint8_t{1}) != trained.end();
  if (!any) ++counts_.trunk_held;
  for (size_t i = 0; any && i < trunk_end_; ++i) {
    StepRows(moments_[i], 0, moments_[i].first.size(0),
             counts_.steps - counts_.trunk_held, policy_rate);
  }
  for (size_t agent = 0; agent < counts_.head_held.size(); ++agent) {
    if (!TakesPart(trained, agent)) ++counts_.head_held[agent];
  }
  StepAgents(trunk_end_, heads_end_, counts_.head_held, policy_rate, trained);
  for (size_t i = heads_end_; i < moments_.size(); ++i) {
    if (i == agent_rows_) {
      StepAgents(i, i + 1, counts_.row_held, critic_rate, {});
    } else {
      StepRows(moments_[i], 0, moments_[i].first.size(0), counts_.steps,
               critic_rate);
    }
  }
}

void Adam::StepAgents(size_t begin, size_t end,
                      const std::vector<int64_t>& held, double rate,
                      const std::vector<uint8_t>& trained) {
  // Neighbours that have taken the same number of steps go together.
  for (size_t first = 0, last = 0; first < held.size(); first = last) {
    const bool steps = TakesPart(trained, first);
    for (last = first + 1; last < held.size(); ++last) {
      if (TakesPart(trained, last) != steps || held[last] != held[first]) break;
    }
    for (size_t i = begin; steps && i < end; ++i) {
      StepRows(moments_[i], static_cast<int64_t>(first),
               static_cast<int64_t>(last - first), counts_.steps - held[first],
               rate);
    }
  }
}

void Adam::ForgetAgent(int64_t agent) {
  const auto forget = [agent](Moments& moments) {
    moments.first.select(0, agent).zero_();
    moments.second.select(0, agent).zero_();
  };
  for (size_t i = trunk_end_; i < heads_end_; ++i) forget(moments_[i]);
  counts_.head_held[static_cast<size_t>(agent)] = counts_.steps;
  if (!agent_rows_.has_value()) return;
  forget(moments_[*agent_rows_]);
  counts_.row_held[static_cast<size_t>(agent)] = counts_.steps;
}

void Adam::StepRows(const Moments& moments, int64_t first, int64_t count,
                    int64_t step, double rate) {
  const auto t = static_cast<double>(step);
  const double correction1 = 1.0 - std::pow(kBeta1, t);
  const double correction2 = 1.0 - std::pow(kBeta2, t);
  const at::Tensor gradient =
      moments.parameter->gradient.narrow(0, first, count);
  const at::Tensor mean = moments.first.narrow(0, first, count);
  const at::Tensor square = moments.second.narrow(0, first, count);
  mean.mul_(kBeta1).add_(gradient, 1.0 - kBeta1);
  square.mul_(kBeta2).addcmul_(gradient, gradient, 1.0 - kBeta2);
  const at::Tensor denominator = (square / correction2).sqrt_().add_(kEpsilon);
  moments.parameter->value.narrow(0, first, count)
      .addcdiv_(mean, denominator, -rate / correction1);
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
  std::vector<int64_t> counts = {counts_.steps};
  const std::vector<int64_t>& heads = counts_.head_held;
  const std::vector<int64_t>& rows = counts_.row_held;
  if (counts_.trunk_held > 0 || AnyHeld(heads) || AnyHeld(rows)) {
    counts.push_back(counts_.trunk_held);
    counts.insert(counts.end(), heads.begin(), heads.end());
  }
  if (AnyHeld(rows)) counts.insert(counts.end(), rows.begin(), rows.end());
  tensors.push_back(
      MakeTensor(kStepsName, {static_cast<int64_t>(counts.size())}, counts));
  return tensors;
}

absl::StatusOr<Adam::StepCounts> Adam::TakeSteps(
    std::vector<NamedTensor>* tensors) const {
  const size_t agents = counts_.head_held.size();
  const size_t most = 2 + agents + counts_.row_held.size();
  for (size_t i = 0; i < tensors->size(); ++i) {
    const NamedTensor& tensor = (*tensors)[i];
    if (tensor.name != kStepsName) continue;
    std::vector<int64_t> numbers(tensor.data.size() / sizeof(int64_t));
    const size_t count = numbers.size();
    if (tensor.type != TensorType::kInt64 ||
        tensor.data.size() % sizeof(int64_t) != 0 ||
        (count != 1 && count != 2 && count != 2 + agents && count != most)) {
      return absl::InvalidArgumentError(
          absl::StrCat("tensor ", kStepsName, " is not one int64, or 2, or ",
                       2 + agents, ", or ", most));
    }
    CopyBytes(numbers.data(), tensor.data.data(), tensor.data.size());
    if (std::any_of(numbers.begin(), numbers.end(), [&numbers](int64_t number) {
          return number < 0 || number > numbers[0];
        })) {
      return absl::InvalidArgumentError(absl::StrCat(
          "tensor ", kStepsName, " = ", absl::StrJoin(numbers, ", "),
          ": is negative, or more are held than there are"));
    }
    tensors->erase(tensors->begin() + static_cast<std::ptrdiff_t>(i));
    StepCounts counts{numbers[0], 0, std::vector<int64_t>(agents),
                      std::vector<int64_t>(counts_.row_held.size())};
    if (count == 1) return counts;
    counts.trunk_held = numbers[1];
    const auto heads = numbers.begin() + 2;
    if (count == 2) {
      counts.head_held.assign(agents, counts.trunk_held);
      return counts;
    }
    const auto rows = heads + static_cast<std::ptrdiff_t>(agents);
    counts.head_held.assign(heads, rows);
    if (count == most) counts.row_held.assign(rows, numbers.end());
    return counts;
  }
  return absl::InvalidArgumentError(
      absl::StrCat("tensor ", kStepsName, " is missing"));
}

absl::Status Adam::Check(std::vector<NamedTensor> tensors) {
  const absl::StatusOr<StepCounts> steps = TakeSteps(&tensors);
  if (!steps.ok()) return steps.status();
  return CheckTensors(tensors, Slots());
}

void Adam::Load(std::vector<NamedTensor> tensors) {
  counts_ = *TakeSteps(&tensors);
  CopyTensors(tensors, Slots());
}

Adam::State Adam::Snapshot() const {
  State state;
  for (const Moments& moments : moments_) {
    state.tensors.push_back(moments.parameter->value.clone());
    state.tensors.push_back(moments.first.clone());
    state.tensors.push_back(moments.second.clone());
  }
  state.counts = counts_;
  return state;
}

void Adam::Restore(const State& state) {
  for (size_t i = 0; i < moments_.size(); ++i) {
    moments_[i].parameter->value.copy_(state.tensors[3 * i]);
    moments_[i].first.copy_(state.tensors[3 * i + 1]);
    moments_[i].second.copy_(state.tensors[3 * i + 2]);
  }
  counts_ = state.counts;
}

}  // namespace kmyriad
