#ifndef KMYRIAD_ACTOR_ROLLOUT_BYTE_CREDITS_H_
#define KMYRIAD_ACTOR_ROLLOUT_BYTE_CREDITS_H_

#include <cstdint>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace kmyriad {

// Flow control of one stream: never more unacknowledged bytes of state batches
// than the learner granted. Not thread-safe.
class ByteCredits {
 public:
  explicit ByteCredits(uint64_t credit_bytes) : credit_(credit_bytes) {}

  bool CanSend(uint64_t bytes) const { return bytes <= credit_ - unacked(); }
  // CanSend(bytes) must hold.
  void Sent(uint64_t bytes) { sent_ += bytes; }
  // `received` is cumulative. INVALID_ARGUMENT if it goes back or names bytes
  // that were never sent.
  absl::Status Acknowledge(uint64_t received) {
    if (received < received_ || received > sent_) {
      return absl::InvalidArgumentError(
          absl::StrCat("Ack.received_bytes = ", received, ", not within ",
                       received_, "..", sent_));
    }
    received_ = received;
    return absl::OkStatus();
  }

  uint64_t unacked() const { return sent_ - received_; }

 private:
  uint64_t credit_;
  uint64_t sent_ = 0;
  uint64_t received_ = 0;
};

}  // namespace kmyriad

#endif  // KMYRIAD_ACTOR_ROLLOUT_BYTE_CREDITS_H_
