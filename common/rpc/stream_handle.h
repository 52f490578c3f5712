#ifndef KMYRIAD_COMMON_RPC_STREAM_HANDLE_H_
#define KMYRIAD_COMMON_RPC_STREAM_HANDLE_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "grpcpp/grpcpp.h"

namespace kmyriad {

// What waits to be written to a peer, and how often writing has got on.
struct StreamBacklog {
  uint64_t bytes = 0;
  uint64_t written = 0;
};

// Size of a message on the wire.
template <typename Message>
uint64_t MessageBytes(const Message& message) {
  return message.ByteSizeLong();
}
inline uint64_t MessageBytes(const grpc::ByteBuffer& buffer) {
  return buffer.Length();
}

// What can be done to a stream from any thread at any time, also after the
// stream has ended (then nothing happens). Shared by the stream's reactor and
// by whoever wants to send to the peer; outlives the reactor.
//
// gRPC is never called with the mutex held: a callback may need it. Instead
// the reactor is kept alive by what is in progress: Finish, after which the
// library may end the call, waits for a write in flight and for a StartRead
// that is being made.
template <typename Request, typename Response>
class StreamHandle {
 public:
  // Messages waiting to be written; a peer that lets more pile up does not
  // read, and its stream is aborted. Bytes: two of the largest policies that
  // an actor takes.
  static constexpr size_t kMaxQueued = 4096;
  static constexpr uint64_t kMaxQueuedBytes = uint64_t{512} << 20;

  // `context` (of the call; may be null, then Abort is Close) lives as long as
  // the reactor.
  StreamHandle(grpc::ServerBidiReactor<Request, Response>* reactor,
               grpc::CallbackServerContext* context)
      : reactor_(reactor), context_(context) {}

  // Queues a message; drops it once the stream is finishing. Thread-safe.
  void Send(Response response) {
    bool overflow = false;
    const Response* next = nullptr;
    const uint64_t bytes = MessageBytes(response);
    {
      absl::MutexLock lock(&mutex_);
      if (finishing_) return;
      overflow = outbox_.size() >= kMaxQueued ||
                 backlog_.bytes + bytes > kMaxQueuedBytes;
      if (!overflow) {
        outbox_.push_back({std::move(response), bytes});
        backlog_.bytes += bytes;
        if (!writing_) next = StartWriting();
      }
    }
    if (overflow) {
      Abort(grpc::Status(grpc::StatusCode::RESOURCE_EXHAUSTED,
                         "the peer does not read what it is sent"));
    } else if (next != nullptr) {
      reactor_->StartWrite(next);
    }
  }

  // Ends the stream with `status`, after what is queued unless the peer is
  // gone (a peer that hangs is gone when keepalive says so). `before_status`,
  // if any, runs when all that was queued is written and before the peer can
  // see the status; not if the stream is finishing already. Idempotent.
  // Thread-safe.
  void Close(grpc::Status status, std::function<void()> before_status = {}) {
    {
      absl::MutexLock lock(&mutex_);
      if (finishing_) return;
      finishing_ = true;
      status_ = std::move(status);
      before_status_ = std::move(before_status);
    }
    FinishIfIdle();
  }

  // Ends the stream at once, also if the peer reads nothing: what is queued is
  // dropped. The peer may see CANCELLED in place of `status`. Idempotent.
  // Thread-safe.
  void Abort(grpc::Status status) {
    if (context_ == nullptr) return Close(std::move(status));
    {
      absl::MutexLock lock(&mutex_);
      if (finished_ || aborted_) return;
      if (!finishing_) status_ = std::move(status);
      finishing_ = aborted_ = true;
      // The message in flight is the library's until WriteDone.
      outbox_.resize(writing_ ? 1 : 0);
      backlog_.bytes = 0;
      // Until it returns the call, and the context with it, cannot end.
      ++starting_;
    }
    context_->TryCancel();
    {
      absl::MutexLock lock(&mutex_);
      --starting_;
    }
    FinishIfIdle();
  }

  StreamBacklog backlog() const {
    absl::MutexLock lock(&mutex_);
    return backlog_;
  }

  // Reads the next message. To be called once to start, and once after each
  // OnMessage, now or later; a call while a read is in flight or after Close
  // does nothing. Thread-safe.
  void ReadNext() {
    {
      absl::MutexLock lock(&mutex_);
      if (finishing_ || reading_) return;
      reading_ = true;
      ++starting_;
    }
    reactor_->StartRead(&request_);
    {
      absl::MutexLock lock(&mutex_);
      --starting_;
    }
    FinishIfIdle();
  }

 private:
  template <typename, typename>
  friend class StreamReactor;

  // True if the message is to be handled.
  bool ReadDone() {
    absl::MutexLock lock(&mutex_);
    reading_ = false;
    return !finishing_;
  }

  void WriteDone(bool ok) {
    const Response* next = nullptr;
    {
      absl::MutexLock lock(&mutex_);
      writing_ = false;
      backlog_.bytes -= std::min(backlog_.bytes, outbox_.front().bytes);
      ++backlog_.written;
      outbox_.pop_front();
      if (!ok) {
        outbox_.clear();
        backlog_.bytes = 0;
      }
      if (!outbox_.empty()) next = StartWriting();
    }
    if (next != nullptr) {
      reactor_->StartWrite(next);
    } else {
      FinishIfIdle();
    }
  }

  // Address of the message to write; elements of a deque stay in place while
  // others are added behind.
  const Response* StartWriting() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    writing_ = true;
    return &outbox_.front().message;
  }

  void FinishIfIdle() {
    grpc::Status status;
    std::function<void()> before_status;
    {
      absl::MutexLock lock(&mutex_);
      if (!finishing_ || writing_ || starting_ > 0 || finished_) return;
      finished_ = true;
      status = std::move(status_);
      before_status = std::move(before_status_);
    }
    if (before_status) before_status();
    reactor_->Finish(std::move(status));
  }

  struct Queued {
    Response message;
    uint64_t bytes = 0;
  };

  // Valid until Finish was called: see above.
  grpc::ServerBidiReactor<Request, Response>* const reactor_;
  grpc::CallbackServerContext* const context_;
  // Owned by the library while a read is in flight.
  Request request_;
  mutable absl::Mutex mutex_;
  std::deque<Queued> outbox_ ABSL_GUARDED_BY(mutex_);
  StreamBacklog backlog_ ABSL_GUARDED_BY(mutex_);
  bool reading_ ABSL_GUARDED_BY(mutex_) = false;
  // Calls of the library being made; a read may end before its call returns.
  int starting_ ABSL_GUARDED_BY(mutex_) = 0;
  bool writing_ ABSL_GUARDED_BY(mutex_) = false;
  bool finishing_ ABSL_GUARDED_BY(mutex_) = false;
  bool aborted_ ABSL_GUARDED_BY(mutex_) = false;
  bool finished_ ABSL_GUARDED_BY(mutex_) = false;
  grpc::Status status_ ABSL_GUARDED_BY(mutex_);
  std::function<void()> before_status_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace kmyriad

#endif  // KMYRIAD_COMMON_RPC_STREAM_HANDLE_H_
