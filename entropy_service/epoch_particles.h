#ifndef KMYRIAD_ENTROPY_SERVICE_EPOCH_PARTICLES_H_
#define KMYRIAD_ENTROPY_SERVICE_EPOCH_PARTICLES_H_

#include <cstdint>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "entropy_service/score_request.h"

namespace kmyriad {

// The particles of one epoch while they arrive, in chunks. Memory grows with
// what has arrived, not with what was announced. Not thread-safe; movable.
class EpochParticles {
 public:
  // Errors of ScoreRequest::Validate.
  static absl::StatusOr<EpochParticles> Create(ScoreRequest request);

  // Adds the chunk that starts with particle `first`; bytes as in proto
  // ParticleChunk. INVALID_ARGUMENT, and nothing is kept, unless it follows
  // the last one without a gap, its sizes agree and it stays within the epoch.
  absl::Status Append(uint64_t first, absl::string_view features,
                      absl::string_view mask,
                      absl::string_view squared_distances = "");

  // All particles have arrived.
  bool complete() const { return mask_.size() == request_.particles(); }
  // DATA_LOSS unless the digest is the request's; INVALID_ARGUMENT while not
  // complete. Takes milliseconds per megabyte.
  absl::Status Verify() const;

  const ScoreRequest& request() const { return request_; }
  // [particles, dims] and [particles], 1 = in the pool.
  const std::vector<float>& features() const { return features_; }
  const std::vector<uint8_t>& mask() const { return mask_; }
  // [particles] k-th distances that came along, or empty.
  const std::vector<float>& squared_distances() const {
    return squared_distances_;
  }

 private:
  explicit EpochParticles(ScoreRequest request)
      : request_(std::move(request)) {}

  // Keeps the distances of a chunk, or of a chunk without any nothing, unless
  // they are wrong.
  absl::Status AppendDistances(absl::string_view bytes, absl::string_view mask);

  ScoreRequest request_;
  std::vector<float> features_;
  std::vector<uint8_t> mask_;
  std::vector<float> squared_distances_;
};

}  // namespace kmyriad

#endif  // KMYRIAD_ENTROPY_SERVICE_EPOCH_PARTICLES_H_
