#ifndef KMYRIAD_LEARNER_ACTOR_CONNECTION_H_
#define KMYRIAD_LEARNER_ACTOR_CONNECTION_H_

#include "absl/status/status.h"
#include "common/rpc/stream_handle.h"
#include "kmyriad/v1/learner.pb.h"

namespace kmyriad {

// The learner's end of one actor's stream. Send and Close only store, since
// they are called with the hub's lock held; Flush, called without it, passes on
// what is stored, in order. Thread-safe.
class ActorConnection {
 public:
  virtual ~ActorConnection() = default;
  virtual void Send(v1::LearnerMessage message) = 0;
  // Ends the stream after what was sent. OnGone follows.
  virtual void Close(const absl::Status& status) = 0;
  // Ends it at once: the peer does not read.
  virtual void Abort(const absl::Status& status) = 0;
  // What the peer has not taken yet, stored or sent.
  virtual StreamBacklog backlog() const = 0;
  // May be called by several threads at once, and from within itself.
  virtual void Flush() = 0;
};

}  // namespace kmyriad

#endif  // KMYRIAD_LEARNER_ACTOR_CONNECTION_H_
