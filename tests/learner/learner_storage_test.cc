// Storage that fails, fills up or is slow under a run that goes on.
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/synchronization/mutex.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "learner/learner_engine.h"
#include "tests/learner/testing/learner_process.h"
#include "tests/testing/prometheus_text.h"
#include "tests/testing/simulated_disk.h"
#include "tests/testing/status_matchers.h"

namespace kmyriad {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;

constexpr uint64_t kEpochs = 3;
constexpr char kRun[] = "/runs/demo";

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
        const double end = process.clock().MonotonicSeconds() + 5;
        ASSERT_TRUE(process.PumpUntil(
            [&]() { return process.clock().MonotonicSeconds() > end; }));
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
  EXPECT_TRUE(process.engine().ready());
  process.AddActor("a");
  disk.SetCapacity(disk.used() + 20000);
  ASSERT_TRUE(process.PumpUntil([&]() { return WaitsForStorage(process); }));
  EXPECT_FALSE(process.engine().ready());
  const std::map<std::string, std::string> volume = {{"volume", "runs"}};
  EXPECT_EQ(Value(process, "kmyriad_storage_writable", volume), 0);
  EXPECT_LT(Value(process, "kmyriad_storage_free_bytes", volume), 20000);
  EXPECT_GE(
      Value(process, "kmyriad_checkpoint_saves_total", {{"result", "error"}}),
      1);
  disk.SetCapacity(~uint64_t{0});
  ASSERT_TRUE(process.PumpUntil([&]() { return !WaitsForStorage(process); }));
  EXPECT_THAT(watcher->Messages(v1::Event::STATE, "takes writes"), SizeIs(1));
  EXPECT_EQ(Value(process, "kmyriad_storage_writable", volume), 1);
  ASSERT_THAT(process.PumpToEnd(), IsOkAndHolds(RunEnd::kFinished));
  EXPECT_FALSE(process.engine().ready());
  EXPECT_EQ(FingerprintOf(kRun, disk), undisturbed_);
}

TEST_F(LearnerStorageTest, DiskThatHangsHoldsUpNobodyElse) {
  SimulatedDisk disk;
  LearnerProcess process(disk, kRun, SmallRunConfig(kEpochs));
  absl::Mutex mutex;
  bool hangs = true, reached = false;
  disk.OnSync([&]() {
    absl::MutexLock lock(&mutex);
    reached = true;
    const auto released = [&hangs]() { return !hangs; };
    mutex.Await(absl::Condition(&released));
  });
  process.AddActor("a");
  ASSERT_TRUE(process.PumpUntil([&]() {
    absl::MutexLock lock(&mutex);
    return reached;
  }));
  // Status, heartbeats and new actors go on while the save hangs.
  process.AddActor("b");
  const double end = process.clock().MonotonicSeconds() + 60;
  EXPECT_TRUE(process.PumpUntil([&]() {
    return process.clock().MonotonicSeconds() > end &&
           process.engine().GetStatus().run_name() == "demo";
  }));
  EXPECT_FALSE(process.actor(0).closed().has_value());
  {
    absl::MutexLock lock(&mutex);
    hangs = false;
  }
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
