#include "learner/algorithm/adam.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace kmyriad {
namespace {

constexpr double kBeta1 = 0.9;
constexpr double kBeta2 = 0.999;
constexpr double kEpsilon = 1e-8;
constexpr char kStepsName[] = "adam.steps";

}  // namespace

Adam::Adam(const ParameterList& trunk, const ParameterList& heads,
           const ParameterList& others)
    : trunk_end_(trunk.size()), heads_end_(trunk.size() + heads.size()) {
  for (const ParameterList* list : {&trunk, &heads, &others}) {
    for (Parameter* parameter : *list) {
      moments_.push_back({parameter, at::zeros_like(parameter->value),
                          at::zeros_like(parameter->value)});
    }
  }
  if (!heads.empty()) {
    counts_.head_held.resize(static_cast<size_t>(heads[0]->value.size(0)));
  }
}

void Adam::Step(double policy_rate, double other_rate,
                const std::vector<uint8_t>& trained) {
  ++counts_.steps;
  const bool any = trained.empty() || std::find(trained.begin(), trained.end(),
                                                uint8_t{1}) != trained.end();
  if (!any) ++counts_.trunk_held;
  for (size_t i = 0; any && i < trunk_end_; ++i) {
    StepRows(moments_[i], 0, moments_[i].first.size(0),
             counts_.steps - counts_.trunk_held, policy_rate);
  }
  StepHeads(policy_rate, trained);
  for (size_t i = heads_end_; i < moments_.size(); ++i) {
    StepRows(moments_[i], 0, moments_[i].first.size(0), counts_.steps,
             other_rate);
  }
}

void Adam::StepHeads(double rate, const std::vector<uint8_t>& trained) {
  std::vector<int64_t>& held = counts_.head_held;
  const auto agents = static_cast<int64_t>(held.size());
  const auto takes_part = [&trained](int64_t agent) {
    return trained.empty() || trained[static_cast<size_t>(agent)] != 0;
  };
  for (int64_t agent = 0; agent < agents; ++agent) {
    if (!takes_part(agent)) ++held[static_cast<size_t>(agent)];
  }
  // Neighbours that have taken the same number of steps go together.
  for (int64_t first = 0, end = 0; first < agents; first = end) {
    const int64_t sat_out = held[static_cast<size_t>(first)];
    for (end = first + 1; end < agents; ++end) {
      if (takes_part(end) != takes_part(first) ||
          held[static_cast<size_t>(end)] != sat_out) {
        break;
      }
    }
    if (!takes_part(first)) continue;
    for (size_t i = trunk_end_; i < heads_end_; ++i) {
      StepRows(moments_[i], first, end - first, counts_.steps - sat_out, rate);
    }
  }
}

void Adam::ForgetHead(int64_t agent) {
  for (size_t i = trunk_end_; i < heads_end_; ++i) {
    moments_[i].first.select(0, agent).zero_();
    moments_[i].second.select(0, agent).zero_();
  }
  counts_.head_held[static_cast<size_t>(agent)] = counts_.steps;
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
  const std::vector<int64_t>& held = counts_.head_held;
  if (counts_.trunk_held > 0 ||
      std::any_of(held.begin(), held.end(), [](int64_t n) { return n > 0; })) {
    counts.push_back(counts_.trunk_held);
    counts.insert(counts.end(), held.begin(), held.end());
  }
  NamedTensor steps;
  steps.name = kStepsName;
  steps.type = TensorType::kInt64;
  steps.shape = {static_cast<int64_t>(counts.size())};
  steps.data.resize(counts.size() * sizeof(int64_t));
  std::memcpy(steps.data.data(), counts.data(), steps.data.size());
  tensors.push_back(steps);
  return tensors;
}

absl::StatusOr<Adam::StepCounts> Adam::TakeSteps(
    std::vector<NamedTensor>* tensors) const {
  const size_t agents = counts_.head_held.size();
  for (size_t i = 0; i < tensors->size(); ++i) {
    const NamedTensor& tensor = (*tensors)[i];
    if (tensor.name != kStepsName) continue;
    std::vector<int64_t> numbers(tensor.data.size() / sizeof(int64_t));
    if (tensor.type != TensorType::kInt64 ||
        tensor.data.size() % sizeof(int64_t) != 0 ||
        (numbers.size() != 1 && numbers.size() != 2 &&
         numbers.size() != 2 + agents)) {
      return absl::InvalidArgumentError(absl::StrCat(
          "tensor ", kStepsName, " is not one int64, or two, or ", 2 + agents));
    }
    std::memcpy(numbers.data(), tensor.data.data(), tensor.data.size());
    if (std::any_of(numbers.begin(), numbers.end(), [&numbers](int64_t number) {
          return number < 0 || number > numbers[0];
        })) {
      return absl::InvalidArgumentError(absl::StrCat(
          "tensor ", kStepsName, " = ", absl::StrJoin(numbers, ", "),
          ": is negative, or more are held than there are"));
    }
    tensors->erase(tensors->begin() + static_cast<std::ptrdiff_t>(i));
    StepCounts counts{numbers[0], 0, std::vector<int64_t>(agents)};
    if (numbers.size() == 1) return counts;
    counts.trunk_held = numbers[1];
    if (numbers.size() == 2) {
      counts.head_held.assign(agents, numbers[1]);
    } else {
      counts.head_held.assign(numbers.begin() + 2, numbers.end());
    }
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
