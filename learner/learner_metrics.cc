#include "learner/learner_metrics.h"

#include <algorithm>

namespace kmyriad {
namespace {

// A gauge of progress: the key of FlattenMetrics that feeds it, and its label
// (none if empty).
struct ProgressGauge {
  const char* key;
  const char* name;
  const char* help;
  const char* label;
  const char* value;
};

constexpr ProgressGauge kProgressGauges[] = {
    {"epoch", "kmyriad_run_epoch", "Last finished epoch.", "", ""},
    {"env_steps", "kmyriad_run_env_steps",
     "Environment steps of finished epochs.", "", ""},
    {"steps_per_second", "kmyriad_run_env_steps_per_second",
     "Environment steps per second over the last epoch.", "", ""},
    {"policy_version", "kmyriad_learner_policy_version", "Counter of updates.",
     "", ""},
    {"entropy_nats", "kmyriad_exploration_state_entropy_nats",
     "Entropy of the pooled states; may be negative.", "estimator", "knn"},
    {"grid_entropy_nats", "kmyriad_exploration_state_entropy_nats",
     "Entropy of the pooled states; may be negative.", "estimator", "grid"},
    {"coverage", "kmyriad_exploration_coverage_ratio",
     "Reachable cells visited, as a share.", "scope", "window"},
    {"coverage_ever", "kmyriad_exploration_coverage_ratio",
     "Reachable cells visited, as a share.", "scope", "run"},
    {"cells_ever", "kmyriad_exploration_coverage_cells",
     "Reachable cells visited.", "scope", "run"},
    {"diversity_nats", "kmyriad_exploration_diversity",
     "Jensen-Shannon divergence of the agents' occupancy, nats.", "measure",
     "occupancy_jsd"},
    {"diversity_null_nats", "kmyriad_exploration_diversity",
     "Jensen-Shannon divergence of the agents' occupancy, nats.", "measure",
     "occupancy_jsd_null"},
    {"upside_down", "kmyriad_exploration_upside_down_ratio",
     "Samples with the torso upside down, as a share.", "", ""},
    {"samples.applied", "kmyriad_exploration_particles",
     "Samples in the last entropy estimate, masked ones included.", "", ""},
    {"policy_loss", "kmyriad_learner_loss", "Loss of the update.", "term",
     "policy"},
    {"value_loss", "kmyriad_learner_loss", "Loss of the update.", "term",
     "value"},
    {"trunk_grad_norm", "kmyriad_learner_gradient_norm",
     "Gradient norm before clipping.", "part", "trunk"},
    {"head_grad_norm_max", "kmyriad_learner_gradient_norm",
     "Gradient norm before clipping.", "part", "head_max"},
    {"learning_rate", "kmyriad_learner_learning_rate",
     "Adam step size of trunk and heads.", "", ""},
    {"kl_mean", "kmyriad_learner_kl_divergence_nats",
     "Behaviour policy to new policy.", "", ""},
    {"clip_fraction", "kmyriad_learner_clip_ratio",
     "Samples whose probability ratio was clipped, as a share.", "", ""},
    {"action_std", "kmyriad_learner_action_std",
     "Mean standard deviation of the actions before tanh.", "", ""},
};

constexpr const char* kStates[] = {"pending",  "running",  "paused", "waiting",
                                   "draining", "finished", "failed"};

constexpr char kActorsHelp[] =
    "Actors connected; lost: those of them that have been silent for some "
    "heartbeats, whose blocks others get, too.";

Counter& Segments(MetricsRegistry& registry, const char* result) {
  return registry.AddCounter("kmyriad_learner_segments_total",
                             "Segments ended, by result.",
                             {{"result", result}});
}

Counter& DroppedSamples(MetricsRegistry& registry, const char* reason) {
  return registry.AddCounter(
      "kmyriad_learner_samples_dropped_total",
      "Samples of finished epochs that were computed in vain, by reason.",
      {{"reason", reason}});
}

Counter& LeaseChanges(MetricsRegistry& registry, const char* reason) {
  return registry.AddCounter("kmyriad_learner_lease_changes_total",
                             "Blocks leased, by reason.", {{"reason", reason}});
}

Histogram& Phase(MetricsRegistry& registry, const char* phase) {
  return registry.AddHistogram("kmyriad_learner_update_duration_seconds",
                               "Seconds of an epoch's phases.", LatencyBounds(),
                               {{"phase", phase}});
}

Counter& Saves(MetricsRegistry& registry, const char* result) {
  return registry.AddCounter("kmyriad_checkpoint_saves_total",
                             "Attempts to save, by result.",
                             {{"result", result}});
}

}  // namespace

LearnerMetrics::LearnerMetrics(MetricsRegistry& registry)
    : batch_bytes(registry.AddCounter(
          "kmyriad_learner_received_bytes_total",
          "Bytes of state batches taken out of the streams.")),
      batches(registry.AddCounter("kmyriad_learner_batches_total",
                                  "State batches received.")),
      refused_batches(
          registry.AddCounter("kmyriad_learner_refused_batches_total",
                              "Messages of actors that were refused.")),
      refused_hellos(
          registry.AddCounter("kmyriad_learner_refused_actors_total",
                              "Actors that were refused at the door.")),
      actors(registry.AddGauge("kmyriad_learner_actors", kActorsHelp,
                               {{"state", "connected"}})),
      actors_lost(registry.AddGauge("kmyriad_learner_actors", kActorsHelp,
                                    {{"state", "lost"}})),
      blocks_leased(registry.AddGauge("kmyriad_learner_blocks_leased",
                                      "Blocks that actors work on.")),
      blocks_unleased(registry.AddGauge("kmyriad_learner_blocks_unleased",
                                        "Blocks that nobody works on.")),
      leases_join(LeaseChanges(registry, "first")),
      leases_backup(LeaseChanges(registry, "backup")),
      leases_recomputed(LeaseChanges(registry, "recomputed")),
      queue_segments(registry.AddGauge(
          "kmyriad_learner_queue_segments",
          "Segments of this epoch that are in and wait for its update.")),
      queue_capacity_segments(registry.AddGauge(
          "kmyriad_learner_queue_capacity_segments", "Segments of an epoch.")),
      queue_bytes(registry.AddGauge(
          "kmyriad_learner_queue_bytes",
          "Bytes of the segments that wait for their update.")),
      backlog_bytes(registry.AddGauge("kmyriad_learner_backlog_bytes",
                                      "Bytes that wait for actors to read.")),
      backlog_capacity_bytes(registry.AddGauge(
          "kmyriad_learner_backlog_capacity_bytes",
          "Bytes that may wait for actors to read; from half of it on nobody "
          "is leased more.")),
      segment_age_seconds(registry.AddHistogram(
          "kmyriad_learner_segment_age_seconds",
          "Seconds from a segment's lease to its end, applied segments.",
          LatencyBounds())),
      nonfinite_observations(
          registry.AddCounter("kmyriad_learner_nonfinite_total",
                              "Samples put back after becoming non-finite.",
                              {{"where", "observation"}})),
      updates(registry.AddCounter("kmyriad_learner_updates_total",
                                  "Policy updates.")),
      saves_ok(Saves(registry, "ok")),
      saves_failed(Saves(registry, "error")),
      save_seconds(
          registry.AddHistogram("kmyriad_checkpoint_save_duration_seconds",
                                "Seconds of a save.", LatencyBounds())),
      checkpoint_bytes(registry.AddGauge("kmyriad_checkpoint_size_bytes",
                                         "Size of the last checkpoint.")),
      checkpoint_time(
          registry.AddGauge("kmyriad_checkpoint_last_success_timestamp_seconds",
                            "Unix time of the last save.")),
      checkpoint_env_steps(
          registry.AddGauge("kmyriad_checkpoint_last_success_env_steps",
                            "Environment steps in the last checkpoint.")),
      storage_free_bytes(registry.AddGauge(
          "kmyriad_storage_free_bytes", "Room on the run directory's volume.",
          {{"volume", "runs"}})),
      storage_writable(registry.AddGauge(
          "kmyriad_storage_writable",
          "1 unless the run waits for a volume that takes no writes.",
          {{"volume", "runs"}})),
      entropy_waits(registry.AddCounter(
          "kmyriad_learner_entropy_service_waits_total",
          "Attempts to score that found no entropy service.")),
      fleet(registry),
      registry_(registry),
      applied_(Segments(registry, "applied")),
      duplicate_(Segments(registry, "duplicate")),
      stale_(Segments(registry, "stale")),
      damaged_(Segments(registry, "damaged")),
      collect_seconds_(Phase(registry, "collect")),
      score_seconds_(Phase(registry, "knn")),
      update_seconds_(Phase(registry, "gradient")),
      new_cells_(registry.AddCounter(
          "kmyriad_exploration_new_cells_total",
          "Reachable cells that the run visited for the first time, in this "
          "process; after a restore, those beyond the most that it ever had.")),
      samples_consumed_(
          registry.AddCounter("kmyriad_learner_samples_consumed_total",
                              "Samples of finished epochs; again of those "
                              "that are trained again after a restore.")),
      samples_duplicate_(DroppedSamples(registry, "duplicate")),
      samples_stale_(DroppedSamples(registry, "stale")),
      samples_recomputed_(DroppedSamples(registry, "recomputed")),
      elapsed_(registry.AddGauge("kmyriad_run_elapsed_seconds",
                                 "Seconds of training, over all processes.")),
      target_env_steps_(registry.AddGauge("kmyriad_run_target_env_steps",
                                          "Environment steps at the end.")) {
  for (const ProgressGauge& gauge : kProgressGauges) {
    MetricLabels labels;
    if (*gauge.label != 0) labels[gauge.label] = gauge.value;
    progress_[gauge.key] = &registry.AddGauge(gauge.name, gauge.help, labels);
  }
  for (const char* state : kStates) {
    states_[state] = &registry.AddGauge("kmyriad_run_state",
                                        "1 for the state that the run is in.",
                                        {{"state", state}});
  }
}

void LearnerMetrics::SetRun(const std::string& run_name,
                            const std::string& task, uint64_t seed,
                            uint32_t agents, const std::string& config_hash) {
  registry_
      .AddGauge("kmyriad_run_info", "Always 1.",
                {{"run_name", run_name},
                 {"env_id", task},
                 {"seed", std::to_string(seed)},
                 {"agents", std::to_string(agents)},
                 {"config_hash", config_hash}})
      .Set(1);
}

void LearnerMetrics::SetState(const std::string& state) {
  for (const auto& [name, gauge] : states_) {
    gauge->Set(name == state ? 1 : 0);
  }
}

void LearnerMetrics::SetProgress(const std::map<std::string, double>& metrics,
                                 double elapsed_seconds,
                                 double target_env_steps) {
  for (const auto& [key, gauge] : progress_) {
    const auto value = metrics.find(key);
    if (value != metrics.end()) gauge->Set(value->second);
  }
  elapsed_.Set(elapsed_seconds);
  target_env_steps_.Set(target_env_steps);
}

void LearnerMetrics::ObserveEpoch(
    const std::map<std::string, double>& metrics) {
  const auto observe = [&metrics](const char* key, Histogram& histogram) {
    const auto value = metrics.find(key);
    if (value != metrics.end()) histogram.Observe(value->second);
  };
  const auto add = [&metrics](const char* key, Counter& counter) {
    const auto value = metrics.find(key);
    if (value != metrics.end()) counter.Add(value->second);
  };
  const double cells = metrics.at("cells_ever");
  new_cells_.Add(std::clamp(cells - most_cells_, 0.0, metrics.at("new_cells")));
  most_cells_ = std::max(most_cells_, cells);
  add("samples.applied", samples_consumed_);
  add("samples.duplicate", samples_duplicate_);
  add("samples.stale", samples_stale_);
  add("samples.recomputed", samples_recomputed_);
  observe("seconds.collect", collect_seconds_);
  observe("seconds.score", score_seconds_);
  observe("seconds.update", update_seconds_);
}

Counter& LearnerMetrics::segments(SegmentOutcome outcome) {
  switch (outcome) {
    case SegmentOutcome::kApplied:
      return applied_;
    case SegmentOutcome::kDuplicate:
      return duplicate_;
    case SegmentOutcome::kStale:
      return stale_;
    case SegmentOutcome::kDamaged:
      break;
  }
  return damaged_;
}

}  // namespace kmyriad
