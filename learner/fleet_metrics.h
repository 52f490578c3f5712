#ifndef KMYRIAD_LEARNER_FLEET_METRICS_H_
#define KMYRIAD_LEARNER_FLEET_METRICS_H_

#include <cstdint>
#include <map>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "common/metrics/metrics_registry.h"
#include "kmyriad/v1/learner.pb.h"
#include "learner/collector/lease_table.h"

namespace kmyriad {

// Sums over all actors of what their heartbeats say, for fleets whose members
// cannot be scraped one by one. Counters go on when an actor leaves.
// Thread-safe.
class FleetMetrics {
 public:
  // The registry must outlive the object.
  explicit FleetMetrics(MetricsRegistry& registry);

  // The newest totals of a stream. What falls or is no number adds nothing.
  void Report(StreamId id, const v1::ActorTotals& totals);
  // The stream is over.
  void Forget(StreamId id);

 private:
  struct Last {
    double env_steps = 0;
    double nonfinite = 0;
    double cpu_seconds = 0;
    double credit_wait_seconds = 0;
    double resident_bytes = 0;
  };

  void ShowMemory() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  Counter& env_steps_;
  Counter& physics_errors_;
  Counter& cpu_seconds_;
  Counter& credit_wait_seconds_;
  Gauge& resident_bytes_;

  absl::Mutex mutex_;
  std::map<StreamId, Last> last_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace kmyriad

#endif  // KMYRIAD_LEARNER_FLEET_METRICS_H_
