#ifndef KMYRIAD_ENTROPY_SERVICE_ENTROPY_METRICS_H_
#define KMYRIAD_ENTROPY_SERVICE_ENTROPY_METRICS_H_

#include <cstdint>
#include <map>
#include <vector>

#include "absl/status/status.h"
#include "common/metrics/metrics_registry.h"
#include "entropy_service/cell_visit_gauges.h"
#include "entropy_service/epoch_particles.h"
#include "entropy_service/particle_store.h"

namespace kmyriad {

// How a number is spread over the agents, whatever their number: its least and
// greatest value, its median, and its first and last decile. Thread-safe.
class AgentQuantiles {
 public:
  AgentQuantiles(MetricsRegistry& registry, const char* name, const char* help);

  // [agents]; what is no number is left out, and nothing is set without any.
  void Set(const std::vector<double>& values);

 private:
  std::vector<Gauge*> gauges_;
};

// The service's metrics. Thread-safe.
class EntropyMetrics {
 public:
  // The registry must outlive this.
  explicit EntropyMetrics(MetricsRegistry& registry);

  // An epoch was scored.
  void Scored(const ScoredEpoch& epoch);
  // Of the pooled particles: ln of the ball volumes in `dims` features that
  // reach the k-th neighbour.
  void Measured(const std::vector<double>& log_volumes, uint32_t dims);
  // Where the newest epoch of `particles` was, whose first two features are a
  // place in the world; those before it in the pool were counted in their time.
  void Visited(const EpochParticles& particles);
  // An epoch, or a shard of one, was searched.
  void Searched(double seconds) { knn_seconds_.Observe(seconds); }
  // An epoch was evaluated under other weights.
  void Evaluated(double seconds) { evaluate_seconds_.Observe(seconds); }
  // A request was answered from the store.
  void Repeated() { repeated_.Add(); }
  // A request was refused or failed; counted by its code.
  void Rejected(const absl::Status& status);
  void StreamOpened() { streams_opened_.Add(); }

 private:
  const std::map<absl::StatusCode, Counter*> rejected_;
  Counter* const rejected_other_;
  Counter& scored_;
  Counter& repeated_;
  Counter& streams_opened_;
  Histogram& score_seconds_;
  Histogram& knn_seconds_;
  Histogram& evaluate_seconds_;
  Histogram& knn_distances_;
  Histogram& radii_;
  Gauge& particles_;
  Gauge& masked_;
  Gauge& floored_;
  Gauge& knn_entropy_;
  Gauge& grid_entropy_;
  Gauge& coverage_ratio_;
  Gauge& coverage_cells_;
  Gauge& diversity_;
  Gauge& diversity_null_;
  AgentQuantiles agent_entropy_;
  AgentQuantiles agent_coverage_;
  CellVisitGauges cell_visits_;
};

}  // namespace kmyriad

#endif  // KMYRIAD_ENTROPY_SERVICE_ENTROPY_METRICS_H_
