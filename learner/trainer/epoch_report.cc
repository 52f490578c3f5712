#include "learner/trainer/epoch_report.h"

#include "nlohmann/json.hpp"

namespace kmyriad {
namespace {

using Json = nlohmann::ordered_json;

Json MakeMetrics(const EpochReport& report) {
  const ScoreResult& score = report.score;
  const UpdateStats& update = report.update;
  const PhaseSeconds& seconds = report.seconds;
  const double total = seconds.total();
  Json metrics = {
      {"epoch", report.epoch},
      {"policy_version", report.epoch},
      {"env_steps", report.env_steps},
      {"entropy_nats", score.entropy_nats},
      {"grid_entropy_nats", score.grid_entropy_nats},
      {"coverage", score.coverage},
      {"coverage_ever", report.coverage_ever},
      {"cells_ever", report.cells_ever},
      {"new_cells", report.new_cells},
      {"diversity_nats", score.diversity_nats},
      {"diversity_null_nats", score.diversity_null_nats},
      {"owner_share", score.owner_share},
      {"redundancy", score.redundancy},
      {"vendi_score", score.vendi_score},
      {"kl_mean", update.kl_mean},
      {"reward_mean", report.reward_mean},
      {"log_volume_mean", score.log_volume_mean},
      {"log_volume_std", score.log_volume_std},
      {"reward_std", score.reward_std},
      {"in_degree_std", score.in_degree_std},
      {"upside_down", report.upside_down},
      {"ratio_max_error", update.ratio_max_error},
      {"clip_fraction", update.clip_fraction},
      {"policy_loss", update.policy_loss},
      {"value_loss", update.value_loss},
      {"explained_variance", update.explained_variance},
      {"learning_rate", update.learning_rate},
      {"action_std", update.action_std_mean},
      {"action_mean_abs", update.action_mean_abs},
      {"saturated", update.saturated_fraction},
      {"trunk_grad_norm", update.trunk_grad_norm},
      {"head_grad_norm_max", update.head_grad_norm_max},
      {"passes", update.passes},
      {"engine", score.engine},
      {"policy_hash", ToHex(report.policy_hash)},
      {"samples",
       {{"applied", report.segments.applied_samples},
        {"masked", report.masked},
        {"floored", score.floored},
        {"unreachable", score.unreachable_hits},
        {"duplicate", report.segments.duplicate_samples},
        {"stale", report.segments.stale_samples},
        {"recomputed", report.recomputed_samples}}},
      {"steps_per_second",
       total > 0 ? static_cast<double>(report.epoch_steps) / total : 0},
      {"seconds",
       {{"collect", seconds.collect},
        {"score", seconds.score},
        {"update", seconds.update},
        {"checkpoint", seconds.checkpoint},
        {"total", total}}},
  };
  if (!score.agent_divergences_nats.empty()) {
    metrics["divergence_nats"] = score.divergence_nats;
    metrics["agent_divergences_nats"] = score.agent_divergences_nats;
  }
  if (report.task.has_value()) {
    metrics["success"] = report.task->success;
    metrics["success_best"] = report.task->success_best;
    metrics["agents_with_success"] = report.task->agents_with_success;
    metrics["steps_to_goal"] = report.task->steps_to_goal;
    metrics["migrated"] = report.task->migrated;
  }
  if (report.forgetting.has_value()) {
    metrics["pretrained_kl_nats"] = report.forgetting->kl_nats;
    if (report.forgetting->coverage_loss.has_value()) {
      metrics["coverage_loss"] = *report.forgetting->coverage_loss;
    }
  }
  if (update.ascent.has_value()) {
    metrics["reweighted_entropy_before_nats"] =
        update.ascent->entropy_before_nats;
    metrics["reweighted_entropy_nats"] = update.ascent->entropy_nats;
    metrics["state_kl_nats"] = update.ascent->state_kl_nats;
    metrics["effective_share"] = update.ascent->effective_share;
    metrics["backtracks"] = update.ascent->backtracks;
  }
  return metrics;
}

void Flatten(const Json& value, const std::string& prefix,
             std::map<std::string, double>* flat) {
  for (const auto& [key, entry] : value.items()) {
    if (entry.is_object()) {
      Flatten(entry, prefix + key + ".", flat);
    } else if (entry.is_number()) {
      (*flat)[prefix + key] = entry.get<double>();
    }
  }
}

}  // namespace

std::string FormatMetricsLine(const EpochReport& report) {
  return MakeMetrics(report).dump(-1, ' ', true,
                                  Json::error_handler_t::replace);
}

std::map<std::string, double> FlattenMetrics(const EpochReport& report) {
  std::map<std::string, double> flat;
  Flatten(MakeMetrics(report), "", &flat);
  return flat;
}

}  // namespace kmyriad
