#include "entropy_service/score_header_codec.h"

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "common/rpc/message_codec.h"

namespace kmyriad {

absl::StatusOr<ScoreRequest> ScoreRequestFromProto(
    const v1::ScoreEpochHeader& header) {
  ScoreRequest request;
  KMYRIAD_ASSIGN_OR_RETURN(request.run_uuid,
                           UuidFromBytes(header.run_uuid(), "run_uuid"));
  KMYRIAD_ASSIGN_OR_RETURN(
      request.particle_digest,
      DigestFromBytes(header.particle_digest(), "particle_digest"));
  if (header.reward() != v1::REWARD_KIND_FORWARD) {
    return absl::InvalidArgumentError(
        absl::StrCat("reward = ", static_cast<int>(header.reward()),
                     ": this version gives REWARD_KIND_FORWARD"));
  }
  if (header.pooling() == v1::POOLING_COLLECTIVE) {
    request.pooling = Pooling::kCollective;
  } else if (header.pooling() == v1::POOLING_INDIVIDUAL) {
    request.pooling = Pooling::kIndividual;
  } else {
    return absl::InvalidArgumentError(
        absl::StrCat("pooling = ", static_cast<int>(header.pooling()),
                     ": use POOLING_COLLECTIVE or POOLING_INDIVIDUAL"));
  }
  if (header.has_coverage()) {
    KMYRIAD_ASSIGN_OR_RETURN(request.coverage, FromProto(header.coverage()));
  }
  request.epoch = header.epoch();
  request.envs = header.envs();
  request.horizon = header.horizon();
  request.agents = header.agents();
  request.dims = header.dims();
  request.k = header.k();
  request.floor = header.floor();
  request.window = header.window();
  request.seed = header.seed();
  return request;
}

}  // namespace kmyriad
