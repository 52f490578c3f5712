// Every fault of a disk at every step and byte of what a run ledger writes:
// checkpoints, metrics.jsonl, HEAD and the answers to control calls.
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/base/tensor.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "learner/run_ledger.h"
#include "tests/testing/fake_clock.h"
#include "tests/testing/simulated_disk.h"
#include "tests/testing/status_matchers.h"

namespace kmyriad {
namespace {

constexpr char kRun[] = "/runs/demo";
constexpr uint32_t kKeep = 3;
const FakeClock kClock;

using Answer = absl::StatusOr<std::string>;

NamedTensor Tensor(const std::string& name, uint64_t value) {
  return MakeTensor<int64_t>(name, {1}, {static_cast<int64_t>(value)});
}

std::shared_ptr<CheckpointContent> Content(uint64_t epoch) {
  auto content = std::make_shared<CheckpointContent>();
  content->manifest.set_epoch(epoch);
  content->parameters = {Tensor("trunk.weight", epoch)};
  content->optimizer = {Tensor("adam.step", epoch)};
  content->normalizer = {Tensor("normalizer.mean", epoch)};
  content->coverage = {Tensor("cell_visits", epoch)};
  return content;
}

absl::StatusOr<std::unique_ptr<RunLedger>> Open(SimulatedDisk& disk) {
  KMYRIAD_ASSIGN_OR_RETURN(auto directory, RunDirectory::Open(disk, kRun));
  if (!directory->exists()) {
    KMYRIAD_RETURN_IF_ERROR(directory->Initialize({}, "run {}\n"));
  }
  return RunLedger::Open(std::move(directory), kKeep, kClock);
}

// One thing that is done to a ledger. A commit is repeated with the same
// content, so it is made once.
struct Operation {
  std::string name;
  std::function<std::function<Answer(RunLedger&)>()> make;
};

template <typename Response>
Answer Text(const absl::StatusOr<Response>& response) {
  if (!response.ok()) return response.status();
  return response->ShortDebugString();
}

Operation Commit(uint64_t epoch, bool save) {
  return {absl::StrCat("commit ", epoch), [epoch, save]() {
            const auto content = Content(epoch);
            return [content, epoch, save](RunLedger& ledger) -> Answer {
              const std::string line =
                  epoch == 0 ? "" : absl::StrCat("{\"epoch\":", epoch, "}");
              KMYRIAD_RETURN_IF_ERROR(ledger.Commit(content, line, save));
              return std::string();
            };
          }};
}

template <typename Request, typename Method>
Operation Control(const std::string& name, Method method,
                  const std::string& checkpoint = "") {
  Request request;
  request.set_request_id(name);
  if constexpr (std::is_same_v<Request, v1::RestoreRequest>) {
    request.set_checkpoint(checkpoint);
  }
  return {name, [request, method]() {
            return [request, method](RunLedger& ledger) -> Answer {
              const Answer answer = Text((ledger.*method)(request));
              ledger.TakeRestore();
              return answer;
            };
          }};
}

// An epoch that the interval does not save, and the order to save it.
Operation CommitThenCheckpoint(uint64_t epoch) {
  return {"checkpoint", [epoch]() {
            const auto commit = Commit(epoch, false).make();
            const auto checkpoint = Control<v1::CheckpointRequest>(
                                        "checkpoint", &RunLedger::Checkpoint)
                                        .make();
            return [commit, checkpoint](RunLedger& ledger) -> Answer {
              KMYRIAD_RETURN_IF_ERROR(commit(ledger).status());
              return checkpoint(ledger);
            };
          }};
}

std::vector<Operation> Script() {
  return {Commit(0, true),
          Commit(1, true),
          Control<v1::PauseRequest>("pause", &RunLedger::Pause),
          CommitThenCheckpoint(2),
          Commit(3, true),
          Control<v1::ResumeRequest>("resume", &RunLedger::Resume),
          Control<v1::RestoreRequest>("restore", &RunLedger::Restore,
                                      "epoch_000001"),
          Commit(2, true)};
}

// What a start finds; empty checkpoint: nothing was committed.
struct View {
  uint64_t epoch = 0;
  std::string parameters;
  std::vector<std::string> metrics;
  bool paused = false;
  std::vector<std::string> answers;
  bool operator==(const View&) const = default;
};

void PrintTo(const View& view, std::ostream* out) {
  *out << "epoch " << view.epoch << " " << view.parameters.substr(0, 6)
       << " metrics " << view.metrics.size() << " paused " << view.paused
       << " answers " << view.answers.size();
}

void ExpectNothingLeftBehind(SimulatedDisk& disk) {
  for (const std::string& folder :
       {std::string(kRun), absl::StrCat(kRun, "/checkpoints")}) {
    const auto names = disk.List(folder);
    ASSERT_THAT(names, IsOk());
    for (const std::string& name : *names) {
      EXPECT_FALSE(absl::StrContains(name, ".tmp") ||
                   absl::StartsWith(name, ".saving") ||
                   absl::StartsWith(name, ".removed"))
          << "left behind: " << name;
    }
  }
}

// Starts on the disk, and checks all that must hold of any start.
View Start(SimulatedDisk& disk) {
  View view;
  {
    const auto ledger = Open(disk);
    EXPECT_THAT(ledger, IsOk());
    if (!ledger.ok()) return view;
    view.paused = (*ledger)->paused();
    if (const auto last = (*ledger)->last()) {
      view.epoch = last->manifest.epoch() + 1;
      view.parameters = last->manifest.parameters_sha256();
    }
  }
  const auto record = ReadRunDirectory(disk, kRun);
  EXPECT_THAT(record, IsOk());
  if (!record.ok()) return view;
  view.metrics = record->metrics;
  for (const v1::StoredAnswer& answer : record->head.answers()) {
    view.answers.push_back(answer.request_id() + answer.response());
  }
  for (const CheckpointSummary& summary : record->checkpoints) {
    EXPECT_THAT(VerifyCheckpoint(disk, summary.folder), IsOk());
  }
  ExpectNothingLeftBehind(disk);
  return view;
}

class RunLedgerFaultTest : public ::testing::Test {
 protected:
  // A disk on which the operation is next, what a start finds before and
  // after it, and the steps that it makes.
  struct Stage {
    Operation operation;
    std::shared_ptr<SimulatedDisk> disk;
    View before, after;
    uint64_t steps = 0;
    uint64_t used = 0;
  };

