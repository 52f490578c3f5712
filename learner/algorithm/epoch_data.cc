#include "learner/algorithm/epoch_data.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

#include "absl/strings/str_cat.h"
#include "learner/algorithm/advantages.h"
#include "learner/algorithm/schedules.h"

namespace kmyriad {
namespace {

// A read-only view of the caller's floats as [m, S, columns].
at::Tensor View(const float* data, at::IntArrayRef shape) {
  return at::from_blob(const_cast<float*>(data), shape, at::kFloat);
}

// Samples of a few agents: temporaries stay small.
struct AgentRange {
  int64_t first;
  int64_t count;
};

std::vector<AgentRange> SplitAgents(int64_t agents, int64_t samples) {
  constexpr int64_t kRowsAtOnce = 32768;
  const int64_t step = std::max<int64_t>(1, kRowsAtOnce / samples);
  std::vector<AgentRange> ranges;
  for (int64_t first = 0; first < agents; first += step) {
    ranges.push_back({first, std::min(step, agents - first)});
  }
  return ranges;
}

// What the actors determine, as [m, S, .].
struct ActorTensors {
  at::Tensor observations;
  at::Tensor actions;
  at::Tensor log_probs;
  at::Tensor shift;
  at::Tensor scale;
};

// Fills the rows, and the records' actions and log-densities, of some agents;
// returns how many actions are saturated.
int64_t FillAgents(const ActorTensors& actors, AgentRange range,
                   at::TensorOptions master,
                   const MultiHeadActorCritic& network, const EpochData& data) {
  constexpr double kSaturated = 2.0922957200349393;  // atanh(0.97)
  const at::Tensor x = actors.observations.narrow(0, range.first, range.count)
                           .to(master.device());
  network.FillRows(((x - actors.shift) * actors.scale).clamp_(-5, 5),
                   data.rows.narrow(0, range.first, range.count));
  const at::Tensor u =
      actors.actions.narrow(0, range.first, range.count).to(master);
  // ln |d tanh u / du| (method.md 1.1): what the actors' log-probabilities
  // hold beyond the Gaussian's. It cancels in ratios, so it is taken out once.
  const at::Tensor squash =
      ((u + at::softplus(u * -2.0)) * -2.0 + 2.0 * std::log(2.0)).sum(2);
  const RecordColumns record =
      SplitRecords(data.records.narrow(0, range.first, range.count));
  record.actions.copy_(u);
  record.log_density.copy_(
      actors.log_probs.narrow(0, range.first, range.count).to(master) + squash);
  return (u.abs() > kSaturated).sum().item<int64_t>();
}

std::vector<float> ComputeValues(
    const at::Tensor& rows, int64_t chunk,
    const std::vector<MultiHeadActorCritic*>& networks,
    const ParallelLoop& loop) {
  const int64_t m = rows.size(0);
  const int64_t count = rows.size(1);
  std::vector<float> values(static_cast<size_t>(m * count));
  const at::Tensor target =
      at::from_blob(values.data(), {m, count}, at::kFloat);
  const size_t chunks =
      PartCount(static_cast<uint64_t>(count), static_cast<uint64_t>(chunk));
  loop(chunks, [&](size_t worker, size_t i) {
    const int64_t first = static_cast<int64_t>(i) * chunk;
    const int64_t size = std::min(chunk, count - first);
    target.narrow(1, first, size)
        .copy_(networks[worker]->ForwardValue(
            rows.narrow(1, first, size).clone(at::MemoryFormat::Contiguous)));
  });
  return values;
}

// Of the samples that count.
double VarianceExplained(const std::vector<float>& targets,
                         const std::vector<float>& values,
                         const uint8_t* counts) {
  if (counts == nullptr) {
    return ExplainedVariance(targets.data(), values.data(), targets.size());
  }
  std::vector<float> kept_targets;
  std::vector<float> kept_values;
  for (size_t i = 0; i < targets.size(); ++i) {
    if (counts[i] == 0) continue;
    kept_targets.push_back(targets[i]);
    kept_values.push_back(values[i]);
  }
  return ExplainedVariance(kept_targets.data(), kept_values.data(),
                           kept_targets.size());
}

// What does not learn has no advantages, thus no gradient for the trunk. Its
// head gets that of the entropy bonus, along which Adam does not step.
void SilenceAgents(const std::vector<uint8_t>& trained,
                   std::vector<float>* advantages, EpochData* data) {
  const auto size = static_cast<int64_t>(advantages->size() / trained.size());
  for (size_t agent = 0; agent < trained.size(); ++agent) {
    if (trained[agent] != 0) continue;
    std::fill_n(advantages->begin() + static_cast<int64_t>(agent) * size, size,
                0.0f);
  }
  data->trained = trained;
}

}  // namespace

RecordColumns SplitRecords(const at::Tensor& records) {
  const int64_t actions = records.size(2) - 4;
  return {records.narrow(2, 0, actions), records.select(2, actions),
          records.select(2, actions + 1), records.select(2, actions + 2),
          records.select(2, actions + 3)};
}

absl::Status CheckSamples(const PolicyOptimizerOptions& options,
                          const EpochSamples& samples, size_t mean_size,
                          size_t inv_std_size) {
  if (samples.observations == nullptr || samples.actions == nullptr ||
      samples.log_probs == nullptr ||
      (options.objective == "iw_entropy" ? samples.evaluate == nullptr
                                         : samples.rewards == nullptr)) {
    return absl::InvalidArgumentError("a part of the samples is missing");
  }
  const uint32_t agents = options.shape.agents;
  if (samples.envs == 0 || samples.envs % agents != 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("samples of ", samples.envs,
                     " environments do not divide among ", agents, " agents"));
  }
  const uint64_t per_agent = uint64_t{samples.envs / agents} * samples.horizon;
  if (per_agent < options.minibatches || per_agent > 0xFFFFFFFFu) {
    return absl::InvalidArgumentError(
        absl::StrCat(per_agent, " samples per agent do not fit ",
                     options.minibatches, " minibatches"));
  }
  if (mean_size != options.shape.obs_dim ||
      inv_std_size != options.shape.obs_dim) {
    return absl::InvalidArgumentError(
        absl::StrCat("normaliser of ", mean_size, " and ", inv_std_size,
                     " numbers for observations of ", options.shape.obs_dim));
  }
  return absl::OkStatus();
}

