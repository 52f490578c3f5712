#ifndef KMYRIAD_ENTROPY_SERVICE_PARTICLE_STORE_H_
#define KMYRIAD_ENTROPY_SERVICE_PARTICLE_STORE_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "entropy_service/estimator/coverage.h"
#include "entropy_service/estimator/diversity.h"
#include "entropy_service/measured_pool.h"
#include "entropy_service/score_request.h"

namespace kmyriad {

// What an epoch's particles came to: plain twin of proto ScoreEpochSummary,
// which documents the fields, and the rewards.
struct ScoredEpoch {
  ScoreRequest request;
  double entropy_nats = 0;
  double grid_entropy_nats = 0;
  double coverage = 0;
  std::vector<uint32_t> cell_visits;
  double diversity_nats = 0;
  double diversity_null_nats = 0;
  CellSharing sharing;
  // Empty without coverage.
  AgentVisits agent_visits;
  // [agents], empty unless the request has them measured; NaN for an agent
  // without particles in the pool, and the mean of the others.
  std::vector<double> agent_divergences_nats;
  double divergence_nats = 0;
  // [agents], empty unless the reward needs them.
  std::vector<double> agent_marginals_nats;
  uint64_t masked = 0;
  uint64_t floored = 0;
  double log_volume_mean = 0;
  // Of the rewards: with individual pooling the deviations are from each
  // agent's own mean.
  double log_volume_std = 0;
  uint64_t unreachable_hits = 0;
  std::string engine;
  std::string engine_reason;
  // Time that scoring took; the only field that a repeat need not reproduce.
  double seconds = 0;
  // [particles]; none for a shard.
  std::vector<float> rewards;
  // Of a shard; see MeasuredShard.
  std::vector<float> squared_distances;
  double reward_std = 0;
  double in_degree_std = 0;
  // What Evaluate works on; null unless the request keeps neighbours.
  std::shared_ptr<const MeasuredPool> pool;

  // Memory that the epoch holds.
  size_t bytes() const;
};

// The last scored epoch of each run, so that a repeated request gets the same
// bits without being computed again, and coverage and other weights can be
// asked for. Another request of the run replaces it. Holds at most `max_runs`
// runs and, the newest excepted, `max_bytes` bytes; those that were used
// longest ago make room. Thread-safe.
class ParticleStore {
 public:
  ParticleStore(size_t max_runs, size_t max_bytes)
      : max_runs_(max_runs), max_bytes_(max_bytes) {}

  void Put(std::shared_ptr<const ScoredEpoch> epoch);
  // Null unless this very request was scored last.
  std::shared_ptr<const ScoredEpoch> Find(const ScoreRequest& request);
  // Null unless the run is known.
  std::shared_ptr<const ScoredEpoch> Last(const Uuid& run_uuid);

 private:
  const size_t max_runs_;
  const size_t max_bytes_;
  absl::Mutex mutex_;
  // Used last comes first.
  std::deque<std::shared_ptr<const ScoredEpoch>> epochs_
      ABSL_GUARDED_BY(mutex_);
};

}  // namespace kmyriad

#endif  // KMYRIAD_ENTROPY_SERVICE_PARTICLE_STORE_H_
