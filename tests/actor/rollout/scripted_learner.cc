#include "tests/actor/rollout/scripted_learner.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "common/base/check.h"
#include "common/rpc/channel.h"
#include "common/rpc/message_codec.h"
#include "gtest/gtest.h"

namespace kmyriad {
namespace {

constexpr absl::Duration kPatience = absl::Minutes(1);

class SessionReactor
    : public StreamReactor<v1::ActorMessage, v1::LearnerMessage> {
 public:
  SessionReactor() : session_(std::make_shared<ScriptedSession>(handle())) {
    ReadNext();
  }
  std::shared_ptr<ScriptedSession> session() const { return session_; }

 private:
  void OnMessage(v1::ActorMessage& message) override {
    const bool bye = message.has_bye();
    session_->Arrived(std::move(message));
    ReadNext();
    if (bye) Close(grpc::Status::OK);
  }
  void OnClosed() override { Close(grpc::Status::OK); }
  void OnEnd() override { session_->Ended(); }

  const std::shared_ptr<ScriptedSession> session_;
};

// The rows of a [rows, steps, dim] column to a [rows, horizon, dim] one.
template <typename T>
void PutColumn(const std::string& bytes, const v1::StateBatch& batch,
               size_t horizon, size_t dim, std::vector<T>& column) {
  const size_t row_bytes = batch.steps() * dim * sizeof(T);
  for (size_t row = 0; row < batch.rows(); ++row) {
    std::memcpy(column.data() + (row * horizon + batch.first_step()) * dim,
                bytes.data() + row * row_bytes, row_bytes);
  }
}

}  // namespace

void ScriptedSession::Arrived(v1::ActorMessage message) {
  absl::MutexLock lock(&mutex_);
  inbox_.push_back(std::move(message));
}

void ScriptedSession::Ended() {
  absl::MutexLock lock(&mutex_);
  over_ = true;
}

absl::optional<v1::ActorMessage> ScriptedSession::Next() {
  absl::MutexLock lock(&mutex_);
  const auto ready = [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    return over_ || !inbox_.empty();
  };
  mutex_.AwaitWithTimeout(absl::Condition(&ready), kPatience);
  if (inbox_.empty()) return absl::nullopt;
  v1::ActorMessage message = std::move(inbox_.front());
  inbox_.pop_front();
  return message;
}

absl::optional<v1::ActorMessage> ScriptedSession::NextWithoutHeartbeats() {
  while (true) {
    absl::optional<v1::ActorMessage> message = Next();
    if (!message.has_value() || !message->has_heartbeat()) return message;
  }
}

bool ScriptedSession::WaitForEnd() {
  absl::MutexLock lock(&mutex_);
  return mutex_.AwaitWithTimeout(absl::Condition(&over_), kPatience);
}

void ScriptedSession::Welcome(uint64_t seed, uint64_t credit_bytes,
                              uint64_t batch_bytes) {
  v1::LearnerMessage message;
  v1::Welcome& welcome = *message.mutable_welcome();
  welcome.set_run_uuid(std::string(16, 'u'));
  welcome.set_seed(seed);
  welcome.set_credit_bytes(credit_bytes);
  welcome.set_max_message_bytes(kMaxMessageBytes);
  welcome.set_batch_bytes(batch_bytes);
  welcome.set_heartbeat_seconds(0.02);
  Send(message);
}

Digest ScriptedSession::SendPolicy(const PolicyWeights& weights,
                                   uint64_t version, size_t chunk_bytes) {
  const auto hashes = HashPolicy(weights);
  KMYRIAD_CHECK(hashes.ok());
  const std::string bytes = EncodePolicySnapshot(weights, *hashes);
  const size_t count = (bytes.size() + chunk_bytes - 1) / chunk_bytes;
  for (size_t i = 0; i < count; ++i) {
    v1::LearnerMessage message;
    v1::PolicySnapshotChunk& chunk = *message.mutable_policy_snapshot();
    chunk.set_policy_version(version);
    chunk.set_policy_hash(ToBytes(hashes->policy));
    chunk.set_index(static_cast<uint32_t>(i));
    chunk.set_count(static_cast<uint32_t>(count));
    chunk.set_total_bytes(bytes.size());
    chunk.set_data(bytes.substr(i * chunk_bytes, chunk_bytes));
    Send(message);
  }
  return hashes->policy;
}

void ScriptedSession::Lease(uint64_t epoch, uint64_t version,
                            const Digest& policy_hash,
                            const std::vector<uint32_t>& blocks) {
  v1::LearnerMessage message;
  v1::Lease& lease = *message.mutable_lease();
  lease.set_epoch(epoch);
  lease.set_policy_version(version);
  lease.set_policy_hash(ToBytes(policy_hash));
  for (const uint32_t block : blocks) lease.add_blocks(block);
  lease.set_deadline_seconds(60);
  Send(message);
}

void ScriptedSession::Revoke(uint64_t epoch,
                             const std::vector<uint32_t>& blocks) {
  v1::LearnerMessage message;
  message.mutable_revoke()->set_epoch(epoch);
  for (const uint32_t block : blocks) {
    message.mutable_revoke()->add_blocks(block);
  }
  Send(message);
}

void ScriptedSession::Ack(uint64_t received_bytes, uint64_t segments) {
  v1::LearnerMessage message;
  message.mutable_ack()->set_received_bytes(received_bytes);
  message.mutable_ack()->set_segments(segments);
  message.mutable_ack()->set_last_result(v1::SEGMENT_RESULT_APPLIED);
  Send(message);
}

void ScriptedSession::Drain(bool complete) {
  v1::LearnerMessage message;
  message.mutable_drain()->set_reason("as the test says");
  message.mutable_drain()->set_complete(complete);
  Send(message);
}

ScriptedLearner::ScriptedLearner(const std::string& address) {
  GrpcServerOptions options;
  options.listen = address;
  auto server = GrpcServer::Start(options, {this}, {});
  KMYRIAD_CHECK(server.ok());
  server_ = *std::move(server);
}

ScriptedLearner::~ScriptedLearner() { server_->Shutdown(0); }

std::shared_ptr<ScriptedSession> ScriptedLearner::NextSession() {
  absl::MutexLock lock(&mutex_);
  const auto ready = [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    return !sessions_.empty();
  };
  if (!mutex_.AwaitWithTimeout(absl::Condition(&ready), kPatience)) {
    return nullptr;
  }
  std::shared_ptr<ScriptedSession> session = std::move(sessions_.front());
  sessions_.pop_front();
  return session;
}

grpc::ServerBidiReactor<v1::ActorMessage, v1::LearnerMessage>*
ScriptedLearner::Collect(grpc::CallbackServerContext*) {
  auto* reactor = new SessionReactor;
  absl::MutexLock lock(&mutex_);
  sessions_.push_back(reactor->session());
  return reactor;
}

bool SegmentCollector::Collect(size_t count, bool acknowledge) {
  while (done_.size() < count) {
    absl::optional<v1::ActorMessage> message = session_.NextWithoutHeartbeats();
    if (!message.has_value() || !Take(*message, acknowledge)) return false;
  }
  return true;
}

bool SegmentCollector::Take(v1::ActorMessage& message, bool acknowledge) {
  if (message.has_state_batch()) {
    if (!TakeBatch(message.state_batch())) return false;
  } else if (message.has_segment_done()) {
    if (!TakeDone(message.segment_done())) return false;
  } else {
    ADD_FAILURE() << message.ShortDebugString();
    return false;
  }
  if (acknowledge) session_.Ack(received_bytes_, segments_);
  return true;
}

bool SegmentCollector::TakeBatch(const v1::StateBatch& batch) {
  const uint32_t block = batch.key().block();
  SegmentShape shape = block_shape_;
  shape.rows = BlockRows(envs_, block);
  const absl::Status status = ValidateStateBatch(batch, shape);
  EXPECT_TRUE(status.ok()) << status;
  if (!status.ok()) return false;
  received_bytes_ += StateBatchBytes(batch);
  Segment& segment = open_[block];
  if (batch.first_step() == 0) {
    const size_t samples = size_t{shape.rows} * shape.horizon;
    segment.shape = shape;
    segment.observations.assign(samples * shape.obs_dim, 0);
    segment.actions.assign(samples * shape.act_dim, 0);
    segment.log_probs.assign(samples, 0);
    segment.features.assign(samples * shape.feature_dim, 0);
    segment.flags.assign(samples, 0);
    next_step_[block] = 0;
  }
  EXPECT_EQ(batch.first_step(), next_step_[block]);
  next_step_[block] = batch.first_step() + batch.steps();
  PutColumn(batch.observations(), batch, shape.horizon, shape.obs_dim,
            segment.observations);
  PutColumn(batch.actions(), batch, shape.horizon, shape.act_dim,
            segment.actions);
  PutColumn(batch.log_probs(), batch, shape.horizon, 1, segment.log_probs);
  PutColumn(batch.features(), batch, shape.horizon, shape.feature_dim,
            segment.features);
  PutColumn(batch.flags(), batch, shape.horizon, 1, segment.flags);
  return true;
}

bool SegmentCollector::TakeDone(const v1::SegmentDone& done) {
  const uint32_t block = done.key().block();
  EXPECT_EQ(next_step_[block], block_shape_.horizon);
  EXPECT_EQ(done.sha256(), ToBytes(HashSegment(open_[block])));
  ++segments_;
  done_[block] = std::move(open_[block]);
  open_.erase(block);
  return true;
}

}  // namespace kmyriad
