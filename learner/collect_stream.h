#ifndef KMYRIAD_LEARNER_COLLECT_STREAM_H_
#define KMYRIAD_LEARNER_COLLECT_STREAM_H_

#include <algorithm>
#include <cstdint>
#include <deque>
#include <memory>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "absl/types/optional.h"
#include "common/base/check.h"
#include "common/rpc/channel.h"
#include "common/rpc/stream_reactor.h"
#include "kmyriad/v1/learner.pb.h"
#include "learner/actor_connection.h"

namespace kmyriad {

// The hub's messages to one actor on their way to gRPC: stored under the hub's
// lock, sent without it, in order, by one thread at a time.
class CollectStream : public ActorConnection {
 public:
  using Handle = StreamHandle<grpc::ByteBuffer, grpc::ByteBuffer>;

  explicit CollectStream(std::shared_ptr<Handle> handle)
      : handle_(std::move(handle)) {}

  void Send(v1::LearnerMessage message) override {
    absl::MutexLock lock(&mutex_);
    stored_bytes_ += MessageBytes(message);
    messages_.push_back(std::move(message));
  }

  void Close(const absl::Status& status) override {
    absl::MutexLock lock(&mutex_);
    if (!close_.has_value()) close_ = status;
  }

  void Abort(const absl::Status& status) override {
    absl::MutexLock lock(&mutex_);
    if (!abort_.has_value()) abort_ = status;
    messages_.clear();
    stored_bytes_ = 0;
  }

  StreamBacklog backlog() const override {
    StreamBacklog backlog = handle_->backlog();
    absl::MutexLock lock(&mutex_);
    backlog.bytes += stored_bytes_;
    return backlog;
  }

  void Flush() override {
    absl::MutexLock lock(&mutex_);
    // Whoever sends, also further up this call stack, sends the rest, too.
    if (sending_) return;
    sending_ = true;
    while (!messages_.empty()) {
      v1::LearnerMessage message = std::move(messages_.front());
      messages_.pop_front();
      // Counted by the handle from now on.
      stored_bytes_ -= std::min(stored_bytes_, MessageBytes(message));
      mutex_.Unlock();
      handle_->Send(Serialized(message));
      mutex_.Lock();
    }
    const bool end = (close_.has_value() || abort_.has_value()) && !closed_;
    closed_ |= end;
    sending_ = false;
    if (!end) return;
    const bool abort = abort_.has_value();
    const grpc::Status status = ToGrpcStatus(abort ? *abort_ : *close_);
    mutex_.Unlock();
    if (abort) {
      handle_->Abort(status);
    } else {
      handle_->Close(status);
    }
    mutex_.Lock();
  }

 private:
  // As gRPC would; a message of ours can always be written.
  static grpc::ByteBuffer Serialized(const v1::LearnerMessage& message) {
    grpc::ByteBuffer buffer;
    bool own_buffer = false;
    KMYRIAD_CHECK(grpc::SerializationTraits<v1::LearnerMessage>::Serialize(
                      message, &buffer, &own_buffer)
                      .ok());
    return buffer;
  }

  const std::shared_ptr<Handle> handle_;
  mutable absl::Mutex mutex_;
  std::deque<v1::LearnerMessage> messages_ ABSL_GUARDED_BY(mutex_);
  uint64_t stored_bytes_ ABSL_GUARDED_BY(mutex_) = 0;
  bool sending_ ABSL_GUARDED_BY(mutex_) = false;
  absl::optional<absl::Status> close_ ABSL_GUARDED_BY(mutex_);
  absl::optional<absl::Status> abort_ ABSL_GUARDED_BY(mutex_);
  bool closed_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace kmyriad

#endif  // KMYRIAD_LEARNER_COLLECT_STREAM_H_
