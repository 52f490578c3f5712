#ifndef KMYRIAD_ENTROPY_SERVICE_SCORE_HEADER_CODEC_H_
#define KMYRIAD_ENTROPY_SERVICE_SCORE_HEADER_CODEC_H_

#include "absl/status/statusor.h"
#include "entropy_service/estimator/weighted_entropy.h"
#include "entropy_service/score_request.h"
#include "kmyriad/v1/entropy_service.pb.h"

namespace kmyriad {

// The plain form of a header. INVALID_ARGUMENT for ids and hashes of a wrong
// size, a reward or a pooling that this version does not have and a malformed
// coverage grid; ScoreRequest::Validate checks the numbers.
absl::StatusOr<ScoreRequest> ScoreRequestFromProto(
    const v1::ScoreEpochHeader& header);

// INVALID_ARGUMENT for a form that this version does not have.
absl::StatusOr<WeightedForm> WeightedFormFromProto(v1::WeightedForm form);

}  // namespace kmyriad

#endif  // KMYRIAD_ENTROPY_SERVICE_SCORE_HEADER_CODEC_H_
