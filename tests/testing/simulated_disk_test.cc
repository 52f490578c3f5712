#include "tests/testing/simulated_disk.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <string>

#include "tests/testing/status_matchers.h"

namespace kmyriad {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr CrashOutcome kLost{CrashOutcome::kLost};
constexpr CrashOutcome kKept{CrashOutcome::kKept};

class SimulatedDiskTest : public ::testing::Test {
 protected:
  std::string Content(const std::string& path) {
    const absl::StatusOr<std::string> content = disk_.Read(path, 1000);
    return content.ok() ? *content : "?";
  }

  SimulatedDisk disk_;
};

TEST_F(SimulatedDiskTest, BehavesLikeFilesWithoutFaults) {
  EXPECT_THAT(disk_.CreateFolders("/a/b"), IsOk());
  EXPECT_THAT(disk_.WriteAndSync("/a/f", "1"), IsOk());
  EXPECT_THAT(disk_.AppendAndSync("/a/f", "23"), IsOk());
  EXPECT_THAT(disk_.Size("/a/f"), IsOkAndHolds(3u));
  EXPECT_THAT(disk_.Truncate("/a/f", 2), IsOk());
  EXPECT_THAT(disk_.Read("/a/f", 10), IsOkAndHolds("12"));
  EXPECT_THAT(disk_.Read("/a/f", 1),
              StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(disk_.AtomicReplace("/a/f", "new"), IsOk());
  EXPECT_THAT(disk_.Rename("/a/f", "/a/b/g"), IsOk());
  EXPECT_THAT(disk_.List("/a"), IsOkAndHolds(ElementsAre("b")));
  EXPECT_EQ(disk_.used(), 3u);
  disk_.SetCapacity(10);
  EXPECT_THAT(disk_.FreeBytes("/a"), IsOkAndHolds(7u));
  EXPECT_THAT(disk_.RemoveAll("/a"), IsOk());
  EXPECT_FALSE(disk_.Exists("/a/b"));
  EXPECT_THAT(disk_.Read("/a/f", 10), StatusIs(absl::StatusCode::kNotFound));
  EXPECT_THAT(disk_.WriteAndSync("/no/f", ""),
              StatusIs(absl::StatusCode::kNotFound));
}

TEST_F(SimulatedDiskTest, RebootLosesWhatWasNotSynchronised) {
  ASSERT_THAT(disk_.WriteAndSync("/new", "1"), IsOk());
  disk_.Reboot(kLost);
  EXPECT_FALSE(disk_.Exists("/new")) << "its name was not synchronised";
  ASSERT_THAT(disk_.WriteAndSync("/new", "1"), IsOk());
  ASSERT_THAT(disk_.SyncFolder("/"), IsOk());
  // Two bytes of a rewritten file, then the power goes.
  disk_.Break(DiskFault::kPowerCut, 3);
  EXPECT_THAT(disk_.WriteAndSync("/new", "abcd"),
              StatusIs(absl::StatusCode::kInternal, HasSubstr("power")));
  EXPECT_FALSE(disk_.RemoveAll("/new").ok());
  SimulatedDisk kept(disk_);
  disk_.Reboot(kLost);
  EXPECT_EQ(Content("/new"), "1");
  kept.Reboot(kKept);
  EXPECT_THAT(kept.Read("/new", 10), IsOkAndHolds("ab"));
}

TEST_F(SimulatedDiskTest, MixedOutcomesDifferAndAreReproducible) {
  ASSERT_THAT(disk_.AtomicReplace("/f", "old"), IsOk());
  disk_.Break(DiskFault::kPowerCut, 5);
  ASSERT_FALSE(disk_.WriteAndSync("/f", "content").ok());
  std::set<std::string> seen;
  for (uint64_t seed = 0; seed < 64; ++seed) {
    SimulatedDisk one(disk_), two(disk_);
    one.Reboot({CrashOutcome::kMixed, seed});
    two.Reboot({CrashOutcome::kMixed, seed});
    EXPECT_EQ(*one.Read("/f", 10), *two.Read("/f", 10));
    seen.insert(*one.Read("/f", 10));
  }
  EXPECT_TRUE(seen.contains("old"));
  EXPECT_TRUE(seen.contains("cont"));
  EXPECT_TRUE(seen.contains(std::string("co\0\0", 4)));
}

TEST_F(SimulatedDiskTest, CutAppendKeepsWhatWasDurable) {
  ASSERT_THAT(disk_.AtomicReplace("/f", "old"), IsOk());
  disk_.Break(DiskFault::kPowerCut, 2);
  ASSERT_FALSE(disk_.AppendAndSync("/f", "new").ok());
  for (uint64_t seed = 0; seed < 64; ++seed) {
    SimulatedDisk disk(disk_);
    disk.Reboot({CrashOutcome::kMixed, seed});
    EXPECT_THAT(disk.Read("/f", 10), IsOkAndHolds(HasSubstr("old")));
  }
}

TEST_F(SimulatedDiskTest, RenameIsAtomicAndNamesSurviveInOrder) {
  ASSERT_THAT(disk_.AtomicReplace("/f", "old"), IsOk());
  // temporary, three bytes, sync, rename; the folder's sync fails.
  disk_.Break(DiskFault::kPowerCut, 6);
  ASSERT_FALSE(disk_.AtomicReplace("/f", "new").ok());
  EXPECT_EQ(Content("/f"), "new");
  SimulatedDisk lost(disk_);
  lost.Reboot(kLost);
  EXPECT_THAT(lost.Read("/f", 10), IsOkAndHolds("old"));
  disk_.Reboot(kKept);
  EXPECT_EQ(Content("/f"), "new");
}

TEST_F(SimulatedDiskTest, FullDiskStopsAtTheByteAndReadOnlyAtOnce) {
  disk_.Break(DiskFault::kFull, 3);
  EXPECT_THAT(disk_.WriteAndSync("/f", "abcd"),
              StatusIs(absl::StatusCode::kResourceExhausted));
  EXPECT_EQ(Content("/f"), "ab");
  EXPECT_THAT(disk_.RemoveAll("/f"), IsOk());
  EXPECT_FALSE(disk_.CreateFolders("/d").ok());
  disk_.Repair();
  disk_.Break(DiskFault::kReadOnly, 0, 1);
  EXPECT_THAT(disk_.CreateFolders("/d"),
              StatusIs(absl::StatusCode::kPermissionDenied));
  EXPECT_THAT(disk_.CreateFolders("/d"), IsOk());
  disk_.SetCapacity(3);
  EXPECT_FALSE(disk_.AppendAndSync("/d/f", "abcd").ok());
  EXPECT_EQ(Content("/d/f"), "") << "a failed append takes its bytes back";
  EXPECT_THAT(disk_.AppendAndSync("/d/f", "abc"), IsOk());
}

TEST_F(SimulatedDiskTest, WhatAFailedSyncLostStaysLost) {
  ASSERT_THAT(disk_.AtomicReplace("/f", ""), IsOk());
  disk_.Break(DiskFault::kSyncFails, 0, 1);
  EXPECT_THAT(disk_.WriteAndSync("/f", "abc"),
              StatusIs(absl::StatusCode::kInternal));
  EXPECT_THAT(disk_.Truncate("/f", 3), IsOk());
  disk_.Reboot(kLost);
  EXPECT_EQ(Content("/f"), "");
}

TEST_F(SimulatedDiskTest, LocksAreHeldUntilReleasedOrRebooted) {
  {
    const auto lock = disk_.Lock("/lock");
    EXPECT_THAT(lock, IsOk());
    EXPECT_THAT(disk_.Lock("/lock"), StatusIs(absl::StatusCode::kUnavailable));
  }
  const auto lock = disk_.Lock("/lock");
  EXPECT_THAT(lock, IsOk());
  disk_.Reboot(kKept);
  EXPECT_THAT(disk_.Lock("/lock"), IsOk());
}

TEST_F(SimulatedDiskTest, SyncHookAndLies) {
  int syncs = 0;
  disk_.OnSync([&]() { ++syncs; });
  ASSERT_THAT(disk_.AtomicReplace("/f", "1"), IsOk());
  EXPECT_EQ(syncs, 2);
  disk_.LieAboutSync();
  ASSERT_THAT(disk_.AtomicReplace("/f", "2"), IsOk());
  disk_.Reboot(kLost);
  EXPECT_EQ(Content("/f"), "1");
}

}  // namespace
}  // namespace kmyriad
