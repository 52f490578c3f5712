#ifndef KMYRIAD_LEARNER_HELLO_CHECK_H_
#define KMYRIAD_LEARNER_HELLO_CHECK_H_

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "kmyriad/v1/learner.pb.h"
#include "learner/actor_hub.h"

namespace kmyriad {

// What an actor says of itself. INVALID_ARGUMENT for hashes of a wrong size or
// an environment that makes no sense.
absl::StatusOr<ActorIdentity> IdentityOf(const v1::Hello& hello);

// Whether an actor may take part in a run with these options:
// FAILED_PRECONDITION, naming both values, for another protocol, configuration
// or backend; INVALID_ARGUMENT for rubbish.
absl::Status CheckHello(const v1::Hello& hello, const HubOptions& options);

// FAILED_PRECONDITION unless the actor is one of the run's kind.
absl::Status CheckIdentity(const v1::Hello& hello, const ActorIdentity& wanted);

}  // namespace kmyriad

#endif  // KMYRIAD_LEARNER_HELLO_CHECK_H_
