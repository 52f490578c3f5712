#include "entropy_service/epoch_evaluation.h"

#include <cmath>

#include "absl/strings/str_cat.h"
#include "common/base/check.h"
#include "common/base/copy_bytes.h"

namespace kmyriad {

absl::StatusOr<EpochEvaluation> EpochEvaluation::Create(
    std::shared_ptr<const ScoredEpoch> epoch, WeightedForm form) {
  if (epoch->pool == nullptr) {
    return absl::FailedPreconditionError(
        absl::StrCat("epoch ", epoch->request.epoch,
                     ": its neighbours were not kept; score it with "
                     "keep_neighbors"));
  }
  return EpochEvaluation(std::move(epoch), form);
}

absl::Status EpochEvaluation::Append(uint64_t first,
                                     absl::string_view log_weights) {
  const size_t have = log_weights_.size();
  if (first != have) {
    return absl::InvalidArgumentError(
        absl::StrCat("chunk.first = ", first, ": expected particle ", have));
  }
  const size_t count = log_weights.size() / sizeof(float);
  if (count == 0 || log_weights.size() % sizeof(float) != 0 ||
      count > particles() - have) {
    return absl::InvalidArgumentError(
        absl::StrCat("chunk.log_weights = ", log_weights.size(),
                     " bytes after ", have, " numbers: the epoch has ",
                     particles(), " particles, four bytes each"));
  }
  std::vector<float> numbers(count);
  CopyBytes(numbers.data(), log_weights.data(), log_weights.size());
  const std::vector<uint32_t>& ids = epoch_->pool->ids;
  size_t row = next_row_;
  for (; row < ids.size() && ids[row] < have + count; ++row) {
    const float number = numbers[ids[row] - have];
    // False for a NaN, too.
    if (std::abs(number) <= kMaxLogWeight) continue;
    return absl::InvalidArgumentError(
        absl::StrCat("log_weight of particle ", ids[row], " = ", number,
                     ": use numbers of at most ", kMaxLogWeight,
                     " in magnitude; clamp the log-ratios"));
  }
  next_row_ = row;
  log_weights_.insert(log_weights_.end(), numbers.begin(), numbers.end());
  return absl::OkStatus();
}

std::vector<float> EpochEvaluation::OfParticles(
    const std::vector<double>& of_rows) const {
  std::vector<float> values(particles());
  for (size_t row = 0; row < of_rows.size(); ++row) {
    values[epoch_->pool->ids[row]] = static_cast<float>(of_rows[row]);
  }
  return values;
}

EvaluatedEpoch EpochEvaluation::Compute() const {
  KMYRIAD_CHECK(complete());
  const MeasuredPool& pool = *epoch_->pool;
  const std::vector<uint32_t> agents = AgentsOf(epoch_->request, pool);
  const size_t rows = pool.ids.size();
  std::vector<double> log_weights(rows);
  for (size_t row = 0; row < rows; ++row) {
    log_weights[row] = log_weights_[pool.ids[row]];
  }
  WeightedEntropy weighted = EvaluateWeights(
      {pool.graph, pool.log_volumes, agents, epoch_->request.agents},
      NeighborSet::kSelfAndNearest, form_, log_weights);
  EvaluatedEpoch result;
  result.entropy_nats = weighted.entropy_nats;
  result.kl_nats = weighted.kl_nats;
  result.effective_samples = weighted.effective_samples;
  result.agent_effective_samples = std::move(weighted.group_effective_samples);
  result.entropy_gradient = OfParticles(weighted.entropy_gradient);
  return result;
}

}  // namespace kmyriad