EpochData FillEpoch(const PolicyOptimizerOptions& options,
                    const EpochSamples& samples,
                    const std::vector<float>& normalizer_mean,
                    const std::vector<float>& normalizer_inv_std,
                    at::TensorOptions master,
                    const std::vector<MultiHeadActorCritic*>& networks,
                    const ParallelLoop& loop) {
  const int64_t m = options.shape.agents;
  const int64_t act_dim = options.shape.act_dim;
  const uint64_t total = uint64_t{samples.envs} * samples.horizon;
  const int64_t count = static_cast<int64_t>(total) / m;
  EpochData data;
  data.rows = at::empty({m, count, networks[0]->row_columns()},
                        master.dtype(networks[0]->product_type()));
  data.records = at::empty({m, count, act_dim + 4}, master);
  const RecordColumns record = SplitRecords(data.records);
  record.advantages.zero_();
  record.value_target.zero_();
  record.counts.fill_(1);
  data.live_samples = static_cast<double>(total);
  const int64_t obs_dim = options.shape.obs_dim;
  const ActorTensors actors = {
      View(samples.observations, {m, count, obs_dim}),
      View(samples.actions, {m, count, act_dim}),
      View(samples.log_probs, {m, count}),
      View(normalizer_mean.data(), {obs_dim}).to(master.device()),
      View(normalizer_inv_std.data(), {obs_dim}).to(master.device())};
  const std::vector<AgentRange> ranges = SplitAgents(m, count);
  std::vector<int64_t> saturated(ranges.size());
  loop(ranges.size(), [&](size_t worker, size_t i) {
    saturated[i] =
        FillAgents(actors, ranges[i], master, *networks[worker], data);
  });
  data.saturated_fraction =
      static_cast<double>(
          std::accumulate(saturated.begin(), saturated.end(), int64_t{0})) /
      static_cast<double>(actors.actions.numel());
  return data;
}

absl::StatusOr<EpochData> PrepareEpoch(
    const PolicyOptimizerOptions& options, const EpochSamples& samples,
    const std::vector<float>& normalizer_mean,
    const std::vector<float>& normalizer_inv_std, int64_t chunk,
    at::TensorOptions master,
    const std::vector<MultiHeadActorCritic*>& networks,
    const ParallelLoop& loop) {
  EpochData data = FillEpoch(options, samples, normalizer_mean,
                             normalizer_inv_std, master, networks, loop);
  const int64_t m = options.shape.agents;
  const uint64_t total = uint64_t{samples.envs} * samples.horizon;
  const int64_t count = static_cast<int64_t>(total) / m;
  const std::vector<float> values =
      ComputeValues(data.rows, chunk, networks, loop);
  std::vector<float> advantages(total);
  ComputeAdvantages(samples.rewards, values.data(), samples.envs,
                    samples.horizon, options.gamma, options.lambda,
                    advantages.data(), samples.counts);
  std::vector<float> targets(total);
  for (uint64_t i = 0; i < total; ++i) {
    targets[i] = advantages[i] + values[i];
    if (!std::isfinite(targets[i])) {
      return absl::InternalError(absl::StrCat(
          "value target of environment ", i / samples.horizon, " at step ",
          i % samples.horizon, " is not finite (reward ", samples.rewards[i],
          ", value ", values[i], ")"));
    }
  }
  data.explained_variance = VarianceExplained(targets, values, samples.counts);
  if (options.normalize_advantages) {
    StandardizeGroups(advantages.data(), static_cast<uint64_t>(m),
                      static_cast<uint64_t>(count), samples.counts);
  }
  if (samples.trained != nullptr) {
    SilenceAgents({samples.trained, samples.trained + m}, &advantages, &data);
  }
  const RecordColumns record = SplitRecords(data.records);
  if (samples.counts != nullptr) {
    data.live_samples = std::max<double>(
        1, static_cast<double>(std::accumulate(
               samples.counts, samples.counts + total, uint64_t{0})));
    record.counts.copy_(at::from_blob(const_cast<uint8_t*>(samples.counts),
                                      {m, count}, at::kByte));
  }
  record.advantages.copy_(View(advantages.data(), {m, count}));
  record.value_target.copy_(View(targets.data(), {m, count}));
  return data;
}

}  // namespace kmyriad
