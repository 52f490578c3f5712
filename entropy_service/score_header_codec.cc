#include "entropy_service/score_header_codec.h"

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "common/rpc/message_codec.h"

namespace kmyriad {
namespace {

// Longer than any engine's name.
constexpr size_t kMaxEngineName = 32;

absl::StatusOr<RewardKind> RewardFromProto(v1::RewardKind reward) {
  switch (reward) {
    case v1::REWARD_KIND_FORWARD:
      return RewardKind::kForward;
    case v1::REWARD_KIND_APT:
      return RewardKind::kApt;
    case v1::REWARD_KIND_SELFNORM_REVERSE:
      return RewardKind::kSelfnormReverse;
    case v1::REWARD_KIND_MEPOL_EXACT:
      return RewardKind::kMepolExact;
    case v1::REWARD_KIND_CROSS_NOVELTY:
      return RewardKind::kCrossNovelty;
    case v1::REWARD_KIND_MARGINAL:
      return RewardKind::kMarginal;
    default:
      return absl::InvalidArgumentError(
          absl::StrCat("reward = ", static_cast<int>(reward),
                       ": use one of the REWARD_KINDs that "
                       "proto/kmyriad/v1/entropy_service.proto lists"));
  }
}

absl::StatusOr<Credit> CreditFromProto(v1::Credit credit) {
  switch (credit) {
    case v1::CREDIT_UNSPECIFIED:
    case v1::CREDIT_LEAVE_ONE_OUT:
      return Credit::kLeaveOneOut;
    case v1::CREDIT_UNIFORM:
      return Credit::kUniform;
    case v1::CREDIT_SHUFFLED:
      return Credit::kShuffled;
    default:
      return absl::InvalidArgumentError(
          absl::StrCat("credit = ", static_cast<int>(credit),
                       ": use CREDIT_LEAVE_ONE_OUT, CREDIT_UNIFORM or "
                       "CREDIT_SHUFFLED"));
  }
}

}  // namespace

absl::StatusOr<ScoreRequest> ScoreRequestFromProto(
    const v1::ScoreEpochHeader& header) {
  ScoreRequest request;
  KMYRIAD_ASSIGN_OR_RETURN(request.run_uuid,
                           UuidFromBytes(header.run_uuid(), "run_uuid"));
  KMYRIAD_ASSIGN_OR_RETURN(
      request.particle_digest,
      DigestFromBytes(header.particle_digest(), "particle_digest"));
  KMYRIAD_ASSIGN_OR_RETURN(request.reward, RewardFromProto(header.reward()));
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
  request.keep_neighbors = header.keep_neighbors();
  KMYRIAD_ASSIGN_OR_RETURN(request.credit, CreditFromProto(header.credit()));
  request.measure_divergences = header.measure_divergences();
  request.theiler_window = header.theiler_window();
  if (header.periods_size() > static_cast<int>(kMaxFeatureDims)) {
    return absl::InvalidArgumentError(
        absl::StrCat("periods = ", header.periods_size(), " numbers: at most ",
                     kMaxFeatureDims));
  }
  request.periods.assign(header.periods().begin(), header.periods().end());
  request.shard_count = header.shard_count();
  request.shard_index = header.shard_index();
  if (header.engine().size() > kMaxEngineName) {
    return absl::InvalidArgumentError(
        absl::StrCat("engine: a name of ", header.engine().size(),
                     " characters; use auto, grid, kd_tree or brute_force"));
  }
  request.engine = header.engine();
  return request;
}

absl::StatusOr<WeightedForm> WeightedFormFromProto(v1::WeightedForm form) {
  if (form == v1::WEIGHTED_FORM_SELF_NORMALIZED) {
    return WeightedForm::kSelfNormalized;
  }
  if (form == v1::WEIGHTED_FORM_MEPOL) return WeightedForm::kMepol;
  return absl::InvalidArgumentError(
      absl::StrCat("form = ", static_cast<int>(form),
                   ": use WEIGHTED_FORM_SELF_NORMALIZED or "
                   "WEIGHTED_FORM_MEPOL"));
}

}  // namespace kmyriad
