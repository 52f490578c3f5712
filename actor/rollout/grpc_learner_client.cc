#include "actor/rollout/grpc_learner_client.h"

#include <deque>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "absl/synchronization/notification.h"
#include "actor/rollout/message_dispatch.h"
#include "actor/rollout/rollout_identity.h"
#include "common/base/status_macros.h"
#include "common/rpc/channel.h"
#include "common/rpc/message_codec.h"
#include "kmyriad/v1/learner.grpc.pb.h"

namespace kmyriad {
namespace {

v1::ActorMessage HelloMessage(const ActorHello& hello) {
  v1::ActorMessage message;
  v1::Hello& out = *message.mutable_hello();
  out.set_protocol_version(kActorProtocolVersion);
  out.set_actor_id(hello.actor_id);
  out.set_config_hash(ToBytes(hello.config_hash));
  out.set_backend(hello.backend);
  out.set_capacity_blocks(hello.capacity_blocks);
  out.set_fingerprint(ToBytes(hello.fingerprint));
  out.set_golden_digest(ToBytes(hello.golden_digest));
  *out.mutable_environment() = ToProto(hello.environment);
  out.set_revision(hello.revision);
  out.set_instruction_set(hello.instruction_set);
  return message;
}

// Client side of the stream. One write in flight, behind a queue; state
// batches are encoded into messages that are used again. gRPC is never called
// with the mutex held. A hold keeps the call open for writes from our threads
// until the stream is known to be over.
class GrpcLearnerStream
    : public grpc::ClientBidiReactor<v1::ActorMessage, v1::LearnerMessage>,
      public LearnerStream {
 public:
  GrpcLearnerStream(std::shared_ptr<v1::Learner::Stub> stub,
                    const ActorHello& hello, LearnerEvents* events)
      : stub_(std::move(stub)), events_(events) {
    stub_->async()->Collect(&context_, this);
    AddHold();
    StartRead(&incoming_);
    auto message = std::make_unique<v1::ActorMessage>(HelloMessage(hello));
    Enqueue(std::move(message));
    StartCall();
  }
  ~GrpcLearnerStream() override {
    context_.TryCancel();
    done_.WaitForNotification();
  }

  void SendBatch(const SegmentKey& key, const Segment& segment,
                 uint32_t first_step, uint32_t steps) override {
    std::unique_ptr<v1::ActorMessage> message = TakeSpare();
    EncodeStateBatch(key, segment, first_step, steps,
                     message->mutable_state_batch());
    Enqueue(std::move(message));
  }

  void SendDone(const SegmentSummary& summary) override {
    auto message = std::make_unique<v1::ActorMessage>();
    v1::SegmentDone& done = *message->mutable_segment_done();
    *done.mutable_key() = ToProto(summary.key);
    done.set_sha256(ToBytes(summary.sha256));
    done.set_nonfinite(summary.nonfinite);
    done.set_physics_seconds(summary.physics_seconds);
    done.set_inference_seconds(summary.inference_seconds);
    Enqueue(std::move(message));
  }

  void SendHeartbeat(const ActorTotals& totals) override {
    auto message = std::make_unique<v1::ActorMessage>();
    v1::ActorTotals& out = *message->mutable_heartbeat()->mutable_totals();
    out.set_env_steps(totals.env_steps);
    out.set_nonfinite(totals.nonfinite);
    out.set_cpu_seconds(totals.cpu_seconds);
    out.set_credit_wait_seconds(totals.credit_wait_seconds);
    out.set_resident_bytes(totals.resident_bytes);
    Enqueue(std::move(message));
  }

  void Leave(const std::string& reason) override {
    auto message = std::make_unique<v1::ActorMessage>();
    message->mutable_bye()->set_reason(reason);
    Enqueue(std::move(message));
  }

  void Cancel() override { context_.TryCancel(); }

 private:
  void OnReadDone(bool ok) override {
    if (!ok) {
      End();
      return;
    }
    const absl::Status status = DispatchMessage(incoming_, *events_);
    if (status.ok()) {
      StartRead(&incoming_);
      return;
    }
    // Not a refusal of ours: another stream may do better.
    broken_ = absl::InternalError(status.message());
    context_.TryCancel();
    End();
  }

  void OnWriteDone(bool ok) override {
    const v1::ActorMessage* next = nullptr;
    bool leave = false;
    bool release = false;
    {
      absl::MutexLock lock(&mutex_);
      writing_ = false;
      leave = outbox_.front()->has_bye();
      KeepSpare(std::move(outbox_.front()));
      outbox_.pop_front();
      if (!ok || leave || over_) {
        over_ = true;
        outbox_.clear();
        release = TakeHold();
      } else if (!outbox_.empty()) {
        next = StartWriting();
      }
    }
    if (next != nullptr) StartWrite(next);
    if (leave && ok) StartWritesDone();
    if (release) RemoveHold();
  }

  void OnDone(const grpc::Status& status) override {
    events_->OnEnd(broken_.ok() ? FromGrpcStatus(status) : broken_);
    // Last: the destructor waits for it.
    done_.Notify();
  }

  // Nothing more can be sent.
  void End() {
    bool release = false;
    {
      absl::MutexLock lock(&mutex_);
      over_ = true;
      if (!writing_) {
        outbox_.clear();
        release = TakeHold();
      }
    }
    if (release) RemoveHold();
  }

  void Enqueue(std::unique_ptr<v1::ActorMessage> message) {
    const v1::ActorMessage* next = nullptr;
    {
      absl::MutexLock lock(&mutex_);
      if (over_) return;
      outbox_.push_back(std::move(message));
      if (!writing_) next = StartWriting();
    }
    if (next != nullptr) StartWrite(next);
  }

  const v1::ActorMessage* StartWriting() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    writing_ = true;
    return outbox_.front().get();
  }
  // True once: the caller removes the hold.
  bool TakeHold() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    return std::exchange(held_, false);
  }
  void KeepSpare(std::unique_ptr<v1::ActorMessage> message)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    if (message->has_state_batch()) spares_.push_back(std::move(message));
  }
  std::unique_ptr<v1::ActorMessage> TakeSpare() {
    absl::MutexLock lock(&mutex_);
    if (spares_.empty()) return std::make_unique<v1::ActorMessage>();
    std::unique_ptr<v1::ActorMessage> message = std::move(spares_.back());
    spares_.pop_back();
    return message;
  }

  const std::shared_ptr<v1::Learner::Stub> stub_;
  LearnerEvents* const events_;
  grpc::ClientContext context_;
  absl::Notification done_;
  // Touched by read reactions only.
  v1::LearnerMessage incoming_;
  absl::Status broken_;

  absl::Mutex mutex_;
  std::deque<std::unique_ptr<v1::ActorMessage>> outbox_ ABSL_GUARDED_BY(mutex_);
  std::vector<std::unique_ptr<v1::ActorMessage>> spares_
      ABSL_GUARDED_BY(mutex_);
  bool writing_ ABSL_GUARDED_BY(mutex_) = false;
  bool over_ ABSL_GUARDED_BY(mutex_) = false;
  bool held_ ABSL_GUARDED_BY(mutex_) = true;
};

class GrpcLearnerClient : public LearnerClient {
 public:
  explicit GrpcLearnerClient(std::shared_ptr<grpc::Channel> channel)
      : channel_(std::move(channel)), stub_(v1::Learner::NewStub(channel_)) {}

  std::unique_ptr<LearnerStream> Open(const ActorHello& hello,
                                      LearnerEvents* events) override {
    // The caller has waited already; the channel need not wait as well.
    grpc::experimental::ChannelResetConnectionBackoff(channel_.get());
    return std::make_unique<GrpcLearnerStream>(stub_, hello, events);
  }

 private:
  const std::shared_ptr<grpc::Channel> channel_;
  const std::shared_ptr<v1::Learner::Stub> stub_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<LearnerClient>> MakeGrpcLearnerClient(
    const std::string& address, const TlsFiles& tls, MetricsRegistry* metrics) {
  KMYRIAD_ASSIGN_OR_RETURN(
      const std::shared_ptr<grpc::Channel> channel,
      MakeChannel(address, {tls, Role::kLearner}, metrics));
  return std::make_unique<GrpcLearnerClient>(channel);
}

}  // namespace kmyriad
