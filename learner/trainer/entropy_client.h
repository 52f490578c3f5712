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
  // False: each agent's particles among its own.
  bool collective = true;
  uint32_t window = 1;
  uint64_t seed = 0;
  CoverageGrid coverage;
  // [envs * horizon, dims] and [envs * horizon], 1 = in the pool; the
  // caller's, valid during the call.
  const float* particles = nullptr;
  const uint8_t* mask = nullptr;
};

// Fields as in ScoreEpochSummary.
struct ScoreResult {
  double entropy_nats = 0;
  double grid_entropy_nats = 0;
  double coverage = 0;
  double diversity_nats = 0;
  double diversity_null_nats = 0;
  double log_volume_mean = 0;
  double log_volume_std = 0;
  uint64_t masked = 0;
  uint64_t floored = 0;
  uint64_t unreachable_hits = 0;
  std::string engine;
  double seconds = 0;
  std::vector<uint32_t> cell_visits;  // [ny, nx]
  std::vector<float> rewards;         // [envs * horizon]
};

// Called before every new attempt with the reason in one line and the seconds
// to wait; waits, and answers false to give up (then CANCELLED).
using WaitForRetry =
    std::function<bool(absl::string_view reason, double seconds)>;

// The learner's view of the entropy service. One ScoreEpoch at a time.
class EntropyClient {
 public:
  virtual ~EntropyClient() = default;

  // Same request, same bits. Retries for as long as the service is not
  // reachable; any other failure is final.
  virtual absl::StatusOr<ScoreResult> ScoreEpoch(const ScoreRequest& request,
                                                 const WaitForRetry& wait) = 0;

  // Ends a call in progress with CANCELLED. Thread-safe.
  virtual void Cancel() = 0;
};

}  // namespace kmyriad

#endif  // KMYRIAD_LEARNER_TRAINER_ENTROPY_CLIENT_H_
