#ifndef KMYRIAD_LEARNER_TRAINER_ENTROPY_CLIENT_H_
#define KMYRIAD_LEARNER_TRAINER_ENTROPY_CLIENT_H_

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/base/digest.h"
#include "common/base/environment_spec.h"

namespace kmyriad {

// What an epoch's particles are scored with; fields as in ScoreEpochHeader
// (proto/kmyriad/v1/entropy_service.proto).
struct ScoreRequest {
  Uuid run_uuid{};
  uint64_t epoch = 0;
  uint32_t envs = 0;
  uint32_t horizon = 0;
  uint32_t agents = 0;
  uint32_t dims = 0;
  uint32_t k = 0;
  float floor = 0;
  uint32_t theiler_window = 0;
  // Empty: the service's own.
  std::string engine;
  // [dims] or empty.
  std::vector<float> periods;
  bool measure_divergences = false;
  // What samples are paid for, as entropy.reward names it.
  std::string reward = "forward";
  // False: each agent's particles among its own.
  bool collective = true;
  // Epochs in the pool: this one and those before it.
  uint32_t window = 1;
  uint64_t seed = 0;
  // The service keeps the neighbours for Evaluate.
  bool keep_neighbors = false;
  CoverageGrid coverage;
  // [envs, window, horizon, dims] and [envs, window, horizon], oldest epoch
  // first, 1 = in the pool; the caller's, valid during the call.
  const float* particles = nullptr;
  const uint8_t* mask = nullptr;
  // ParticleDigest of this request: a pass over the whole pool, thus taken once
  // and not for every call.
  Digest particle_digest{};

  // Particles of the pool, and of this epoch.
  uint64_t particles_in_pool() const { return samples() * window; }
  uint64_t samples() const { return uint64_t{envs} * horizon; }
};

// SHA-256 of the request's particles and mask, which name the epoch.
Digest ParticleDigest(const ScoreRequest& request);

// Fields as in ScoreEpochSummary.
struct ScoreResult {
  double entropy_nats = 0;
  double grid_entropy_nats = 0;
  double coverage = 0;
  double diversity_nats = 0;
  double diversity_null_nats = 0;
  double log_volume_mean = 0;
  double log_volume_std = 0;
  double reward_std = 0;
  // NaN unless the reward needs reverse neighbours.
  double in_degree_std = 0;
  // How agents share coverage cells.
  double owner_share = 0;
  double redundancy = 0;
  double vendi_score = 0;
  // If asked for: mean and [agents]; NaN and empty otherwise.
  double divergence_nats = 0;
  std::vector<double> agent_divergences_nats;
  uint64_t masked = 0;
  uint64_t floored = 0;
  uint64_t unreachable_hits = 0;
  std::string engine;
  double seconds = 0;
  std::vector<uint32_t> cell_visits;  // [ny, nx]
  std::vector<float> rewards;         // [envs * horizon]
};

// Which weighted entropy is meant; see WeightedForm of the protocol.
enum class WeightedForm { kSelfNormalized, kMepol };

// Fields as in EvaluateSummary, and the gradient.
struct EvaluateResult {
  double entropy_nats = 0;
  double kl_nats = 0;
  double effective_samples = 0;
  double seconds = 0;
  std::vector<double> agent_effective_samples;  // [agents]
  // With respect to the log-weights: [envs * horizon].
  std::vector<float> entropy_gradient;
};

// Called before every new attempt with the reason in one line and the seconds
// to wait; waits, and answers false to give up (then CANCELLED).
using WaitForRetry =
    std::function<bool(absl::string_view reason, double seconds)>;

// The learner's view of the entropy service. One call at a time.
class EntropyClient {
 public:
  virtual ~EntropyClient() = default;

  // Same request, same bits. Retries for as long as the service is not
  // reachable; any other failure is final.
  virtual absl::StatusOr<ScoreResult> ScoreEpoch(const ScoreRequest& request,
                                                 const WaitForRetry& wait) = 0;

  // Entropy and KL of an epoch whose particle j counts exp(log_weights[j]), and
  // the entropy's gradient: what an objective on importance weights ascends.
  // log_weights [envs * horizon], at most 300 in magnitude. An epoch that the
  // service does not hold (any more) is scored first, with keep_neighbors, up
  // to ten times; then NOT_FOUND or FAILED_PRECONDITION.
  virtual absl::StatusOr<EvaluateResult> Evaluate(const ScoreRequest& epoch,
                                                  WeightedForm form,
                                                  const float* log_weights,
                                                  const WaitForRetry& wait) = 0;

  // Ends a call in progress, and all that are made before ClearCancel, with
  // CANCELLED. Thread-safe.
  virtual void Cancel() = 0;

  // From now on calls are made again. Before the caller looks for the reason
  // that it may have been cancelled for: a Cancel that comes later counts.
  virtual void ClearCancel() = 0;
};

}  // namespace kmyriad

#endif  // KMYRIAD_LEARNER_TRAINER_ENTROPY_CLIENT_H_
