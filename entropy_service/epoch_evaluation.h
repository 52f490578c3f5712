#ifndef KMYRIAD_ENTROPY_SERVICE_EPOCH_EVALUATION_H_
#define KMYRIAD_ENTROPY_SERVICE_EPOCH_EVALUATION_H_

#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "entropy_service/estimator/weighted_entropy.h"
#include "entropy_service/particle_store.h"

namespace kmyriad {

// What an epoch is worth under other weights: plain twin of proto
// EvaluateSummary, which documents the fields, and the gradient.
struct EvaluatedEpoch {
  double entropy_nats = 0;
  double kl_nats = 0;
  double effective_samples = 0;
  std::vector<double> agent_effective_samples;
  // [particles], 0 where masked.
  std::vector<float> entropy_gradient;
};

// A scored epoch and its log-weights while they arrive, in chunks. Memory
// grows with what has arrived. Not thread-safe; movable.
class EpochEvaluation {
 public:
  // FAILED_PRECONDITION unless `epoch` was scored with keep_neighbors.
  static absl::StatusOr<EpochEvaluation> Create(
      std::shared_ptr<const ScoredEpoch> epoch, WeightedForm form);

  // Adds the chunk that starts with particle `first`; bytes as in proto
  // WeightChunk. INVALID_ARGUMENT, and nothing is kept, unless it follows the
  // last one without a gap, stays within the epoch and holds numbers of at most
  // kMaxLogWeight in magnitude where particles are in the pool.
  absl::Status Append(uint64_t first, absl::string_view log_weights);

  uint64_t received() const { return log_weights_.size(); }
  uint64_t particles() const { return epoch_->request.particles(); }
  bool complete() const { return received() == particles(); }

  // Requires complete(). The same bits for the same epoch and weights.
  EvaluatedEpoch Compute() const;

 private:
  EpochEvaluation(std::shared_ptr<const ScoredEpoch> epoch, WeightedForm form)
      : epoch_(std::move(epoch)), form_(form) {}

  // Numbers of the pool's rows, as those of all particles; 0 where masked.
  std::vector<float> OfParticles(const std::vector<double>& of_rows) const;

  std::shared_ptr<const ScoredEpoch> epoch_;
  WeightedForm form_;
  std::vector<float> log_weights_;
  // Row of the pool that the next particle is compared with.
  size_t next_row_ = 0;
};

}  // namespace kmyriad

#endif  // KMYRIAD_ENTROPY_SERVICE_EPOCH_EVALUATION_H_
