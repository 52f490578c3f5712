#include "learner/actor_hub.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/logging.h"
#include "common/base/segment.h"
#include "common/base/status_macros.h"
#include "common/rpc/channel.h"
#include "common/rpc/message_codec.h"
#include "learner/batch_view.h"
#include "learner/hello_check.h"

namespace kmyriad {
namespace {

// An actor whose segments are no use this many times in a row is sent away:
// otherwise it would be leased the same blocks for ever.
constexpr uint32_t kMaxDamagedInARow = 16;
// The same for messages that are refused as rubbish.
constexpr uint32_t kMaxRefusedInARow = 64;
// Streams at once, those included that have not said Hello.
constexpr size_t kMaxStreams = 4096;
// An actor that has more than this before it gets no further policy.
constexpr uint64_t kMaxBacklog = uint64_t{1} << 20;
constexpr size_t kSnapshotChunk = size_t{1} << 20;

v1::SegmentResult ToProto(SegmentOutcome outcome) {
  switch (outcome) {
    case SegmentOutcome::kApplied:
      return v1::SEGMENT_RESULT_APPLIED;
    case SegmentOutcome::kDuplicate:
      return v1::SEGMENT_RESULT_DUPLICATE;
    case SegmentOutcome::kStale:
      return v1::SEGMENT_RESULT_STALE;
    case SegmentOutcome::kDamaged:
      break;
  }
  return v1::SEGMENT_RESULT_DAMAGED;
}

}  // namespace

ActorHub::ActorHub(const HubOptions& options, const Clock& clock,
                   PolicyStore& policy, LearnerMetrics& metrics,
                   HubObserver& observer)
    : options_(options),
      clock_(clock),
      policy_(policy),
      metrics_(metrics),
      observer_(observer),
      leases_(clock, {BlockCount(options.envs), options.min_lease_seconds}) {}

StreamId ActorHub::OnConnect(std::shared_ptr<ActorConnection> connection) {
  Report report;
  StreamId id = 0;
  {
    absl::MutexLock lock(&mutex_);
    id = next_id_++;
    Stream& stream = streams_[id];
    stream.connection = std::move(connection);
    stream.last_seen = stream.written_time = clock_.MonotonicSeconds();
    if (streams_.size() > kMaxStreams) {
      metrics_.refused_hellos.Add();
      CloseStream(id, stream,
                  absl::ResourceExhaustedError(absl::StrCat(
                      "more than ", kMaxStreams, " streams at once")),
                  &report);
    }
  }
  Publish(report);
  return id;
}

void ActorHub::OnHello(StreamId id, const v1::Hello& hello) {
  Report report;
  const absl::Status valid = CheckHello(hello, options_);
  {
    absl::MutexLock lock(&mutex_);
    const auto found = streams_.find(id);
    if (found == streams_.end()) return;
    Stream& stream = found->second;
    if (stream.state == State::kClosed) return;
    stream.last_seen = clock_.MonotonicSeconds();
    absl::Status status = valid;
    if (stream.state != State::kNew) {
      status = absl::InvalidArgumentError("a second Hello on one stream");
    }
    if (status.ok() && identity_.has_value()) {
      status = CheckIdentity(hello, *identity_);
    }
    if (!status.ok()) {
      metrics_.refused_hellos.Add();
      LogWarning("actor ", absl::string_view(hello.actor_id()).substr(0, 128),
                 " refused: ", status.message());
      CloseStream(id, stream, status, &report);
    } else {
      // Until the stream is admitted, and no bytes that mean nothing.
      stream.hello = hello;
      stream.hello.DiscardUnknownFields();
      stream.actor = hello.actor_id();
      stream.state = State::kWaiting;
      for (auto& [other_id, other] : streams_) {
        if (other_id == id || other.actor != stream.actor) continue;
        CloseStream(other_id, other,
                    absl::AbortedError("a newer stream of this actor came"),
                    &report);
      }
      if (identity_.has_value()) Admit(id, stream, &report);
      report.progress = true;
    }
  }
  Publish(report);
}

void ActorHub::Admit(StreamId id, Stream& stream, Report* report) {
  stream.state = State::kActive;
  leases_.AddActor(id, stream.hello.capacity_blocks());
  stream.hello.Clear();
  v1::LearnerMessage message;
  v1::Welcome& welcome = *message.mutable_welcome();
  welcome.set_run_uuid(ToBytes(run_uuid_));
  welcome.set_seed(options_.seed);
  welcome.set_credit_bytes(options_.credit_bytes);
  welcome.set_max_message_bytes(kMaxMessageBytes);
  welcome.set_batch_bytes(options_.batch_bytes);
  welcome.set_heartbeat_seconds(options_.heartbeat_seconds);
  Send(stream, std::move(message));
  report->joined.push_back(stream.actor);
  if (drain_.has_value()) {
    v1::LearnerMessage drain;
    *drain.mutable_drain() = *drain_;
    Send(stream, std::move(drain));
  }
  GrantAll();
}

void ActorHub::Leave(StreamId id, Stream& stream, const std::string& reason,
                     Report* report) {
  if (stream.state == State::kActive) {
    leases_.RemoveActor(id);
    metrics_.fleet.Forget(id);
    report->left.emplace_back(stream.actor, reason);
    report->progress = true;
  }
  stream.state = State::kClosed;
  stream.actor.clear();
  stream.hello.Clear();
}

void ActorHub::CloseStream(StreamId id, Stream& stream,
                           const absl::Status& status, Report* report) {
  if (stream.state == State::kClosed) return;
  Leave(id, stream, std::string(status.message()), report);
  stream.connection->Close(status);
  unflushed_.push_back(stream.connection);
  GrantAll();
}

void ActorHub::OnGone(StreamId id, const std::string& reason) {
  Report report;
  {
    absl::MutexLock lock(&mutex_);
    const auto found = streams_.find(id);
    if (found == streams_.end()) return;
    Leave(id, found->second, reason, &report);
    streams_.erase(found);
    if (assembler_ != nullptr) assembler_->DropStream(id);
    GrantAll();
  }
  Publish(report);
}

ActorHub::Stream* ActorHub::Touch(StreamId id, Report* report) {
  const auto found = streams_.find(id);
  if (found == streams_.end()) return nullptr;
  Stream& stream = found->second;
  stream.last_seen = clock_.MonotonicSeconds();
  if (stream.state == State::kActive) {
    leases_.SetSuspect(id, false);
    return &stream;
  }
  if (stream.state == State::kNew) {
    metrics_.refused_batches.Add();
    CloseStream(id, stream,
                absl::InvalidArgumentError("the first message must be Hello"),
                report);
  }
  return nullptr;
}

absl::Status ActorHub::AddBatch(StreamId id, const v1::StateBatch& batch) {
  KMYRIAD_ASSIGN_OR_RETURN(const SegmentKey key, FromProto(batch.key()));
  const EpochShape& shape = assembler_->buffer().shape;
  if (key.block >= BlockCount(shape.envs)) {
    return absl::InvalidArgumentError(absl::StrCat(
        "block = ", key.block, ": the run has ", BlockCount(shape.envs)));
  }
  KMYRIAD_RETURN_IF_ERROR(ValidateStateBatch(batch, shape.segment(key.block)));
  return assembler_->AddBatch(id, ViewOf(key, batch));
}

void ActorHub::OnBatch(StreamId id, const v1::StateBatch& batch) {
  Report report;
  bool active = false;
  {
    absl::MutexLock lock(&mutex_);
    active = Touch(id, &report) != nullptr;
  }
  if (!active) return Publish(report);
  // Checksum, number checks and copying go without the lock.
  const absl::Status status = AddBatch(id, batch);
  metrics_.batches.Add();
  metrics_.batch_bytes.Add(static_cast<double>(StateBatchBytes(batch)));
  AcknowledgeBatch(id, batch, status, &report);
  Publish(report);
}

void ActorHub::AcknowledgeBatch(StreamId id, const v1::StateBatch& batch,
                                const absl::Status& status, Report* report) {
  absl::MutexLock lock(&mutex_);
  const auto found = streams_.find(id);
  if (found == streams_.end()) return;
  Stream& stream = found->second;
  if (stream.state != State::kActive) return;
  stream.received_bytes += StateBatchBytes(batch);
  if (status.ok()) {
    stream.refused_in_a_row = 0;
  } else {
    SendBatchError(stream, batch.key(), status);
    CountRefusal(id, stream, status, report);
    if (stream.state != State::kActive) return;
  }
  // A quarter of the credit keeps an actor from running dry without a message
  // per batch.
  if (stream.received_bytes - stream.acknowledged_bytes >=
      options_.credit_bytes / 4) {
    SendAck(stream);
  }
}

void ActorHub::OnSegmentDone(StreamId id, const v1::SegmentDone& done) {
  Report report;
  {
    absl::MutexLock lock(&mutex_);
    Stream* stream = Touch(id, &report);
    if (stream != nullptr) FinishSegment(id, *stream, done, &report);
  }
  Publish(report);
}

void ActorHub::FinishSegment(StreamId id, Stream& stream,
                             const v1::SegmentDone& done, Report* report) {
  ++stream.segments;
  const absl::StatusOr<SegmentKey> key = FromProto(done.key());
  const absl::StatusOr<Digest> sha256 =
      DigestFromBytes(done.sha256(), "sha256");
  absl::StatusOr<SegmentOutcome> outcome = SegmentOutcome::kDamaged;
  if (!key.ok() || !sha256.ok()) {
    SendBatchError(stream, done.key(),
                   key.ok() ? sha256.status() : key.status());
  } else {
    outcome = assembler_->Finish(id, stream.actor, *key, *sha256);
  }
  if (!outcome.ok()) {
    report->broken = outcome.status();
    return;
  }
  CountSegment(*outcome, stream);
  // A stale segment says nothing about the leases of this epoch.
  if (key.ok() && *outcome != SegmentOutcome::kStale) {
    if (*outcome == SegmentOutcome::kApplied) CountApplied(id, done);
    if (*outcome != SegmentOutcome::kDamaged) CompleteBlock(id, key->block);
    leases_.Release(id, key->block);
  }
  SendAck(stream);
  if (stream.damaged_in_a_row >= kMaxDamagedInARow) {
    CloseStream(id, stream,
                absl::DataLossError(absl::StrCat(kMaxDamagedInARow,
                                                 " damaged segments in a row")),
                report);
    return;
  }
  GrantAll();
  if (leases_.done() == BlockCount(options_.envs)) report->progress = true;
}

void ActorHub::CountSegment(SegmentOutcome outcome, Stream& stream) {
  metrics_.segments(outcome).Add();
  stream.last_result = ToProto(outcome);
  switch (outcome) {
    case SegmentOutcome::kDamaged:
      ++stream.damaged_in_a_row;
      break;
    // Late, and thus not judged.
    case SegmentOutcome::kStale:
      break;
    case SegmentOutcome::kApplied:
    case SegmentOutcome::kDuplicate:
      stream.damaged_in_a_row = 0;
  }
}

void ActorHub::CountApplied(StreamId id, const v1::SegmentDone& done) {
  const uint32_t block = done.key().block();
  const uint64_t samples =
      uint64_t{BlockRows(options_.envs, block)} * options_.horizon;
  // No more than there can be, whatever the actor says.
  metrics_.nonfinite_observations.Add(
      static_cast<double>(std::min(done.nonfinite(), samples)));
  const absl::optional<double> age = leases_.LeaseSeconds(id, block);
  if (age.has_value()) metrics_.segment_age_seconds.Observe(*age);
}

void ActorHub::CompleteBlock(StreamId id, uint32_t block) {
  leases_.Complete(block);
  for (const StreamId holder : leases_.Holders(block)) {
    if (holder == id) continue;
    leases_.Release(holder, block);
    const auto found = streams_.find(holder);
    if (found == streams_.end()) continue;
    v1::LearnerMessage message;
    message.mutable_revoke()->set_epoch(epoch_);
    message.mutable_revoke()->add_blocks(block);
    Send(found->second, std::move(message));
  }
}

void ActorHub::OnHeartbeat(StreamId id, const v1::Heartbeat& heartbeat) {
  Report report;
  {
    absl::MutexLock lock(&mutex_);
    if (Touch(id, &report) != nullptr && heartbeat.has_totals()) {
      metrics_.fleet.Report(id, heartbeat.totals());
    }
  }
  Publish(report);
}

void ActorHub::OnUnknown(StreamId id) {
  Report report;
  {
    absl::MutexLock lock(&mutex_);
    Stream* stream = Touch(id, &report);
    if (stream != nullptr) {
      const absl::Status status = absl::InvalidArgumentError(
          "bytes that are no message of a kind that is known");
      SendBatchError(*stream, v1::SegmentKey(), status);
      CountRefusal(id, *stream, status, &report);
    }
  }
  Publish(report);
}

void ActorHub::CountRefusal(StreamId id, Stream& stream,
                            const absl::Status& status, Report* report) {
  // Whatever is merely late is no rubbish.
  if (!absl::IsInvalidArgument(status) && !absl::IsDataLoss(status)) return;
  if (++stream.refused_in_a_row < kMaxRefusedInARow) return;
  CloseStream(
      id, stream,
      absl::InvalidArgumentError(absl::StrCat(
          kMaxRefusedInARow,
          " messages in a row were refused; the last: ", status.message())),
      report);
}

void ActorHub::GrantAll() {
  if (!collecting_ || !leasing_) return;
  uint64_t total = TotalBacklog();
  for (auto& [id, stream] : streams_) {
    if (total > options_.max_backlog_bytes / 2) return;
    total -= stream.connection->backlog().bytes;
    GrantLeases(id, stream);
    total += stream.connection->backlog().bytes;
  }
}

void ActorHub::GrantLeases(StreamId id, Stream& stream) {
  if (stream.state != State::kActive || !collecting_ || !leasing_ ||
      drain_.has_value() || stream.connection->backlog().bytes > kMaxBacklog) {
    return;
  }
  const LeaseGrant grant = leases_.Assign(id);
  if (grant.blocks.empty()) return;
  for (const uint32_t block : grant.recomputed) {
    recomputed_samples_ +=
        uint64_t{BlockRows(options_.envs, block)} * options_.horizon;
  }
  metrics_.leases_recomputed.Add(static_cast<double>(grant.recomputed.size()));
  metrics_.leases_backup.Add(grant.backups);
  metrics_.leases_join.Add(static_cast<double>(
      grant.blocks.size() - grant.recomputed.size() - grant.backups));
  SendPolicy(stream, grant.blocks);
  v1::LearnerMessage message;
  v1::Lease& lease = *message.mutable_lease();
  lease.set_epoch(epoch_);
  lease.set_policy_version(policy_.policy_version());
  lease.set_policy_hash(ToBytes(policy_.policy_hash()));
  lease.mutable_blocks()->Assign(grant.blocks.begin(), grant.blocks.end());
  lease.set_deadline_seconds(grant.deadline_seconds);
  Send(stream, std::move(message));
}

void ActorHub::SendPolicy(Stream& stream, const std::vector<uint32_t>& blocks) {
  const uint32_t envs_per_agent = options_.envs / options_.agents;
  const auto [low, high] = std::minmax_element(blocks.begin(), blocks.end());
  const uint32_t last_env =
      *high * kBlockLanes + BlockRows(options_.envs, *high) - 1;
  uint32_t first = *low * kBlockLanes / envs_per_agent;
  uint32_t count = last_env / envs_per_agent - first + 1;
  if (stream.sent_policy == policy_.policy_hash() && stream.sent_count > 0) {
    if (first >= stream.sent_first &&
        first + count <= stream.sent_first + stream.sent_count) {
      return;
    }
    // The second time all heads go out, so that a policy is sent twice to an
    // actor at most, however its leases are spread.
    first = 0;
    count = options_.agents;
  }
  const absl::StatusOr<std::shared_ptr<const PolicySnapshot>> snapshot =
      policy_.Snapshot(first, count);
  if (!snapshot.ok()) {
    LogError("policy snapshot: ", snapshot.status().message());
    return;
  }
  const std::string& bytes = (*snapshot)->bytes;
  const size_t chunks = (bytes.size() + kSnapshotChunk - 1) / kSnapshotChunk;
  for (size_t i = 0; i < chunks; ++i) {
    v1::LearnerMessage message;
    v1::PolicySnapshotChunk& chunk = *message.mutable_policy_snapshot();
    chunk.set_policy_version((*snapshot)->policy_version);
    chunk.set_policy_hash(ToBytes((*snapshot)->policy_hash));
    chunk.set_index(static_cast<uint32_t>(i));
    chunk.set_count(static_cast<uint32_t>(chunks));
    chunk.set_total_bytes(bytes.size());
    chunk.set_data(bytes.substr(i * kSnapshotChunk, kSnapshotChunk));
    Send(stream, std::move(message));
  }
  stream.sent_policy = (*snapshot)->policy_hash;
  stream.sent_first = first;
  stream.sent_count = count;
}

void ActorHub::SendAck(Stream& stream) {
  v1::LearnerMessage message;
  v1::Ack& ack = *message.mutable_ack();
  ack.set_received_bytes(stream.received_bytes);
  ack.set_segments(stream.segments);
  ack.set_last_result(stream.last_result);
  stream.acknowledged_bytes = stream.received_bytes;
  Send(stream, std::move(message));
}

void ActorHub::SendBatchError(Stream& stream, const v1::SegmentKey& key,
                              const absl::Status& status) {
  metrics_.refused_batches.Add();
  v1::LearnerMessage message;
  v1::BatchError& error = *message.mutable_batch_error();
  // Not all that the peer has put there: it may be megabytes.
  error.mutable_key()->set_epoch(key.epoch());
  error.mutable_key()->set_block(key.block());
  error.set_code(static_cast<int>(status.code()));
  error.set_message(std::string(status.message()));
  Send(stream, std::move(message));
}

absl::optional<ActorIdentity> ActorHub::Candidate() {
  absl::MutexLock lock(&mutex_);
  for (const auto& [id, stream] : streams_) {
    if (stream.state != State::kWaiting) continue;
    absl::StatusOr<ActorIdentity> identity = IdentityOf(stream.hello);
    if (identity.ok()) return *std::move(identity);
  }
  return absl::nullopt;
}

void ActorHub::Pin(const Uuid& run_uuid, const ActorIdentity& identity) {
  Report report;
  {
    absl::MutexLock lock(&mutex_);
    run_uuid_ = run_uuid;
    identity_ = identity;
    assembler_ = std::make_unique<SegmentAssembler>(
        run_uuid, identity.fingerprint,
        EpochShape{options_.envs, options_.horizon,
                   identity.environment.obs_dim(), identity.environment.act_dim,
                   identity.environment.feature_dim()});
    for (auto& [id, stream] : streams_) {
      if (stream.state != State::kWaiting) continue;
      const absl::Status status = CheckIdentity(stream.hello, *identity_);
      if (status.ok()) {
        Admit(id, stream, &report);
      } else {
        metrics_.refused_hellos.Add();
        CloseStream(id, stream, status, &report);
      }
    }
  }
  Publish(report);
}

void ActorHub::StartEpoch(uint64_t epoch) {
  {
    absl::MutexLock lock(&mutex_);
    epoch_ = epoch;
    recomputed_samples_ = 0;
    collecting_ = true;
    assembler_->StartEpoch(epoch, policy_.policy_hash());
    leases_.StartEpoch();
    GrantAll();
  }
  Publish(Report());
}

void ActorHub::EndEpoch() {
  {
    absl::MutexLock lock(&mutex_);
    if (!collecting_) return;
    const bool complete = leases_.done() == BlockCount(options_.envs);
    collecting_ = false;
    assembler_->EndEpoch();
    leases_.EndEpoch();
    if (complete) return;
    for (auto& [id, stream] : streams_) {
      if (stream.state != State::kActive) continue;
      v1::LearnerMessage message;
      message.mutable_revoke()->set_epoch(epoch_);
      message.mutable_revoke()->set_all(true);
      Send(stream, std::move(message));
    }
  }
  Publish(Report());
}

void ActorHub::SetLeasing(bool leasing) {
  {
    absl::MutexLock lock(&mutex_);
    leasing_ = leasing;
    GrantAll();
  }
  Publish(Report());
}

CollectStatus ActorHub::status() {
  absl::MutexLock lock(&mutex_);
  CollectStatus status;
  for (const auto& [id, stream] : streams_) {
    if (stream.state == State::kActive) ++status.actors;
  }
  status.blocks_total = BlockCount(options_.envs);
  status.blocks_done = leases_.done();
  status.blocks_leased = leases_.leased();
  status.complete = collecting_ && status.blocks_done == status.blocks_total;
  return status;
}

SegmentCounters ActorHub::counters() {
  absl::MutexLock lock(&mutex_);
  return assembler_ == nullptr ? SegmentCounters() : assembler_->counters();
}

uint64_t ActorHub::recomputed_samples() {
  absl::MutexLock lock(&mutex_);
  return recomputed_samples_;
}

void ActorHub::Drain(const std::string& reason, bool complete) {
  {
    absl::MutexLock lock(&mutex_);
    drain_.emplace();
    drain_->set_reason(reason);
    drain_->set_complete(complete);
    for (auto& [id, stream] : streams_) {
      if (stream.state != State::kActive && stream.state != State::kWaiting) {
        continue;
      }
      v1::LearnerMessage message;
      *message.mutable_drain() = *drain_;
      Send(stream, std::move(message));
    }
  }
  Publish(Report());
}

void ActorHub::Send(Stream& stream, v1::LearnerMessage message) {
  stream.connection->Send(std::move(message));
  unflushed_.push_back(stream.connection);
}

void ActorHub::Publish(const Report& report) {
  std::vector<std::shared_ptr<ActorConnection>> unflushed;
  {
    absl::MutexLock lock(&mutex_);
    unflushed.swap(unflushed_);
  }
  for (const auto& connection : unflushed) connection->Flush();
  for (const std::string& actor : report.joined) observer_.OnActorJoined(actor);
  for (const auto& [actor, reason] : report.left) {
    observer_.OnActorLeft(actor, reason);
  }
  if (!report.broken.ok()) observer_.OnBrokenDeterminism(report.broken);
  if (report.progress) observer_.OnProgress();
}

}  // namespace kmyriad
