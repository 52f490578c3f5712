#include "learner/algorithm/epoch_data.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "absl/strings/str_cat.h"
#include "learner/algorithm/advantages.h"

namespace kmyriad {
namespace {

// A read-only view of the caller's floats as [m, S, columns].
at::Tensor View(const float* data, at::IntArrayRef shape) {
  return at::from_blob(const_cast<float*>(data), shape, at::kFloat);
}

// Fills rows, and the columns of the records that the actors determine, a few
// agents at a time, so that temporaries stay small.
void FillFromActors(const PolicyOptimizerOptions& options,
                    const EpochSamples& samples, const std::vector<float>& mean,
                    const std::vector<float>& inv_std, at::TensorOptions master,
                    MultiHeadActorCritic& network, EpochData* data) {
  constexpr int64_t kRowsAtOnce = 32768;
  constexpr double kSaturated = 2.0922957200349393;  // atanh(0.97)
  const int64_t m = options.shape.agents;
  const int64_t count = data->rows.size(1);
  const int64_t obs_dim = options.shape.obs_dim;
  const int64_t act_dim = options.shape.act_dim;
  const at::Tensor shift = View(mean.data(), {obs_dim}).to(master.device());
  const at::Tensor scale = View(inv_std.data(), {obs_dim}).to(master.device());
  const at::Tensor observations =
      View(samples.observations, {m, count, obs_dim});
  const at::Tensor actions = View(samples.actions, {m, count, act_dim});
  const at::Tensor log_probs = View(samples.log_probs, {m, count});
  int64_t saturated = 0;
  const int64_t step = std::max<int64_t>(1, kRowsAtOnce / count);
  for (int64_t first = 0; first < m; first += step) {
    const int64_t agents = std::min(step, m - first);
    const at::Tensor x =
        observations.narrow(0, first, agents).to(master.device());
    network.FillRows(((x - shift) * scale).clamp_(-5, 5),
                     data->rows.narrow(0, first, agents));
    const at::Tensor u = actions.narrow(0, first, agents).to(master);
    // ln |d tanh u / du| (method.md 1.1): what the actors' log-probabilities
    // hold beyond the Gaussian's. It cancels in ratios, so it is taken out
    // once.
    const at::Tensor squash =
        ((u + at::softplus(u * -2.0)) * -2.0 + 2.0 * std::log(2.0)).sum(2);
    const at::Tensor records = data->records.narrow(0, first, agents);
    records.narrow(2, 0, act_dim).copy_(u);
    records.select(2, act_dim)
        .copy_(log_probs.narrow(0, first, agents).to(master) + squash);
    saturated += (u.abs() > kSaturated).sum().item<int64_t>();
  }
  data->saturated_fraction =
      static_cast<double>(saturated) / static_cast<double>(actions.numel());
}

std::vector<float> ComputeValues(const at::Tensor& rows, int64_t chunk,
                                 MultiHeadActorCritic& network) {
  const int64_t m = rows.size(0);
  const int64_t count = rows.size(1);
  std::vector<float> values(static_cast<size_t>(m * count));
  at::Tensor target = at::from_blob(values.data(), {m, count}, at::kFloat);
  for (int64_t first = 0; first < count; first += chunk) {
    const int64_t size = std::min(chunk, count - first);
    target.narrow(1, first, size)
        .copy_(network.ForwardValue(
            rows.narrow(1, first, size).clone(at::MemoryFormat::Contiguous)));
  }
  return values;
}

}  // namespace

RecordColumns SplitRecords(const at::Tensor& records) {
  const int64_t actions = records.size(2) - 3;
  return {records.narrow(2, 0, actions), records.select(2, actions),
          records.select(2, actions + 1), records.select(2, actions + 2)};
}

absl::Status CheckSamples(const PolicyOptimizerOptions& options,
                          const EpochSamples& samples, size_t mean_size,
                          size_t inv_std_size) {
  if (samples.observations == nullptr || samples.actions == nullptr ||
      samples.log_probs == nullptr || samples.rewards == nullptr) {
    return absl::InvalidArgumentError("an array of the samples is missing");
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

absl::StatusOr<EpochData> PrepareEpoch(
    const PolicyOptimizerOptions& options, const EpochSamples& samples,
    const std::vector<float>& normalizer_mean,
    const std::vector<float>& normalizer_inv_std, int64_t chunk,
    at::TensorOptions master, MultiHeadActorCritic& network) {
  const int64_t m = options.shape.agents;
  const int64_t act_dim = options.shape.act_dim;
  const uint64_t total = uint64_t{samples.envs} * samples.horizon;
  const int64_t count = static_cast<int64_t>(total) / m;
  EpochData data;
  data.rows = at::empty({m, count, network.row_columns()},
                        master.dtype(network.product_type()));
  data.records = at::empty({m, count, act_dim + 3}, master);
  FillFromActors(options, samples, normalizer_mean, normalizer_inv_std, master,
                 network, &data);

  const std::vector<float> values = ComputeValues(data.rows, chunk, network);
  std::vector<float> advantages(total);
  ComputeAdvantages(samples.rewards, values.data(), samples.envs,
                    samples.horizon, options.gamma, options.lambda,
                    advantages.data());
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
  data.explained_variance =
      ExplainedVariance(targets.data(), values.data(), total);
  if (options.normalize_advantages) {
    StandardizeGroups(advantages.data(), static_cast<uint64_t>(m),
                      static_cast<uint64_t>(count));
  }
  data.records.select(2, act_dim + 1)
      .copy_(View(advantages.data(), {m, count}));
  data.records.select(2, act_dim + 2).copy_(View(targets.data(), {m, count}));
  return data;
}

}  // namespace kmyriad
