#include "common/policy/forgetting_monitor.h"

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/strings/str_cat.h"
#include "common/base/copy_bytes.h"
#include "common/base/status_macros.h"
#include "common/base/tensor.h"
#include "common/policy/mean_actions.h"

namespace kmyriad {
namespace {

constexpr char kStates[] = "pretrained.states";
constexpr char kMeans[] = "pretrained.means";
constexpr char kLogStd[] = "pretrained.log_std";

// Rows of `columns` floats each, of a multiple of `parts` rows, at least one.
absl::StatusOr<std::vector<float>> ReadRows(
    const std::vector<NamedTensor>& tensors, const char* name, size_t parts,
    size_t columns) {
  const NamedTensor* const tensor = FindTensor(tensors, name);
  if (tensor == nullptr) {
    return absl::InvalidArgumentError(
        absl::StrCat("the initial policy has no tensor ", name));
  }
  const size_t count = tensor->data.size() / sizeof(float);
  if (tensor->type != TensorType::kFloat32 || count == 0 ||
      tensor->data.size() % (parts * columns * sizeof(float)) != 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("tensor ", name, " of the initial policy has ", count,
                     " numbers: not a multiple of ", parts, " x ", columns));
  }
  std::vector<float> rows(count);
  CopyBytes(rows.data(), tensor->data.data(), tensor->data.size());
  return rows;
}

}  // namespace

absl::StatusOr<ForgettingMonitor> ForgettingMonitor::Create(
    const std::vector<NamedTensor>& tensors, const NetworkShape& shape) {
  ForgettingMonitor monitor;
  KMYRIAD_ASSIGN_OR_RETURN(monitor.states_,
                           ReadRows(tensors, kStates, 1, shape.obs_dim));
  KMYRIAD_ASSIGN_OR_RETURN(
      monitor.means_, ReadRows(tensors, kMeans, shape.agents, shape.act_dim));
  KMYRIAD_ASSIGN_OR_RETURN(
      monitor.log_std_,
      ReadRows(tensors, kLogStd, shape.agents, shape.act_dim));
  const size_t count = monitor.states_.size() / shape.obs_dim;
  const size_t heads = size_t{shape.agents} * shape.act_dim;
  if (monitor.means_.size() != heads * count ||
      monitor.log_std_.size() != heads) {
    return absl::InvalidArgumentError(absl::StrCat(
        "tensors ", kMeans, " and ", kLogStd, " of the initial policy have ",
        monitor.means_.size(), " and ", monitor.log_std_.size(),
        " numbers for ", count, " states, ", shape.agents, " agents and ",
        shape.act_dim, " actions"));
  }
  return monitor;
}

bool ForgettingMonitor::Has(const std::vector<NamedTensor>& tensors) {
  return FindTensor(tensors, kStates) != nullptr;
}

absl::StatusOr<std::vector<NamedTensor>> ForgettingMonitor::SelectAgents(
    const std::vector<NamedTensor>& tensors, const NetworkShape& shape,
    const std::vector<uint32_t>& agents) {
  KMYRIAD_ASSIGN_OR_RETURN(const ForgettingMonitor all, Create(tensors, shape));
  const auto count = static_cast<int64_t>(agents.size());
  const int64_t obs = shape.obs_dim;
  const int64_t act = shape.act_dim;
  const int64_t states = static_cast<int64_t>(all.states_.size()) / obs;
  return std::vector<NamedTensor>{
      MakeTensor(kStates, {states, obs}, all.states_),
      MakeTensor(kMeans, {count, states, act},
                 TakeRows(all.means_, shape.agents, agents)),
      MakeTensor(kLogStd, {count, 1, act},
                 TakeRows(all.log_std_, shape.agents, agents))};
}

absl::StatusOr<std::vector<NamedTensor>> ForgettingMonitor::MakeTensors(
    const PolicyWeights& weights, const std::vector<float>& states) {
  KMYRIAD_ASSIGN_OR_RETURN(const std::vector<float> means,
                           MeanActions(weights, states));
  const int64_t agents = weights.agent_count;
  const int64_t obs = weights.shape.obs_dim;
  const int64_t act = weights.shape.act_dim;
  const int64_t count = static_cast<int64_t>(states.size()) / obs;
  return std::vector<NamedTensor>{
      MakeTensor(kStates, {count, obs}, states),
      MakeTensor(kMeans, {agents, count, act}, means),
      MakeTensor(kLogStd, {agents, 1, act}, weights.head_log_std)};
}

absl::StatusOr<double> ForgettingMonitor::Kl(
    const PolicyWeights& weights) const {
  KMYRIAD_ASSIGN_OR_RETURN(const std::vector<float> means,
                           MeanActions(weights, states_));
  const size_t act = weights.shape.act_dim;
  const size_t per_agent = means.size() / weights.agent_count;
  // sum_d ln(s' / s) + (s^2 + (mu - mu')^2) / (2 s'^2) - 1/2.
  double sum = 0;
  for (size_t i = 0; i < means.size(); ++i) {
    const size_t head = i / per_agent * act + i % act;
    const double before = log_std_[head];
    const double now = weights.head_log_std[head];
    const double gap = double{means[i]} - means_[i];
    sum +=
        now - before - 0.5 +
        0.5 * (std::exp(2 * (before - now)) + gap * gap * std::exp(-2 * now));
  }
  return sum / (static_cast<double>(means.size()) / static_cast<double>(act));
}

}  // namespace kmyriad
