#ifndef KMYRIAD_DEPLOY_LAUNCHER_CONTROL_CLIENT_H_
#define KMYRIAD_DEPLOY_LAUNCHER_CONTROL_CLIENT_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "common/base/steady_cond_var.h"
#include "common/base/thread_pool.h"
#include "common/rpc/transport_security.h"
#include "grpcpp/grpcpp.h"
#include "kmyriad/v1/learner.grpc.pb.h"

namespace kmyriad {

// Operator's end of service Control: unary calls with a deadline. A learner
// that cannot be reached by then is UNAVAILABLE. Thread-safe.
class ControlClient {
 public:
  // `address` is "HOST:PORT" or "unix:PATH", over mutual TLS where `tls` says
  // so. Returns at once.
  static absl::StatusOr<std::unique_ptr<ControlClient>> Create(
      const std::string& address, double deadline_seconds,
      const TlsFiles& tls = {});

  absl::StatusOr<v1::Status> GetStatus();
  absl::StatusOr<v1::PauseResponse> Pause(const std::string& request_id);
  absl::StatusOr<v1::ResumeResponse> Resume(const std::string& request_id);
  absl::StatusOr<v1::CheckpointResponse> Checkpoint(
      const std::string& request_id);
  absl::StatusOr<v1::ListCheckpointsResponse> ListCheckpoints();
  absl::StatusOr<v1::RestoreResponse> Restore(const std::string& request_id,
                                              const std::string& checkpoint,
                                              bool dry_run);
  absl::StatusOr<v1::StopResponse> Stop(const std::string& request_id);
  // The newest events, at most `count` (and kPastEvents), oldest first.
  absl::StatusOr<std::vector<v1::Event>> PastEvents(uint32_t count);

  v1::Control::StubInterface& stub() { return *stub_; }

 private:
  ControlClient(std::shared_ptr<grpc::Channel> channel, double seconds);

  const double deadline_seconds_;
  std::unique_ptr<v1::Control::StubInterface> stub_;
};

// Follows a learner's events on a thread of its own, over its restarts; what
// happens while it is away is lost, and what is beyond 1024 that nobody took.
// Take() never blocks. Destruction ends the stream.
class EventWatcher {
 public:
  // The client must outlive it.
  explicit EventWatcher(ControlClient& client);
  ~EventWatcher();

  // Events that arrived since the last call, oldest first.
  std::vector<v1::Event> Take();

 private:
  void Watch();

  ControlClient& client_;
  absl::Mutex mutex_;
  SteadyCondVar stop_signal_;
  std::vector<v1::Event> events_ ABSL_GUARDED_BY(mutex_);
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  grpc::ClientContext* context_ ABSL_GUARDED_BY(mutex_) = nullptr;
  ThreadPool thread_;
};

// An id for a mutating call that no other call has.
std::string NewRequestId();

}  // namespace kmyriad

#endif  // KMYRIAD_DEPLOY_LAUNCHER_CONTROL_CLIENT_H_
