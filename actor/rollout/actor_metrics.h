#ifndef KMYRIAD_ACTOR_ROLLOUT_ACTOR_METRICS_H_
#define KMYRIAD_ACTOR_ROLLOUT_ACTOR_METRICS_H_

#include "common/metrics/metrics_registry.h"

namespace kmyriad {

// What an actor exports. Thread-safe.
struct ActorMetrics {
  explicit ActorMetrics(MetricsRegistry& registry);

  Counter& env_steps;
  Counter& episodes;
  // A segment that the learner applied; that it had or no longer wanted; that
  // it refused; that a revocation or a lost stream cut short.
  Counter& segments_acked;
  Counter& segments_dropped;
  Counter& segments_rejected;
  Counter& segments_abandoned;
  Counter& batch_errors;
  Counter& bytes_sent;
  Counter& reconnects_unavailable;
  Counter& reconnects_silent;
  Counter& reconnects_protocol;
  Counter& nonfinite_states;
  Counter& credit_wait_seconds;
  Gauge& policy_version;
  Gauge& epoch;
  Gauge& blocks_held;
  Gauge& connected;
  Histogram& rollout_seconds;
  Histogram& physics_seconds;
  Histogram& inference_seconds;
  // From a snapshot's first chunk to its use.
  Histogram& policy_fetch_seconds;
};

}  // namespace kmyriad

#endif  // KMYRIAD_ACTOR_ROLLOUT_ACTOR_METRICS_H_
