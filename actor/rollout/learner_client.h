#ifndef KMYRIAD_ACTOR_ROLLOUT_LEARNER_CLIENT_H_
#define KMYRIAD_ACTOR_ROLLOUT_LEARNER_CLIENT_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "common/base/digest.h"
#include "common/base/environment_spec.h"
#include "common/base/segment.h"

namespace kmyriad {

// Plain twins of the messages of proto/kmyriad/v1/learner.proto, which
// documents the fields.
struct ActorHello {
  std::string actor_id;
  Digest config_hash{};
  std::string backend;
  uint32_t capacity_blocks = 1;
  Digest fingerprint{};
  Digest golden_digest{};
  EnvironmentSpec environment;
  std::string revision;
  std::string instruction_set;
};

struct SessionTerms {
  Uuid run_uuid{};
  uint64_t seed = 0;
  uint64_t credit_bytes = 0;
  uint64_t max_message_bytes = 0;
  uint64_t batch_bytes = 0;
  double heartbeat_seconds = 0;
};

struct PolicyChunk {
  uint64_t policy_version = 0;
  Digest policy_hash{};
  uint32_t index = 0;
  uint32_t count = 0;
  uint64_t total_bytes = 0;
  absl::string_view data;
};

struct BlockLease {
  uint64_t epoch = 0;
  uint64_t policy_version = 0;
  Digest policy_hash{};
  std::vector<uint32_t> blocks;
  double deadline_seconds = 0;
};

struct LeaseRevocation {
  uint64_t epoch = 0;
  std::vector<uint32_t> blocks;
  bool all = false;
};

enum class SegmentVerdict { kUnknown, kApplied, kDuplicate, kStale, kDamaged };

struct SegmentAck {
  uint64_t received_bytes = 0;
  uint64_t segments = 0;
  SegmentVerdict last_verdict = SegmentVerdict::kUnknown;
};

struct SegmentSummary {
  SegmentKey key;
  Digest sha256{};
  uint64_t nonfinite = 0;
  double physics_seconds = 0;
  double inference_seconds = 0;
};

// What the actor has done since the stream was opened, and what it is now.
struct ActorTotals {
  uint64_t env_steps = 0;
  uint64_t nonfinite = 0;
  double cpu_seconds = 0;
  double credit_wait_seconds = 0;
  uint64_t resident_bytes = 0;
};

// What comes from the learner. Calls come one after the other, from threads of
// the transport: they must not block, nor destroy the stream.
class LearnerEvents {
 public:
  virtual ~LearnerEvents() = default;
  virtual void OnWelcome(const SessionTerms& terms) = 0;
  virtual void OnPolicyChunk(const PolicyChunk& chunk) = 0;
  virtual void OnLease(const BlockLease& lease) = 0;
  virtual void OnRevoke(const LeaseRevocation& revocation) = 0;
  virtual void OnAck(const SegmentAck& ack) = 0;
  virtual void OnBatchError(const absl::Status& error) = 0;
  virtual void OnDrain(const std::string& reason, bool complete) = 0;
  virtual void OnHeartbeat() = 0;
  // The stream is over; last call. OK if the learner ended it in order.
  virtual void OnEnd(const absl::Status& status) = 0;
};

// An open stream to the learner. Thread-safe. Sending never blocks: what may
// be on its way is bounded by the credits, which the caller keeps to. After
// the end nothing is sent. The destructor cancels the stream and waits for
// OnEnd.
class LearnerStream {
 public:
  virtual ~LearnerStream() = default;
  // Copies steps [first_step, first_step + steps) of `segment`.
  virtual void SendBatch(const SegmentKey& key, const Segment& segment,
                         uint32_t first_step, uint32_t steps) = 0;
  virtual void SendDone(const SegmentSummary& summary) = 0;
  virtual void SendHeartbeat(const ActorTotals& totals) = 0;
  // Says Bye and ends our side; the learner then ends the stream.
  virtual void Leave(const std::string& reason) = 0;
  // Ends the stream at once.
  virtual void Cancel() = 0;
};

// Opens streams to one learner.
class LearnerClient {
 public:
  virtual ~LearnerClient() = default;
  // Returns at once, having said Hello; whether the learner is there and takes
  // us, events tell. `events` must live until OnEnd.
  virtual std::unique_ptr<LearnerStream> Open(const ActorHello& hello,
                                              LearnerEvents* events) = 0;
};

}  // namespace kmyriad

#endif  // KMYRIAD_ACTOR_ROLLOUT_LEARNER_CLIENT_H_
