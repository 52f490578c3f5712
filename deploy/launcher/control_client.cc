#include "deploy/launcher/control_client.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "common/base/digest.h"
#include "common/base/status_macros.h"
#include "common/rpc/channel.h"

namespace kmyriad {
namespace {

// Events that may wait to be taken; more are dropped, the newest first.
constexpr size_t kQueuedEvents = 1024;
// To ask a connection that has failed for its reason.
constexpr double kReasonSeconds = 1;
constexpr absl::Duration kReconnectWait = absl::Milliseconds(200);

// Says why, where the connection tells: a call that does not wait for it.
absl::Status NoAnswer(v1::Control::StubInterface& stub, double seconds) {
  grpc::ClientContext context;
  context.set_deadline(DeadlineAfter(kReasonSeconds));
  v1::Status answer;
  const absl::Status reason =
      FromGrpcStatus(stub.GetStatus(&context, v1::GetStatusRequest(), &answer));
  return absl::UnavailableError(absl::StrCat(
      "no answer within ", seconds, " s",
      absl::IsUnavailable(reason) ? absl::StrCat(": ", reason.message()) : ""));
}

// One unary call that waits, within its deadline, for the learner to be there.
template <typename Request, typename Response>
absl::StatusOr<Response> Call(
    v1::Control::StubInterface& stub, double seconds, const Request& request,
    grpc::Status (v1::Control::StubInterface::*method)(grpc::ClientContext*,
                                                       const Request&,
                                                       Response*)) {
  grpc::ClientContext context;
  context.set_deadline(DeadlineAfter(seconds));
  context.set_wait_for_ready(true);
  Response response;
  const grpc::Status status = (stub.*method)(&context, request, &response);
  if (status.error_code() == grpc::StatusCode::DEADLINE_EXCEEDED) {
    return NoAnswer(stub, seconds);
  }
  KMYRIAD_RETURN_IF_ERROR(FromGrpcStatus(status));
  return response;
}

}  // namespace

absl::StatusOr<std::unique_ptr<ControlClient>> ControlClient::Create(
    const std::string& address, double deadline_seconds, const TlsFiles& tls) {
  KMYRIAD_ASSIGN_OR_RETURN(std::shared_ptr<grpc::Channel> channel,
                           MakeChannel(address, {tls, Role::kLearner}));
  return std::unique_ptr<ControlClient>(
      new ControlClient(std::move(channel), deadline_seconds));
}

ControlClient::ControlClient(std::shared_ptr<grpc::Channel> channel,
                             double seconds)
    : deadline_seconds_(seconds), stub_(v1::Control::NewStub(channel)) {}

absl::StatusOr<v1::Status> ControlClient::GetStatus() {
  return Call(*stub_, deadline_seconds_, v1::GetStatusRequest(),
              &v1::Control::StubInterface::GetStatus);
}

absl::StatusOr<v1::PauseResponse> ControlClient::Pause(
    const std::string& request_id) {
  v1::PauseRequest request;
  request.set_request_id(request_id);
  return Call(*stub_, deadline_seconds_, request,
              &v1::Control::StubInterface::Pause);
}

absl::StatusOr<v1::ResumeResponse> ControlClient::Resume(
    const std::string& request_id) {
  v1::ResumeRequest request;
  request.set_request_id(request_id);
  return Call(*stub_, deadline_seconds_, request,
              &v1::Control::StubInterface::Resume);
}

absl::StatusOr<v1::CheckpointResponse> ControlClient::Checkpoint(
    const std::string& request_id) {
  v1::CheckpointRequest request;
  request.set_request_id(request_id);
  return Call(*stub_, deadline_seconds_, request,
              &v1::Control::StubInterface::Checkpoint);
}

absl::StatusOr<v1::ListCheckpointsResponse> ControlClient::ListCheckpoints() {
  return Call(*stub_, deadline_seconds_, v1::ListCheckpointsRequest(),
              &v1::Control::StubInterface::ListCheckpoints);
}

absl::StatusOr<v1::RestoreResponse> ControlClient::Restore(
    const std::string& request_id, const std::string& checkpoint,
    bool dry_run) {
  v1::RestoreRequest request;
  request.set_request_id(request_id);
  request.set_checkpoint(checkpoint);
  request.set_dry_run(dry_run);
  return Call(*stub_, deadline_seconds_, request,
              &v1::Control::StubInterface::Restore);
}

absl::StatusOr<v1::StopResponse> ControlClient::Stop(
    const std::string& request_id) {
  v1::StopRequest request;
  request.set_request_id(request_id);
  return Call(*stub_, deadline_seconds_, request,
              &v1::Control::StubInterface::Stop);
}

absl::StatusOr<std::vector<v1::Event>> ControlClient::PastEvents(
    uint32_t count) {
  grpc::ClientContext context;
  context.set_deadline(DeadlineAfter(deadline_seconds_));
  context.set_wait_for_ready(true);
  v1::WatchEventsRequest request;
  request.set_past(count);
  request.set_past_only(true);
  const auto reader = stub_->WatchEvents(&context, request);
  std::vector<v1::Event> events;
  v1::Event event;
  while (reader->Read(&event)) events.push_back(std::move(event));
  const grpc::Status status = reader->Finish();
  if (status.error_code() == grpc::StatusCode::DEADLINE_EXCEEDED) {
    return NoAnswer(*stub_, deadline_seconds_);
  }
  KMYRIAD_RETURN_IF_ERROR(FromGrpcStatus(status));
  return events;
}

EventWatcher::EventWatcher(ControlClient& client)
    : client_(client), thread_(1) {
  thread_.Schedule([this] { Watch(); });
}

EventWatcher::~EventWatcher() {
  absl::MutexLock lock(&mutex_);
  stopping_ = true;
  stop_signal_.SignalAll();
  if (context_ != nullptr) context_->TryCancel();
}

void EventWatcher::Watch() {
  const auto stopping = [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    return stopping_;
  };
  while (true) {
    grpc::ClientContext context;
    context.set_wait_for_ready(true);
    {
      absl::MutexLock lock(&mutex_);
      if (stopping_) return;
      context_ = &context;
    }
    const auto reader =
        client_.stub().WatchEvents(&context, v1::WatchEventsRequest());
    v1::Event event;
    while (reader->Read(&event)) {
      absl::MutexLock lock(&mutex_);
      if (events_.size() < kQueuedEvents) events_.push_back(std::move(event));
    }
    reader->Finish();
    absl::MutexLock lock(&mutex_);
    context_ = nullptr;
    stop_signal_.AwaitWithTimeout(mutex_, kReconnectWait, stopping);
  }
}

std::vector<v1::Event> EventWatcher::Take() {
  absl::MutexLock lock(&mutex_);
  return std::exchange(events_, {});
}

std::string NewRequestId() { return ToHex(RandomUuid()); }

}  // namespace kmyriad
