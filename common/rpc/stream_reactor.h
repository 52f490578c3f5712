#ifndef KMYRIAD_COMMON_RPC_STREAM_REACTOR_H_
#define KMYRIAD_COMMON_RPC_STREAM_REACTOR_H_

#include <deque>
#include <memory>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "grpcpp/grpcpp.h"

namespace kmyriad {

// Server side of a bidirectional stream over the callback API: owns the read,
// write and finish state machine. A subclass handles messages; reading goes on
// only when it says so, which is the back-pressure. Deletes itself when the
// call is done.
//
// Callback threads are few: OnMessage and OnClosed must not block.
template <typename Request, typename Response>
class StreamReactor : public grpc::ServerBidiReactor<Request, Response> {
 public:
  // Queues a message; drops it once the stream is finishing. Thread-safe.
  void Send(Response response) {
    absl::MutexLock lock(&mutex_);
    if (finishing_) return;
    outbox_.push_back(std::move(response));
    if (!writing_) WriteNext();
  }

  // Ends the stream with `status` after what is queued. Idempotent.
  // Thread-safe.
  void Close(grpc::Status status) {
    absl::MutexLock lock(&mutex_);
    if (finishing_) return;
    finishing_ = true;
    status_ = std::move(status);
    if (!writing_) FinishOnce();
  }

  // Reads the next message; at most one read is in flight. To be called once
  // to start, and once after each OnMessage. Thread-safe.
  void ReadNext() { this->StartRead(&request_); }

 protected:
  // A message arrived. Call ReadNext() when the next may come, now or later.
  virtual void OnMessage(Request& request) = 0;
  // The peer has closed its side or is gone; no more messages. The subclass
  // calls Close if it has not.
  virtual void OnClosed() = 0;
  // Last call, before the object is deleted.
  virtual void OnEnd() = 0;

 private:
  void OnReadDone(bool ok) final {
    if (ok) {
      OnMessage(request_);
    } else {
      OnClosed();
    }
  }
  void OnWriteDone(bool ok) final {
    absl::MutexLock lock(&mutex_);
    writing_ = false;
    outbox_.pop_front();
    if (!ok) outbox_.clear();
    if (!outbox_.empty()) {
      WriteNext();
    } else if (finishing_) {
      FinishOnce();
    }
  }
  void OnCancel() final { Close(grpc::Status::CANCELLED); }
  void OnDone() final {
    OnEnd();
    delete this;
  }

  void WriteNext() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    writing_ = true;
    this->StartWrite(&outbox_.front());
  }
  void FinishOnce() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    if (finished_) return;
    finished_ = true;
    this->Finish(status_);
  }

  Request request_;
  absl::Mutex mutex_;
  std::deque<Response> outbox_ ABSL_GUARDED_BY(mutex_);
  bool writing_ ABSL_GUARDED_BY(mutex_) = false;
  bool finishing_ ABSL_GUARDED_BY(mutex_) = false;
  bool finished_ ABSL_GUARDED_BY(mutex_) = false;
  grpc::Status status_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace kmyriad

#endif  // KMYRIAD_COMMON_RPC_STREAM_REACTOR_H_
