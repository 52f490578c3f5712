#include "learner/hello_check.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "common/rpc/message_codec.h"

namespace kmyriad {
namespace {

constexpr size_t kMaxActorId = 128;
constexpr uint32_t kMaxCapacity = 4096;
// Free text that is only shown.
constexpr size_t kMaxText = 256;

absl::Status Differs(absl::string_view what, const std::string& actor,
                     const std::string& run, absl::string_view mend) {
  return absl::FailedPreconditionError(
      absl::StrCat(what, " = ", actor, ", the run has ", run, ": ", mend));
}

}  // namespace

absl::StatusOr<ActorIdentity> IdentityOf(const v1::Hello& hello) {
  ActorIdentity identity;
  KMYRIAD_ASSIGN_OR_RETURN(identity.environment,
                           FromProto(hello.environment()));
  KMYRIAD_ASSIGN_OR_RETURN(identity.fingerprint,
                           DigestFromBytes(hello.fingerprint(), "fingerprint"));
  KMYRIAD_ASSIGN_OR_RETURN(
      identity.golden_digest,
      DigestFromBytes(hello.golden_digest(), "golden_digest"));
  return identity;
}

absl::Status CheckHello(const v1::Hello& hello, const HubOptions& options) {
  if (hello.protocol_version() != kProtocolVersion) {
    return Differs("protocol_version", absl::StrCat(hello.protocol_version()),
                   absl::StrCat(kProtocolVersion),
                   "use actor and learner of one build");
  }
  if (hello.actor_id().empty() || hello.actor_id().size() > kMaxActorId) {
    return absl::InvalidArgumentError(
        absl::StrCat("actor_id has ", hello.actor_id().size(),
                     " characters: 1..", kMaxActorId));
  }
  if (hello.backend().size() > kMaxText || hello.revision().size() > kMaxText ||
      hello.instruction_set().size() > kMaxText) {
    return absl::InvalidArgumentError(
        absl::StrCat("backend, revision or instruction_set is longer than ",
                     kMaxText, " characters"));
  }
  if (hello.capacity_blocks() == 0 || hello.capacity_blocks() > kMaxCapacity) {
    return absl::InvalidArgumentError(absl::StrCat(
        "capacity_blocks = ", hello.capacity_blocks(), ": 1..", kMaxCapacity));
  }
  KMYRIAD_ASSIGN_OR_RETURN(const Digest config_hash,
                           DigestFromBytes(hello.config_hash(), "config_hash"));
  KMYRIAD_ASSIGN_OR_RETURN(const ActorIdentity identity, IdentityOf(hello));
  if (config_hash != options.config_hash) {
    return Differs("config_hash", ToHex(config_hash),
                   ToHex(options.config_hash),
                   "start the actor with the run's configuration");
  }
  if (hello.backend() != options.backend) {
    return Differs("backend", hello.backend(), options.backend,
                   "start the actor with the run's physics.backend");
  }
  return absl::OkStatus();
}

absl::Status CheckIdentity(const v1::Hello& hello,
                           const ActorIdentity& wanted) {
  KMYRIAD_ASSIGN_OR_RETURN(const ActorIdentity identity, IdentityOf(hello));
  if (identity.fingerprint != wanted.fingerprint) {
    return Differs("fingerprint", ToHex(identity.fingerprint),
                   ToHex(wanted.fingerprint),
                   "task, terrain, model or physics are not the run's");
  }
  if (identity.golden_digest != wanted.golden_digest) {
    return Differs("golden_digest", ToHex(identity.golden_digest),
                   ToHex(wanted.golden_digest),
                   "this machine computes other bits than the run's first "
                   "actor");
  }
  if (identity.environment != wanted.environment) {
    return Differs("environment", identity.environment.terrain,
                   wanted.environment.terrain,
                   "the specifications are not equal");
  }
  return absl::OkStatus();
}

}  // namespace kmyriad
