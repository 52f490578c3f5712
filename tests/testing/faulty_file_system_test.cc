#include "tests/testing/faulty_file_system.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_dir.h"

namespace kmyriad {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class FaultyFileSystemTest : public ::testing::Test {
 protected:
  TempDir folder_;
  FaultyFileSystem files_{PosixFileSystem()};
  const std::string path_ = folder_.File("file");
};

TEST_F(FaultyFileSystemTest, PassesEverythingOnWithoutFaults) {
  EXPECT_THAT(files_.CreateFolders(folder_.File("a")), IsOk());
  EXPECT_THAT(files_.WriteAndSync(path_, "1"), IsOk());
  EXPECT_THAT(files_.AppendAndSync(path_, "23"), IsOk());
  EXPECT_THAT(files_.Size(path_), IsOkAndHolds(3u));
  EXPECT_THAT(files_.Truncate(path_, 2), IsOk());
  EXPECT_THAT(files_.Read(path_, 10), IsOkAndHolds("12"));
  EXPECT_THAT(files_.AtomicReplace(path_, "new"), IsOk());
  EXPECT_THAT(files_.Rename(path_, folder_.File("b")), IsOk());
  EXPECT_THAT(files_.List(folder_.path()), IsOkAndHolds(ElementsAre("a", "b")));
  EXPECT_TRUE(files_.Exists(folder_.File("b")));
  EXPECT_THAT(files_.SyncFolder(folder_.path()), IsOk());
  EXPECT_THAT(files_.RemoveAll(folder_.File("b")), IsOk());
  EXPECT_THAT(files_.FreeBytes(folder_.path()), IsOk());
  EXPECT_THAT(files_.Lock(folder_.File("lock")), IsOk());
  EXPECT_EQ(files_.calls().size(), 13u);
  EXPECT_EQ(files_.changes(), 8u);
}

TEST_F(FaultyFileSystemTest, FailsTheChosenCallsOfTheChosenPathOnly) {
  files_.AddFault({.operation = FileOperation::kWriteAndSync,
                   .path = "file",
                   .skip = 1,
                   .times = 2});
  EXPECT_THAT(files_.WriteAndSync(path_, "0"), IsOk());
  EXPECT_THAT(files_.WriteAndSync(folder_.File("other"), "0"), IsOk());
  for (int i = 0; i < 2; ++i) {
    EXPECT_THAT(files_.WriteAndSync(path_, "1"),
                StatusIs(absl::StatusCode::kResourceExhausted));
  }
  EXPECT_THAT(files_.Read(path_, 10), IsOkAndHolds("0"));
  EXPECT_THAT(files_.WriteAndSync(path_, "2"), IsOk());
}

TEST_F(FaultyFileSystemTest, TornWritesLeaveAPart) {
  files_.AddFault({.operation = FileOperation::kWriteAndSync,
                   .path = "file",
                   .torn_bytes = 2});
  EXPECT_FALSE(files_.WriteAndSync(path_, "abcdef").ok());
  EXPECT_THAT(files_.Read(path_, 10), IsOkAndHolds("ab"));
  files_.AddFault({.operation = FileOperation::kAtomicReplace,
                   .path = "file",
                   .torn_bytes = 3});
  EXPECT_FALSE(files_.AtomicReplace(path_, "123456").ok());
  EXPECT_THAT(files_.Read(path_, 10), IsOkAndHolds("ab"));
}

TEST_F(FaultyFileSystemTest, PowerCutEndsAllChangesUntilRestored) {
  files_.CutPowerAfter(1);
  EXPECT_THAT(files_.WriteAndSync(path_, "abcd"), IsOk());
  EXPECT_THAT(files_.AppendAndSync(path_, "efgh"),
              StatusIs(absl::StatusCode::kInternal, HasSubstr("power")));
  EXPECT_FALSE(files_.RemoveAll(path_).ok());
  EXPECT_THAT(files_.Read(path_, 10), IsOkAndHolds("abcdef"));
  files_.RestorePower();
  EXPECT_THAT(files_.AppendAndSync(path_, "!"), IsOk());
}

TEST_F(FaultyFileSystemTest, SaysTheFreeBytesThatItIsTold) {
  files_.SetFreeBytes(7);
  EXPECT_THAT(files_.FreeBytes(folder_.path()), IsOkAndHolds(7u));
  files_.AddFault({.operation = FileOperation::kFreeBytes});
  EXPECT_FALSE(files_.FreeBytes(folder_.path()).ok());
  files_.AddFault({.operation = FileOperation::kFreeBytes});
  files_.ClearFaults();
  EXPECT_TRUE(files_.FreeBytes(folder_.path()).ok());
}

}  // namespace
}  // namespace kmyriad
