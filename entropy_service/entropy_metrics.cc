#include "entropy_service/entropy_metrics.h"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <string>

#include "entropy_service/estimator/knn_entropy_estimator.h"

namespace kmyriad {
namespace {

Counter* RejectionCounter(MetricsRegistry& registry, const char* reason) {
  return &registry.AddCounter("kmyriad_entropy_requests_rejected_total",
                              "Requests refused or failed.",
                              {{"reason", reason}});
}

// lowest, 2 lowest, ... below or at highest.
std::vector<double> Doubling(double lowest, double highest) {
  std::vector<double> bounds;
  for (double bound = lowest; bound <= highest; bound *= 2) {
    bounds.push_back(bound);
  }
  return bounds;
}

struct Quantile {
  const char* stat;
  double share;
};
constexpr Quantile kQuantiles[] = {
    {"min", 0}, {"p10", 0.1}, {"p50", 0.5}, {"p90", 0.9}, {"max", 1}};

}  // namespace

AgentQuantiles::AgentQuantiles(MetricsRegistry& registry, const char* name,
                               const char* help) {
  for (const Quantile& quantile : kQuantiles) {
    gauges_.push_back(
        &registry.AddGauge(name, help, {{"stat", quantile.stat}}));
  }
}

void AgentQuantiles::Set(const std::vector<double>& values) {
  std::vector<double> sorted;
  std::copy_if(values.begin(), values.end(), std::back_inserter(sorted),
               [](double value) { return std::isfinite(value); });
  if (sorted.empty()) return;
  std::sort(sorted.begin(), sorted.end());
  for (size_t i = 0; i < gauges_.size(); ++i) {
    const double rank =
        kQuantiles[i].share * static_cast<double>(sorted.size() - 1);
    gauges_[i]->Set(sorted[static_cast<size_t>(std::lround(rank))]);
  }
}

EntropyMetrics::EntropyMetrics(MetricsRegistry& registry)
    : rejected_{{absl::StatusCode::kInvalidArgument,
                 RejectionCounter(registry, "invalid_argument")},
                {absl::StatusCode::kDataLoss,
                 RejectionCounter(registry, "data_loss")},
                {absl::StatusCode::kFailedPrecondition,
                 RejectionCounter(registry, "failed_precondition")},
                {absl::StatusCode::kResourceExhausted,
                 RejectionCounter(registry, "resource_exhausted")},
                {absl::StatusCode::kUnavailable,
                 RejectionCounter(registry, "unavailable")},
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
      knn_distances_(registry.AddHistogram(
          "kmyriad_exploration_knn_distance",
          "Distance to the k-th neighbour, floored, feature units.",
          Doubling(1.0 / 1024, 32))),
      radii_(registry.AddHistogram(
          "kmyriad_exploration_radius_meters",
          "Distance of the particles from the world's origin.",
          Doubling(0.25, 64))),
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
      agent_entropy_(registry, "kmyriad_exploration_agent_entropy_nats",
                     "Entropy of an agent's own visits over grid cells, over "
                     "the agents."),
      agent_coverage_(registry, "kmyriad_exploration_agent_coverage_ratio",
                      "Reachable cells that an agent visited, as a share, over "
                      "the agents."),
      cell_visits_(registry) {}

void EntropyMetrics::Scored(const ScoredEpoch& epoch) {
  scored_.Add();
  score_seconds_.Observe(epoch.seconds);
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
  agent_entropy_.Set(epoch.agent_visits.entropy_nats);
  agent_coverage_.Set(epoch.agent_visits.coverage);
  cell_visits_.Set(*epoch.request.coverage, epoch.cell_visits);
}

void EntropyMetrics::Measured(const std::vector<double>& log_volumes,
                              uint32_t dims) {
  const double unit = LogUnitBallVolume(dims);
  std::vector<double> distances(log_volumes.size());
  std::transform(log_volumes.begin(), log_volumes.end(), distances.begin(),
                 [unit, dims](double log_volume) {
                   return std::exp((log_volume - unit) / dims);
                 });
  knn_distances_.ObserveAll(distances);
}

void EntropyMetrics::Visited(const EpochParticles& particles) {
  const ScoreRequest& request = particles.request();
  std::vector<double> radii;
  radii.reserve(request.samples());
  for (size_t env = 0; env < request.envs; ++env) {
    const size_t end = (env + 1) * request.window * request.horizon;
    for (size_t i = end - request.horizon; i < end; ++i) {
      if (particles.mask()[i] == 0) continue;
      const float* place = &particles.features()[i * request.dims];
      radii.push_back(std::hypot(place[0], place[1]));
    }
  }
  radii_.ObserveAll(radii);
}

void EntropyMetrics::Rejected(const absl::Status& status) {
  const auto found = rejected_.find(status.code());
  (found != rejected_.end() ? found->second : rejected_other_)->Add();
}

}  // namespace kmyriad
