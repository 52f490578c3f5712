#ifndef KMYRIAD_ACTOR_ROLLOUT_MESSAGE_DISPATCH_H_
#define KMYRIAD_ACTOR_ROLLOUT_MESSAGE_DISPATCH_H_

#include "absl/status/status.h"
#include "actor/rollout/learner_client.h"
#include "kmyriad/v1/learner.pb.h"

namespace kmyriad {

// Hands a learner's message to `events` in plain form. INVALID_ARGUMENT, with
// nothing handed on, for a message that the protocol does not know and for
// hashes and ids of a wrong size; the numbers in it are checked by the events.
absl::Status DispatchMessage(const v1::LearnerMessage& message,
                             LearnerEvents& events);

}  // namespace kmyriad

#endif  // KMYRIAD_ACTOR_ROLLOUT_MESSAGE_DISPATCH_H_