  RunLedgerFaultTest() {
    auto disk = std::make_shared<SimulatedDisk>();
    EXPECT_THAT(Open(*disk), IsOk());
    for (const Operation& operation : Script()) {
      Stage stage{operation, disk, {}, {}};
      const auto make = operation.make();
      SimulatedDisk before(*disk);
      stage.before = Start(before);
      auto next = std::make_shared<SimulatedDisk>(*disk);
      {
        auto ledger = Open(*next);
        EXPECT_THAT(ledger, IsOk());
        const uint64_t steps = next->steps();
        EXPECT_THAT(make(**ledger), IsOk()) << operation.name;
        stage.steps = next->steps() - steps;
      }
      SimulatedDisk after(*next);
      stage.after = Start(after);
      stage.used = after.used();
      stages_.push_back(stage);
      disk = next;
    }
    EXPECT_EQ(stages_.size(), Script().size());
    EXPECT_NE(stages_[1].before, stages_[1].after);
  }

  std::vector<Stage> stages_;
};

TEST_F(RunLedgerFaultTest, PowerCutAtEveryByteLeavesBeforeOrAfter) {
  uint64_t cuts = 0;
  for (const Stage& stage : stages_) {
    for (uint64_t step = 0; step <= stage.steps; ++step, ++cuts) {
      SimulatedDisk disk(*stage.disk);
      bool acknowledged = false;
      {
        auto ledger = Open(disk);
        ASSERT_THAT(ledger, IsOk());
        disk.Break(DiskFault::kPowerCut, step);
        acknowledged = stage.operation.make()(**ledger).ok();
      }
      for (const CrashOutcome outcome :
           {CrashOutcome{CrashOutcome::kLost},
            CrashOutcome{CrashOutcome::kMixed, step}}) {
        SimulatedDisk after(disk);
        after.Reboot(outcome);
        View view = Start(after);
        if (!acknowledged && view == stage.before) continue;
        if (!acknowledged && stage.operation.name == "checkpoint" &&
            view.answers == stage.before.answers) {
          // Saved, and the answer not stored yet: the client asks again.
          const auto again = Open(after);
          ASSERT_THAT(again, IsOk());
          ASSERT_THAT(stage.operation.make()(**again), IsOk());
          view.answers = stage.after.answers;
        }
        ASSERT_EQ(view, stage.after)
            << stage.operation.name << " cut after " << step << " of "
            << stage.steps << ", outcome " << outcome.kind;
      }
    }
  }
  EXPECT_GT(cuts, 9000u);
}

TEST_F(RunLedgerFaultTest, PowerCutWhileARunIsMadeLeavesNoneOrAWholeOne) {
  SimulatedDisk whole;
  ASSERT_THAT(Open(whole), IsOk());
  for (uint64_t step = 0; step < whole.steps(); ++step) {
    SimulatedDisk disk;
    disk.Break(DiskFault::kPowerCut, step);
    EXPECT_FALSE(Open(disk).ok());
    disk.Reboot({CrashOutcome::kMixed, step});
    ASSERT_EQ(Start(disk), View()) << step;
  }
}

// The tests above can fail: on a disk that does not synchronise, acknowledged
// epochs are lost.
TEST_F(RunLedgerFaultTest, LyingDiskIsFoundOut) {
  const Stage& stage = stages_[1];
  SimulatedDisk disk(*stage.disk);
  disk.LieAboutSync();
  {
    auto ledger = Open(disk);
    ASSERT_THAT(stage.operation.make()(**ledger), IsOk());
  }
  disk.Reboot({CrashOutcome::kLost});
  EXPECT_EQ(Start(disk), stage.before);
}

TEST_F(RunLedgerFaultTest, AnyFailureAtEveryByteIsMendedByTryingAgain) {
  for (const Stage& stage : stages_) {
    // Every byte is StorageFaultTest's; here strides meet every file.
    for (const auto& [fault, stride] :
         {std::pair(DiskFault::kFull, uint64_t{3}),
          std::pair(DiskFault::kReadOnly, uint64_t{5}),
          std::pair(DiskFault::kSyncFails, uint64_t{5})}) {
      for (uint64_t step = 0; step < stage.steps; step += stride) {
        SimulatedDisk disk(*stage.disk);
        const auto operation = stage.operation.make();
        {
          auto ledger = Open(disk);
          ASSERT_THAT(ledger, IsOk());
          disk.Break(fault, step);
          operation(**ledger).IgnoreError();
          disk.Repair();
          ASSERT_THAT(operation(**ledger), IsOk())
              << stage.operation.name << " failed after " << step;
        }
        disk.Reboot({CrashOutcome::kLost});
        ASSERT_EQ(Start(disk), stage.after)
            << stage.operation.name << " failed after " << step << " fault "
            << static_cast<int>(fault);
        // Trying again keeps nothing but, perhaps, what Prune could not take.
        ASSERT_LE(disk.used(), stage.used + 3000) << step;
      }
    }
  }
}

}  // namespace
}  // namespace kmyriad
