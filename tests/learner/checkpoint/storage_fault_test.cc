// Every fault of a disk at every step and byte of a save.
#include <string>
#include <vector>

#include "common/base/tensor.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "learner/checkpoint/checkpointer.h"
#include "tests/testing/simulated_disk.h"
#include "tests/testing/status_matchers.h"

namespace kmyriad {
namespace {

constexpr char kUuid[] = "00112233445566778899aabbccddeeff";
constexpr char kFolder[] = "/run/checkpoints";

NamedTensor Tensor(const std::string& name, float value) {
  return MakeTensor<float>(name, {1}, {value});
}

CheckpointContent Content(uint64_t epoch) {
  const auto value = static_cast<float>(epoch);
  CheckpointContent content;
  content.manifest.set_epoch(epoch);
  content.parameters = {Tensor("trunk.weight", value)};
  content.optimizer = {Tensor("adam.step", value)};
  content.normalizer = {Tensor("normalizer.mean", value)};
  content.coverage = {Tensor("cell_visits", value)};
  return content;
}

// Why the older checkpoint is lost or the newer one half; empty if neither.
std::string Damage(SimulatedDisk& disk, bool saved) {
  Checkpointer checkpoints(disk, kFolder, kUuid);
  const auto first = checkpoints.Load("epoch_000001");
  if (!first.ok()) return first.status().ToString();
  const auto second = checkpoints.Load("epoch_000002");
  if (second.ok()) return "";
  if (saved || !absl::IsNotFound(second.status())) {
    return second.status().ToString();
  }
  return "";
}

class StorageFaultTest : public ::testing::Test {
 protected:
  StorageFaultTest() {
    EXPECT_THAT(Checkpointer(disk_, kFolder, kUuid).Save(Content(1)), IsOk());
    SimulatedDisk copy(disk_);
    EXPECT_THAT(Checkpointer(copy, kFolder, kUuid).Save(Content(2)), IsOk());
    steps_ = copy.steps() - disk_.steps();
    used_ = copy.used();
    // Four files, a manifest, a marker: bytes and operations around them.
    EXPECT_GT(steps_, 1500u);
  }

  // Saves epoch 2 on a copy of the disk whose power is cut after `steps`, and
  // says what is wrong after the reboot.
  static std::string Crash(const SimulatedDisk& start, uint64_t steps,
                           const CrashOutcome& outcome) {
    SimulatedDisk disk(start);
    disk.Break(DiskFault::kPowerCut, steps);
    const bool saved = Checkpointer(disk, kFolder, kUuid).Save(Content(2)).ok();
    disk.Reboot(outcome);
    return Damage(disk, saved);
  }

  SimulatedDisk disk_;
  uint64_t steps_ = 0;
  uint64_t used_ = 0;
};

TEST_F(StorageFaultTest, PowerCutAtEveryByteLosesNothingAndLeavesNothingHalf) {
  for (uint64_t step = 0; step <= steps_; ++step) {
    for (const CrashOutcome outcome :
         {CrashOutcome{CrashOutcome::kLost}, CrashOutcome{CrashOutcome::kKept},
          CrashOutcome{CrashOutcome::kMixed, 2 * step},
          CrashOutcome{CrashOutcome::kMixed, 2 * step + 1}}) {
      ASSERT_EQ(Crash(disk_, step, outcome), "")
          << "cut after " << step << ", outcome " << outcome.kind;
    }
  }
}

// The test above can fail: it does so on a disk that does not synchronise.
TEST_F(StorageFaultTest, LyingDiskIsFoundOut) {
  disk_.LieAboutSync();
  uint64_t found = 0;
  for (uint64_t step = 0; step <= steps_; ++step) {
    found += !Crash(disk_, step, {CrashOutcome::kMixed, step}).empty();
  }
  EXPECT_GT(found, 0u);
}

TEST_F(StorageFaultTest, AnyFailureAtEveryByteIsReportedAndSavingAgainWorks) {
  for (const DiskFault fault :
       {DiskFault::kFull, DiskFault::kReadOnly, DiskFault::kSyncFails}) {
    for (const uint64_t times : {uint64_t{1}, ~uint64_t{0}}) {
      for (uint64_t step = 0; step < steps_; ++step) {
        SimulatedDisk disk(disk_);
        Checkpointer checkpoints(disk, kFolder, kUuid);
        disk.Break(fault, step, times);
        const bool saved = checkpoints.Save(Content(2)).ok();
        ASSERT_EQ(Damage(disk, saved), "") << step;
        disk.Repair();
        if (saved) continue;
        ASSERT_THAT(checkpoints.Save(Content(2)), IsOk()) << step;
        ASSERT_EQ(Damage(disk, true), "") << step;
        // Trying again uses no more room.
        ASSERT_EQ(disk.used(), used_) << step;
        SimulatedDisk cut(disk);
        cut.Reboot({CrashOutcome::kLost});
        ASSERT_EQ(Damage(cut, true), "") << step;
      }
    }
  }
}

TEST_F(StorageFaultTest, DiskThatFillsUpAtEveryByteAndGetsRoomAgain) {
  const uint64_t before = disk_.used();
  for (uint64_t capacity = before; capacity < used_; ++capacity) {
    SimulatedDisk disk(disk_);
    Checkpointer checkpoints(disk, kFolder, kUuid);
    disk.SetCapacity(capacity);
    const auto full = checkpoints.Save(Content(2));
    ASSERT_THAT(full, StatusIs(absl::StatusCode::kResourceExhausted));
    ASSERT_EQ(Damage(disk, false), "");
    ASSERT_EQ(disk.used(), before) << "a failed save keeps no room";
    disk.SetCapacity(used_ + 1000);
    ASSERT_THAT(checkpoints.Save(Content(2)), IsOk());
  }
}

}  // namespace
}  // namespace kmyriad
