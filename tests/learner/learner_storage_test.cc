// Storage that fails, fills up or is slow under a run that goes on.
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "common/rpc/channel.h"
#include "common/rpc/grpc_server.h"
#include "common/rpc/health_client.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "kmyriad/v1/learner.grpc.pb.h"
#include "learner/control_service_impl.h"
#include "learner/learner_engine.h"
#include "tests/learner/testing/learner_process.h"
#include "tests/testing/prometheus_text.h"
#include "tests/testing/simulated_disk.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_dir.h"

namespace kmyriad {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;

constexpr uint64_t kEpochs = 3;
constexpr char kRun[] = "/runs/demo";
// Of the clock, where much of it is to pass: a fraction of a heartbeat, and of
// the wait before another attempt.
constexpr double kLongStep = 0.05;

// Keeps what an operator who watches would see.
class Watcher : public EventSink {
 public:
  void OnEvent(const v1::Event& event) override {
    absl::MutexLock lock(&mutex_);
    events_.push_back(event);
  }
  void OnEnd() override {}
  void Flush() override {}

  std::vector<std::string> Messages(v1::Event::Kind kind,
                                    const std::string& part) {
    absl::MutexLock lock(&mutex_);
    std::vector<std::string> found;
    for (const v1::Event& event : events_) {
      if (event.kind() == kind &&
          event.message().find(part) != std::string::npos) {
        found.push_back(event.message());
      }
    }
    return found;
  }

 private:
  absl::Mutex mutex_;
  std::vector<v1::Event> events_ ABSL_GUARDED_BY(mutex_);
};

// Control and health of a learner as its operators reach them.
class OperatorsServer {
 public:
  explicit OperatorsServer(LearnerEngine& engine) : control_(engine) {
    GrpcServerOptions options;
    options.listen = "unix:" + folder_.File("socket");
    options.health_listen = "unix:" + folder_.File("health");
    auto server = GrpcServer::Start(options, {&control_}, {kName});
    EXPECT_THAT(server, IsOk());
    server_ = *std::move(server);
    auto channel = MakeChannel(server_->address());
    EXPECT_THAT(channel, IsOk());
    stub_ = v1::Control::NewStub(*channel);
  }
  ~OperatorsServer() { server_->Shutdown(0); }

  v1::Control::Stub& stub() { return *stub_; }
  // As the learner's housekeeping does it.
  void Show(bool ready) { server_->SetReady(ready); }
  absl::StatusOr<bool> Serving() { return Health(kName); }
  absl::StatusOr<bool> Lives() { return Health(""); }

 private:
  static constexpr char kName[] = "kmyriad.v1.Learner";

  absl::StatusOr<bool> Health(const std::string& name) {
    return CheckHealth(server_->health_address(), name, 30);
  }

  TempDir folder_;
  ControlServiceImpl control_;
  std::unique_ptr<GrpcServer> server_;
  std::unique_ptr<v1::Control::Stub> stub_;
};

// Keeps every synchronisation waiting until it is opened.
class SyncGate {
 public:
  explicit SyncGate(SimulatedDisk& disk) {
    disk.OnSync([this]() {
      absl::MutexLock lock(&mutex_);
      reached_ = true;
      mutex_.Await(absl::Condition(&open_));
    });
  }
  bool reached() {
    absl::MutexLock lock(&mutex_);
    return reached_;
  }
  void Open() {
    absl::MutexLock lock(&mutex_);
    open_ = true;
  }

 private:
  absl::Mutex mutex_;
  bool reached_ ABSL_GUARDED_BY(mutex_) = false;
  bool open_ ABSL_GUARDED_BY(mutex_) = false;
};

class LearnerStorageTest : public ::testing::Test {
 protected:
  LearnerStorageTest() {
    SimulatedDisk disk;
    LearnerProcess process(disk, kRun, SmallRunConfig(kEpochs));
    const uint64_t start = disk.steps();
    process.AddActor("a");
    EXPECT_THAT(process.PumpToEnd(), IsOkAndHolds(RunEnd::kFinished));
    steps_ = disk.steps() - start;
    undisturbed_ = FingerprintOf(kRun, disk);
    EXPECT_EQ(undisturbed_.epoch, kEpochs);
  }

