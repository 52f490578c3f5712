// For the thread sanitizer's own test: handlers of a gRPC service that race.
// It must be reported although gRPC itself is not judged (tsan_grpc.cc).
#include <stdlib.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "grpcpp/grpcpp.h"
#include "kmyriad/v1/learner.grpc.pb.h"

namespace kmyriad {
namespace {

// The race: handlers of two streams that run at the same time write it. gRPC's
// own locks order handlers that run one after the other.
int unguarded = 0;
std::atomic<int> inside = 0;

// Until two handlers are in here; relaxed, so that this orders nothing.
void MeetAnother() {
  inside.fetch_add(1, std::memory_order_relaxed);
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  while (inside.load(std::memory_order_relaxed) < 2 &&
         std::chrono::steady_clock::now() < end) {
    std::this_thread::yield();
  }
}

class RacingReactor
    : public grpc::ServerBidiReactor<v1::ActorMessage, v1::LearnerMessage> {
 public:
  RacingReactor() { StartRead(&message_); }
  void OnReadDone(bool ok) override {
    if (!ok) {
      Finish(grpc::Status::OK);
      return;
    }
    MeetAnother();
    ++unguarded;
    StartRead(&message_);
  }
  void OnDone() override { delete this; }

 private:
  v1::ActorMessage message_;
};

class RacingLearner : public v1::Learner::CallbackService {
 public:
  grpc::ServerBidiReactor<v1::ActorMessage, v1::LearnerMessage>* Collect(
      grpc::CallbackServerContext* /*context*/) override {
    return new RacingReactor();
  }
};

void SendMany(const std::string& address) {
  const auto stub = v1::Learner::NewStub(
      grpc::CreateChannel(address, grpc::InsecureChannelCredentials()));
  grpc::ClientContext context;
  const auto stream = stub->Collect(&context);
  v1::ActorMessage message;
  message.mutable_heartbeat();
  for (int i = 0; i < 300; ++i) stream->Write(message);
  stream->WritesDone();
  stream->Finish();
}

int Main() {
  char folder[] = "/tmp/kmyriad-race-XXXXXX";
  if (mkdtemp(folder) == nullptr) return 1;
  const std::string address = std::string("unix:") + folder + "/socket";
  RacingLearner learner;
  grpc::ServerBuilder builder;
  builder.AddListeningPort(address, grpc::InsecureServerCredentials());
  builder.RegisterService(&learner);
  const std::unique_ptr<grpc::Server> server = builder.BuildAndStart();
  std::vector<std::thread> senders;
  for (int i = 0; i < 4; ++i) senders.emplace_back(SendMany, address);
  for (std::thread& sender : senders) sender.join();
  server->Shutdown();
  rmdir(folder);
  return 0;
}

}  // namespace
}  // namespace kmyriad

int main() { return kmyriad::Main(); }
