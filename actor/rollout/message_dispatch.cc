#include "actor/rollout/message_dispatch.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "common/base/status_macros.h"

namespace kmyriad {
namespace {

SegmentVerdict VerdictOf(v1::SegmentResult result) {
  switch (result) {
    case v1::SEGMENT_RESULT_APPLIED:
      return SegmentVerdict::kApplied;
    case v1::SEGMENT_RESULT_DUPLICATE:
      return SegmentVerdict::kDuplicate;
    case v1::SEGMENT_RESULT_STALE:
      return SegmentVerdict::kStale;
    case v1::SEGMENT_RESULT_DAMAGED:
      return SegmentVerdict::kDamaged;
    default:
      return SegmentVerdict::kUnknown;
  }
}

absl::Status Dispatch(const v1::Welcome& welcome, LearnerEvents& events) {
  SessionTerms terms;
  KMYRIAD_ASSIGN_OR_RETURN(
      terms.run_uuid, UuidFromBytes(welcome.run_uuid(), "Welcome.run_uuid"));
  terms.seed = welcome.seed();
  terms.credit_bytes = welcome.credit_bytes();
  terms.max_message_bytes = welcome.max_message_bytes();
  terms.batch_bytes = welcome.batch_bytes();
  terms.heartbeat_seconds = welcome.heartbeat_seconds();
  events.OnWelcome(terms);
  return absl::OkStatus();
}

absl::Status Dispatch(const v1::PolicySnapshotChunk& chunk,
                      LearnerEvents& events) {
  PolicyChunk plain;
  plain.policy_version = chunk.policy_version();
  KMYRIAD_ASSIGN_OR_RETURN(
      plain.policy_hash,
      DigestFromBytes(chunk.policy_hash(), "PolicySnapshotChunk.policy_hash"));
  plain.index = chunk.index();
  plain.count = chunk.count();
  plain.total_bytes = chunk.total_bytes();
  plain.data = absl::string_view(chunk.data().data(), chunk.data().size());
  events.OnPolicyChunk(plain);
  return absl::OkStatus();
}

absl::Status Dispatch(const v1::Lease& lease, LearnerEvents& events) {
  BlockLease plain;
  plain.epoch = lease.epoch();
  plain.policy_version = lease.policy_version();
  KMYRIAD_ASSIGN_OR_RETURN(
      plain.policy_hash,
      DigestFromBytes(lease.policy_hash(), "Lease.policy_hash"));
  plain.blocks.assign(lease.blocks().begin(), lease.blocks().end());
  plain.deadline_seconds = lease.deadline_seconds();
  events.OnLease(plain);
  return absl::OkStatus();
}

}  // namespace

absl::Status DispatchMessage(const v1::LearnerMessage& message,
                             LearnerEvents& events) {
  switch (message.message_case()) {
    case v1::LearnerMessage::kWelcome:
      return Dispatch(message.welcome(), events);
    case v1::LearnerMessage::kPolicySnapshot:
      return Dispatch(message.policy_snapshot(), events);
    case v1::LearnerMessage::kLease:
      return Dispatch(message.lease(), events);
    case v1::LearnerMessage::kRevoke: {
      const v1::Revoke& revoke = message.revoke();
      events.OnRevoke({revoke.epoch(),
                       {revoke.blocks().begin(), revoke.blocks().end()},
                       revoke.all()});
      return absl::OkStatus();
    }
    case v1::LearnerMessage::kAck:
      events.OnAck({message.ack().received_bytes(), message.ack().segments(),
                    VerdictOf(message.ack().last_result())});
      return absl::OkStatus();
    case v1::LearnerMessage::kDrain:
      events.OnDrain(message.drain().reason(), message.drain().complete());
      return absl::OkStatus();
    case v1::LearnerMessage::kHeartbeat:
      events.OnHeartbeat();
      return absl::OkStatus();
    case v1::LearnerMessage::kBatchError: {
      const v1::BatchError& error = message.batch_error();
      events.OnBatchError(absl::Status(
          static_cast<absl::StatusCode>(error.code()),
          absl::StrCat("block ", error.key().block(), " of epoch ",
                       error.key().epoch(), ": ", error.message())));
      return absl::OkStatus();
    }
    case v1::LearnerMessage::MESSAGE_NOT_SET:
      break;
  }
  return absl::InvalidArgumentError(
      "the learner sent a message that this actor does not know");
}

}  // namespace kmyriad
