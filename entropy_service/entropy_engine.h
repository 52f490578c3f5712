#ifndef KMYRIAD_ENTROPY_SERVICE_ENTROPY_ENGINE_H_
#define KMYRIAD_ENTROPY_SERVICE_ENTROPY_ENGINE_H_

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "common/base/clock.h"
#include "common/base/simd_level.h"
#include "common/base/thread_pool.h"
#include "entropy_service/entropy_metrics.h"
#include "entropy_service/epoch_particles.h"
#include "entropy_service/index/knn_index.h"
#include "entropy_service/measured_pool.h"
#include "entropy_service/particle_store.h"

namespace kmyriad {

struct EntropyEngineOptions {
  // Threads of the neighbour search; 0: one per core.
  int threads = 0;
  // As CreateKnnIndex takes it.
  std::string engine = "auto";
  // Build that answers, for GetInfo.
  std::string revision;
};

// What the engine tells about itself.
struct EntropyInfo {
  std::string revision;
  std::string instruction_set;
  int threads = 0;
  // Of the last search, be it of an epoch or of a shard; empty before it.
  std::string engine;
  std::string engine_reason;
  // Epochs computed, repeats not counted.
  uint64_t epochs_scored = 0;
};

// The entropy service without the network: scores whole epochs. An answer is a
// pure function of request and particles, whatever the number of threads or
// the instruction set. Thread-safe; epochs are scored one at a time, and
// Score blocks while others are.
class EntropyEngine {
 public:
  // `metrics` and `clock` must outlive the engine. Errors of ChooseSimdLevel.
  static absl::StatusOr<std::unique_ptr<EntropyEngine>> Create(
      const EntropyEngineOptions& options, EntropyMetrics& metrics,
      Clock& clock);

  // Scores an epoch; the answer to the same request as the run's last one is
  // the stored one. DATA_LOSS: the particles are not those of the digest;
  // INVALID_ARGUMENT: not complete, or a feature in the pool that is not
  // finite; FAILED_PRECONDITION: masks leave a pool of k particles or fewer;
  // CANCELLED, soon after `cancelled` (which may be null) was set.
  absl::StatusOr<std::shared_ptr<const ScoredEpoch>> Score(
      const EpochParticles& particles, const std::atomic<bool>* cancelled);

  // The run's last scored epoch. NOT_FOUND.
  absl::StatusOr<std::shared_ptr<const ScoredEpoch>> LastEpoch(
      const Uuid& run_uuid);

  // The run's last scored epoch, if it is this one. NOT_FOUND.
  absl::StatusOr<std::shared_ptr<const ScoredEpoch>> FindEpoch(
      const Uuid& run_uuid, uint64_t epoch, const Digest& particle_digest);

  EntropyInfo Info() const;

 private:
  EntropyEngine(const EntropyEngineOptions& options, SimdLevel level,
                EntropyMetrics& metrics, Clock& clock);

  absl::StatusOr<std::shared_ptr<const ScoredEpoch>> Compute(
      const EpochParticles& particles, const SearchContext& context)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(computing_);
  // Only the distances of a shard; not kept, as a repeat finds the same.
  absl::StatusOr<std::shared_ptr<const ScoredEpoch>> ComputeShard(
      const EpochParticles& particles, const SearchContext& context)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(computing_);
  // For Info; a change of engine is logged.
  void NoteEngine(const ScoredEpoch& scored);
  // Entropy, rewards and log volumes of all pools.
  absl::Status ScorePools(const EpochParticles& particles,
                          const SearchContext& context, ScoredEpoch& scored)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(computing_);
  PoolMeasure MeasureFor(const ScoreRequest& request,
                         const SearchContext& context);

  const EntropyEngineOptions options_;
  const SimdLevel level_;
  EntropyMetrics& metrics_;
  Clock& clock_;
  ThreadPool pool_;
  ParticleStore store_;
  // Held while an epoch is scored, so that the pool has one user.
  absl::Mutex computing_;
  mutable absl::Mutex mutex_;
  EntropyInfo info_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace kmyriad

#endif  // KMYRIAD_ENTROPY_SERVICE_ENTROPY_ENGINE_H_
