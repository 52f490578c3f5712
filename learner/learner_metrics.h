#ifndef KMYRIAD_LEARNER_LEARNER_METRICS_H_
#define KMYRIAD_LEARNER_LEARNER_METRICS_H_

#include <cstdint>
#include <map>
#include <string>

#include "common/metrics/metrics_registry.h"
#include "learner/collector/segment_assembler.h"
#include "learner/fleet_metrics.h"

namespace kmyriad {

// Metrics of the learner, on an injected registry. Names as in
// reference/operations.md section 5; counters count this process, gauges of
// progress are set again on resume. Thread-safe.
class LearnerMetrics {
 public:
  // The registry must outlive the object.
  explicit LearnerMetrics(MetricsRegistry& registry);

  // Labels of the run, once they are known; `config_hash` is what actors must
  // have in common with it.
  void SetRun(const std::string& run_name, const std::string& task,
              uint64_t seed, uint32_t agents, const std::string& config_hash);
  // One of "pending", "running", "paused", "waiting", "draining", "finished",
  // "failed": its gauge is 1, the others 0.
  void SetState(const std::string& state);
  // Gauges of progress from the metrics of a finished epoch (FlattenMetrics).
  void SetProgress(const std::map<std::string, double>& metrics,
                   double elapsed_seconds, double target_env_steps);
  // Histograms and counters of a finished epoch (FlattenMetrics); on one
  // thread.
  void ObserveEpoch(const std::map<std::string, double>& metrics);

  Counter& batch_bytes;
  Counter& batches;
  Counter& refused_batches;
  Counter& refused_hellos;
  Counter& segments(SegmentOutcome outcome);
  Gauge& actors;
  Gauge& actors_lost;
  Gauge& blocks_leased;
  Gauge& blocks_unleased;
  Counter& leases_join;
  Counter& leases_backup;
  Counter& leases_recomputed;
  // Segments of the epoch that are in and wait for its update.
  Gauge& queue_segments;
  Gauge& queue_capacity_segments;
  Gauge& queue_bytes;
  // What waits for actors to read it, and where they are sent away for it.
  Gauge& backlog_bytes;
  Gauge& backlog_capacity_bytes;
  // From a segment's lease to its end.
  Histogram& segment_age_seconds;
  Counter& nonfinite_observations;
  Counter& updates;
  Counter& saves_ok;
  Counter& saves_failed;
  Histogram& save_seconds;
  Gauge& checkpoint_bytes;
  Gauge& checkpoint_time;
  Gauge& checkpoint_env_steps;
  Gauge& storage_free_bytes;
  Gauge& storage_writable;
  Counter& entropy_waits;
  FleetMetrics fleet;

 private:
  MetricsRegistry& registry_;
  Counter& applied_;
  Counter& duplicate_;
  Counter& stale_;
  Counter& damaged_;
  Histogram& collect_seconds_;
  Histogram& score_seconds_;
  Histogram& update_seconds_;
  Counter& new_cells_;
  // The greatest cells_ever of this process's epochs.
  double most_cells_ = 0;
  Counter& samples_consumed_;
  Counter& samples_duplicate_;
  Counter& samples_stale_;
  Counter& samples_recomputed_;
  // By key of FlattenMetrics.
  std::map<std::string, Gauge*> progress_;
  std::map<std::string, Gauge*> states_;
  Gauge& elapsed_;
  Gauge& target_env_steps_;
};

}  // namespace kmyriad

#endif  // KMYRIAD_LEARNER_LEARNER_METRICS_H_
