#include "entropy_service/entropy_metrics.h"

#include <string>

namespace kmyriad {
namespace {

Counter* RejectionCounter(MetricsRegistry& registry, const char* reason) {
  return &registry.AddCounter("kmyriad_entropy_requests_rejected_total",
                              "Requests refused or failed.",
                              {{"reason", reason}});
}

}  // namespace

EntropyMetrics::EntropyMetrics(MetricsRegistry& registry)
    : rejected_{{absl::StatusCode::kInvalidArgument,
                 RejectionCounter(registry, "invalid_argument")},
                {absl::StatusCode::kDataLoss,
                 RejectionCounter(registry, "data_loss")},
                {absl::StatusCode::kFailedPrecondition,
                 RejectionCounter(registry, "failed_precondition")},
                {absl::StatusCode::kResourceExhausted,
                 RejectionCounter(registry, "resource_exhausted")},
                {absl::StatusCode::kNotFound,
                 RejectionCounter(registry, "not_found")},
                {absl::StatusCode::kCancelled,
                 RejectionCounter(registry, "cancelled")}},
      rejected_other_(RejectionCounter(registry, "other")),
      scored_(registry.AddCounter("kmyriad_entropy_epochs_scored_total",
                                  "Epochs whose scores were computed.")),
      repeated_(registry.AddCounter(
          "kmyriad_entropy_epochs_repeated_total",
          "Requests answered with the stored scores of the same request.")),
      streams_opened_(registry.AddCounter("kmyriad_entropy_streams_total",
                                          "ScoreEpoch streams opened.")),
      score_seconds_(registry.AddHistogram(
          "kmyriad_entropy_score_duration_seconds",
          "Time to score an epoch whose particles have arrived.",
          LatencyBounds())),
      knn_seconds_(registry.AddHistogram(
          "kmyriad_entropy_knn_duration_seconds",
          "Time of the neighbour search of an epoch, index construction "
          "included.",
          LatencyBounds())),
      evaluate_seconds_(registry.AddHistogram(
          "kmyriad_entropy_evaluate_duration_seconds",
          "Time to evaluate an epoch under other weights.", LatencyBounds())),
      particles_(registry.AddGauge("kmyriad_exploration_particles",
                                   "Particles in the last entropy estimate.")),
      masked_(registry.AddGauge("kmyriad_entropy_masked_particles",
                                "Particles masked from the last pool.")),
      floored_(registry.AddGauge(
          "kmyriad_entropy_floored_particles",
          "Particles whose neighbour distance was raised to the floor.")),
      knn_entropy_(
          registry.AddGauge("kmyriad_exploration_state_entropy_nats",
                            "Entropy of the states that the population visits.",
                            {{"estimator", "knn"}})),
      grid_entropy_(
          registry.AddGauge("kmyriad_exploration_state_entropy_nats",
                            "Entropy of the states that the population visits.",
                            {{"estimator", "grid"}})),
      coverage_ratio_(registry.AddGauge(
          "kmyriad_exploration_coverage_ratio",
          "Reachable cells hit, as a share of all reachable cells.",
          {{"scope", "window"}})),
      coverage_cells_(registry.AddGauge("kmyriad_exploration_coverage_cells",
                                        "Cells hit.", {{"scope", "window"}})),
      diversity_(
          registry.AddGauge("kmyriad_exploration_diversity",
                            "How much the agents' whereabouts differ, nats.",
                            {{"measure", "occupancy_jsd"}})),
      diversity_null_(
          registry.AddGauge("kmyriad_exploration_diversity",
                            "How much the agents' whereabouts differ, nats.",
                            {{"measure", "occupancy_jsd_null"}})),
      cell_visits_(registry) {}

void EntropyMetrics::Scored(const ScoredEpoch& epoch, double knn_seconds) {
  scored_.Add();
  score_seconds_.Observe(epoch.seconds);
  knn_seconds_.Observe(knn_seconds);
  particles_.Set(static_cast<double>(epoch.rewards.size() - epoch.masked));
  masked_.Set(static_cast<double>(epoch.masked));
  floored_.Set(static_cast<double>(epoch.floored));
  knn_entropy_.Set(epoch.entropy_nats);
  if (!epoch.request.coverage.has_value()) return;
  size_t cells = 0;
  for (const uint32_t visits : epoch.cell_visits) cells += visits > 0 ? 1 : 0;
  grid_entropy_.Set(epoch.grid_entropy_nats);
  coverage_ratio_.Set(epoch.coverage);
  coverage_cells_.Set(static_cast<double>(cells));
  diversity_.Set(epoch.diversity_nats);
  diversity_null_.Set(epoch.diversity_null_nats);
  cell_visits_.Set(*epoch.request.coverage, epoch.cell_visits);
}

void EntropyMetrics::Rejected(const absl::Status& status) {
  const auto found = rejected_.find(status.code());
  (found != rejected_.end() ? found->second : rejected_other_)->Add();
}

}  // namespace kmyriad