  static bool WaitsForStorage(LearnerProcess& process) {
    const v1::Status status = process.engine().GetStatus();
    return status.state() == v1::RUN_STATE_WAITING &&
           status.message().find("storage") != std::string::npos;
  }
  static double Value(LearnerProcess& process, const std::string& name,
                      const std::map<std::string, std::string>& labels) {
    const auto text = ParsePrometheusText(process.registry().Text());
    EXPECT_THAT(text, IsOk());
    return text.ok() ? text->Value(name, labels) : -1;
  }

  static double FailedSaves(LearnerProcess& process) {
    return Value(process, "kmyriad_checkpoint_saves_total",
                 {{"result", "error"}});
  }

  uint64_t steps_ = 0;
  RunFingerprint undisturbed_;
};

TEST_F(LearnerStorageTest, AnyFailurePausesTheRunWithOneLineUntilItIsMended) {
  int outages = 0;
  for (const auto& [fault, reason] :
       {std::pair(DiskFault::kFull, "No space left"),
        std::pair(DiskFault::kReadOnly, "Read-only"),
        std::pair(DiskFault::kSyncFails, "Input/output error")}) {
    // Anywhere in the run: the stride is a prime.
    for (uint64_t step = 0; step < steps_; step += 5003) {
      SimulatedDisk disk;
      LearnerProcess process(disk, kRun, SmallRunConfig(kEpochs));
      const auto watcher = std::make_shared<Watcher>();
      process.engine().events().Add(watcher);
      process.AddActor("a");
      disk.Break(fault, step);
      ASSERT_TRUE(process.PumpUntil([&]() {
        return WaitsForStorage(process) || process.epoch() == kEpochs;
      })) << step;
      if (WaitsForStorage(process)) {
        ++outages;
        // Several attempts later it is still one line, and nobody left.
        ASSERT_TRUE(process.PumpUntil(
            [&]() { return FailedSaves(process) >= 3; }, kLongStep));
        EXPECT_THAT(watcher->Messages(v1::Event::WARNING, "storage"),
                    ElementsAre(AllOf(HasSubstr(kRun), HasSubstr(reason),
                                      HasSubstr("trying again"))));
        EXPECT_FALSE(process.engine().ready());
        EXPECT_FALSE(process.actor(0).closed().has_value());
      }
      disk.Repair();
      ASSERT_THAT(process.PumpToEnd(), IsOkAndHolds(RunEnd::kFinished));
      EXPECT_EQ(FingerprintOf(kRun, disk), undisturbed_) << step;
      EXPECT_LE(watcher->Messages(v1::Event::STATE, "takes writes").size(), 1u);
    }
  }
  EXPECT_GT(outages, 8);
}

TEST_F(LearnerStorageTest, MetricsAndHealthFollowTheDiskThatIsFull) {
  SimulatedDisk disk;
  LearnerProcess process(disk, kRun, SmallRunConfig(kEpochs));
  const auto watcher = std::make_shared<Watcher>();
  process.engine().events().Add(watcher);
  OperatorsServer server(process.engine());
  server.Show(process.engine().ready());
  EXPECT_THAT(server.Serving(), IsOkAndHolds(true));
  process.AddActor("a");
  // Room for less than the first epoch: the run is not over afterwards.
  disk.SetCapacity(disk.used() + 4000);
  ASSERT_TRUE(process.PumpUntil([&]() { return WaitsForStorage(process); }));
  EXPECT_FALSE(process.engine().ready());
  server.Show(process.engine().ready());
  EXPECT_THAT(server.Serving(), IsOkAndHolds(false));
  EXPECT_THAT(server.Lives(), IsOkAndHolds(true));
  const std::map<std::string, std::string> volume = {{"volume", "runs"}};
  EXPECT_EQ(Value(process, "kmyriad_storage_writable", volume), 0);
  EXPECT_LT(Value(process, "kmyriad_storage_free_bytes", volume), 4000);
  EXPECT_GE(FailedSaves(process), 1);
  disk.SetCapacity(~uint64_t{0});
  ASSERT_TRUE(process.PumpUntil([&]() { return !WaitsForStorage(process); }));
  EXPECT_THAT(watcher->Messages(v1::Event::STATE, "takes writes"), SizeIs(1));
  EXPECT_EQ(Value(process, "kmyriad_storage_writable", volume), 1);
  server.Show(process.engine().ready());
  EXPECT_THAT(server.Serving(), IsOkAndHolds(true));
  ASSERT_THAT(process.PumpToEnd(), IsOkAndHolds(RunEnd::kFinished));
  EXPECT_FALSE(process.engine().ready());
  EXPECT_EQ(FingerprintOf(kRun, disk), undisturbed_);
}

TEST_F(LearnerStorageTest, DiskThatHangsHoldsUpNobodyElse) {
  SimulatedDisk disk;
  LearnerProcess process(disk, kRun, SmallRunConfig(kEpochs));
  SyncGate gate(disk);
  process.AddActor("a");
  ASSERT_TRUE(process.PumpUntil([&]() { return gate.reached(); }));
  // Status, heartbeats and new actors go on while the save hangs.
  process.AddActor("b");
  const double end = process.clock().MonotonicSeconds() + 60;
  EXPECT_TRUE(process.PumpUntil(
      [&]() {
        return process.clock().MonotonicSeconds() > end &&
               process.engine().GetStatus().run_name() == "demo";
      },
      kLongStep));
  EXPECT_FALSE(process.actor(0).closed().has_value());
  gate.Open();
  ASSERT_THAT(process.PumpToEnd(), IsOkAndHolds(RunEnd::kFinished));
  EXPECT_EQ(FingerprintOf(kRun, disk), undisturbed_);
}

TEST_F(LearnerStorageTest, StatusAndHealthAnswerWhileEveryOtherCallHangs) {
  SimulatedDisk disk;
  LearnerProcess process(disk, kRun, SmallRunConfig(kEpochs));
  OperatorsServer server(process.engine());
  server.Show(process.engine().ready());
  SyncGate gate(disk);
  process.AddActor("a");
  ASSERT_TRUE(process.PumpUntil([&]() { return gate.reached(); }));
  // More calls than Control has threads.
  std::vector<std::thread> operators;
  for (int i = 0; i < 8; ++i) {
    operators.emplace_back([&server, i]() {
      grpc::ClientContext context;
      v1::CheckpointRequest request;
      request.set_request_id(absl::StrCat("save", i));
      v1::CheckpointResponse response;
      server.stub().Checkpoint(&context, request, &response);
    });
  }
  // Often enough that the calls above have arrived by then.
  for (int i = 0; i < 200; ++i) {
    grpc::ClientContext context;
    context.set_deadline(DeadlineAfter(30));
    v1::Status status;
    const grpc::Status answer =
        server.stub().GetStatus(&context, v1::GetStatusRequest(), &status);
    ASSERT_TRUE(answer.ok()) << i << ": " << answer.error_message();
    EXPECT_EQ(status.run_name(), "demo");
  }
  EXPECT_THAT(server.Serving(), IsOkAndHolds(true));
  gate.Open();
  for (std::thread& caller : operators) caller.join();
  ASSERT_THAT(process.PumpToEnd(), IsOkAndHolds(RunEnd::kFinished));
  EXPECT_EQ(FingerprintOf(kRun, disk), undisturbed_);
}

TEST_F(LearnerStorageTest, FullDiskLetsARunBeResumed) {
  SimulatedDisk disk;
  {
    LearnerProcess process(disk, kRun, SmallRunConfig(kEpochs));
    process.AddActor("a");
    ASSERT_TRUE(process.PumpUntil([&]() { return process.epoch() == 2; }));
  }
  disk.Break(DiskFault::kFull, 0);
  LearnerProcess process(disk, kRun, SmallRunConfig(kEpochs));
  ASSERT_THAT(process.status(), IsOk());
  process.AddActor("a");
  ASSERT_TRUE(process.PumpUntil([&]() { return WaitsForStorage(process); }));
  disk.Repair();
  ASSERT_THAT(process.PumpToEnd(), IsOkAndHolds(RunEnd::kFinished));
  EXPECT_EQ(FingerprintOf(kRun, disk), undisturbed_);
}

}  // namespace
}  // namespace kmyriad
