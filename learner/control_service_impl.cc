#include "learner/control_service_impl.h"

#include <deque>
#include <memory>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "common/rpc/channel.h"

namespace kmyriad {
namespace {

// One may wait for storage while others answer.
constexpr int kControlThreads = 4;
// Events that a slow watcher may have outstanding; older ones are dropped.
constexpr size_t kMaxQueuedEvents = 1024;

// A watcher's events on their way to gRPC. Calls the reactor without its lock,
// and never after Finish.
class EventStream : public EventSink {
 public:
  explicit EventStream(grpc::ServerWriteReactor<v1::Event>* reactor)
      : reactor_(reactor) {}

  void OnEvent(const v1::Event& event) override {
    absl::MutexLock lock(&mutex_);
    if (ended_) return;
    if (events_.size() >= kMaxQueuedEvents) events_.pop_front();
    events_.push_back(event);
  }

  void OnEnd() override {
    absl::MutexLock lock(&mutex_);
    ended_ = true;
  }

  void Flush() override {
    const v1::Event* next = nullptr;
    {
      absl::MutexLock lock(&mutex_);
      if (writing_ || finished_) return;
      if (!events_.empty()) {
        writing_ = true;
        written_ = std::move(events_.front());
        events_.pop_front();
        next = &written_;
      } else if (ended_) {
        finished_ = true;
      } else {
        return;
      }
    }
    if (next != nullptr) {
      reactor_->StartWrite(next);
    } else {
      reactor_->Finish(grpc::Status::OK);
    }
  }

  void WriteDone(bool ok) {
    {
      absl::MutexLock lock(&mutex_);
      writing_ = false;
      if (!ok) {
        events_.clear();
        ended_ = true;
      }
    }
    Flush();
  }

  // The watcher is gone: what is queued is of no use.
  void Abandon() {
    {
      absl::MutexLock lock(&mutex_);
      ended_ = true;
      events_.clear();
    }
    Flush();
  }

 private:
  grpc::ServerWriteReactor<v1::Event>* const reactor_;
  absl::Mutex mutex_;
  std::deque<v1::Event> events_ ABSL_GUARDED_BY(mutex_);
  // Stays as it is while writing_: gRPC reads it without the mutex.
  v1::Event written_;
  bool writing_ ABSL_GUARDED_BY(mutex_) = false;
  bool ended_ ABSL_GUARDED_BY(mutex_) = false;
  bool finished_ ABSL_GUARDED_BY(mutex_) = false;
};

class WatchReactor : public grpc::ServerWriteReactor<v1::Event> {
 public:
  WatchReactor(EventLog& log, const v1::WatchEventsRequest& request)
      : log_(log), stream_(std::make_shared<EventStream>(this)) {
    // Tells the client that it misses nothing from here on.
    StartSendInitialMetadata();
    id_ = log_.Add(stream_, request.past(), request.past_only());
  }

  void OnWriteDone(bool ok) override { Keep()->WriteDone(ok); }
  void OnCancel() override { Keep()->Abandon(); }
  void OnDone() override {
    log_.Remove(id_);
    delete this;
  }

 private:
  // The call may end, and this object with it, while the stream is at work.
  std::shared_ptr<EventStream> Keep() { return stream_; }

  EventLog& log_;
  const std::shared_ptr<EventStream> stream_;
  int id_ = 0;
};

// Runs one engine call on the pool and answers with its result.
template <typename Response, typename Call>
grpc::ServerUnaryReactor* Answer(ThreadPool& pool,
                                 grpc::CallbackServerContext* context,
                                 Response* response, Call call) {
  grpc::ServerUnaryReactor* const reactor = context->DefaultReactor();
  pool.Schedule([reactor, response, call = std::move(call)]() {
    absl::StatusOr<Response> result = call();
    if (result.ok()) *response = *std::move(result);
    reactor->Finish(ToGrpcStatus(result.status()));
  });
  return reactor;
}

}  // namespace

ControlServiceImpl::ControlServiceImpl(LearnerEngine& engine)
    : engine_(engine), pool_(kControlThreads) {}

grpc::ServerUnaryReactor* ControlServiceImpl::GetStatus(
    grpc::CallbackServerContext* context,
    const v1::GetStatusRequest* /*request*/, v1::Status* response) {
  // On gRPC's thread: all of the pool's may hang on a disk, and this never
  // waits for one.
  grpc::ServerUnaryReactor* const reactor = context->DefaultReactor();
  *response = engine_.GetStatus();
  reactor->Finish(grpc::Status::OK);
  return reactor;
}

grpc::ServerUnaryReactor* ControlServiceImpl::Pause(
    grpc::CallbackServerContext* context, const v1::PauseRequest* request,
    v1::PauseResponse* response) {
  return Answer(pool_, context, response,
                [this, request]() { return engine_.Pause(*request); });
}

grpc::ServerUnaryReactor* ControlServiceImpl::Resume(
    grpc::CallbackServerContext* context, const v1::ResumeRequest* request,
    v1::ResumeResponse* response) {
  return Answer(pool_, context, response,
                [this, request]() { return engine_.Resume(*request); });
}

grpc::ServerUnaryReactor* ControlServiceImpl::Checkpoint(
    grpc::CallbackServerContext* context, const v1::CheckpointRequest* request,
    v1::CheckpointResponse* response) {
  return Answer(pool_, context, response,
                [this, request]() { return engine_.Checkpoint(*request); });
}

grpc::ServerUnaryReactor* ControlServiceImpl::ListCheckpoints(
    grpc::CallbackServerContext* context,
    const v1::ListCheckpointsRequest* /*request*/,
    v1::ListCheckpointsResponse* response) {
  return Answer(pool_, context, response,
                [this]() { return engine_.ListCheckpoints(); });
}

grpc::ServerUnaryReactor* ControlServiceImpl::Restore(
    grpc::CallbackServerContext* context, const v1::RestoreRequest* request,
    v1::RestoreResponse* response) {
  return Answer(pool_, context, response,
                [this, request]() { return engine_.Restore(*request); });
}

grpc::ServerUnaryReactor* ControlServiceImpl::Stop(
    grpc::CallbackServerContext* context, const v1::StopRequest* request,
    v1::StopResponse* response) {
  return Answer(pool_, context, response,
                [this, request]() { return engine_.Stop(*request); });
}

grpc::ServerWriteReactor<v1::Event>* ControlServiceImpl::WatchEvents(
    grpc::CallbackServerContext* /*context*/,
    const v1::WatchEventsRequest* request) {
  // Deletes itself at the end of the call.
  return new WatchReactor(engine_.events(), *request);
}

}  // namespace kmyriad
