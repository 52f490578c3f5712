#include "common/base/file_system.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <pthread.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <string>
#include <thread>

#include "absl/strings/str_cat.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_dir.h"

namespace kmyriad {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::ExitedWithCode;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class FileSystemTest : public ::testing::Test {
 protected:
  TempDir folder_;
  FileSystem& files_ = PosixFileSystem();
  const std::string path_ = folder_.File("file");
};

TEST_F(FileSystemTest, WritesReadsAndAppends) {
  EXPECT_FALSE(files_.Exists(path_));
  EXPECT_THAT(files_.WriteAndSync(path_, "long content"), IsOk());
  EXPECT_THAT(files_.WriteAndSync(path_, "ab"), IsOk());
  EXPECT_THAT(files_.AppendAndSync(path_, std::string("\0c\n", 3)), IsOk());
  EXPECT_THAT(files_.AppendAndSync(path_, ""), IsOk());
  EXPECT_THAT(files_.Read(path_, 100), IsOkAndHolds(std::string("ab\0c\n", 5)));
  EXPECT_THAT(files_.Size(path_), IsOkAndHolds(5u));
  EXPECT_THAT(files_.Truncate(path_, 1), IsOk());
  EXPECT_THAT(files_.Read(path_, 100), IsOkAndHolds("a"));
  EXPECT_TRUE(files_.Exists(path_));
}

TEST_F(FileSystemTest, AppendCreatesTheFile) {
  EXPECT_THAT(files_.AppendAndSync(path_, "x"), IsOk());
  EXPECT_THAT(files_.Read(path_, 1), IsOkAndHolds("x"));
}

// The threads that serve /metrics have about 100 KiB of stack, of which
// thread-local storage of loaded libraries takes a part.
TEST_F(FileSystemTest, ReadsOnAThreadWithLittleStack) {
  ASSERT_THAT(files_.WriteAndSync(path_, "content"), IsOk());
  pthread_attr_t attributes;
  ASSERT_EQ(pthread_attr_init(&attributes), 0);
  ASSERT_EQ(pthread_attr_setstacksize(&attributes, 64 << 10), 0);
  struct Call {
    FileSystem& files;
    const std::string& path;
    std::string content;
  } call{files_, path_, ""};
  pthread_t thread;
  ASSERT_EQ(pthread_create(
                &thread, &attributes,
                [](void* argument) -> void* {
                  Call& made = *static_cast<Call*>(argument);
                  made.content = made.files.Read(made.path, 100).value_or("");
                  return nullptr;
                },
                &call),
            0);
  ASSERT_EQ(pthread_join(thread, nullptr), 0);
  EXPECT_EQ(call.content, "content");
  pthread_attr_destroy(&attributes);
}

TEST_F(FileSystemTest, LargeFilesComeBackWhole) {
  std::string content;
  while (content.size() < (3 << 20)) absl::StrAppend(&content, content.size());
  ASSERT_THAT(files_.AtomicReplace(path_, content), IsOk());
  KMYRIAD_ASSERT_OK_AND_ASSIGN(const std::string read,
                               files_.Read(path_, content.size()));
  EXPECT_TRUE(read == content);
}

TEST_F(FileSystemTest, ReadRefusesMoreThanTheLimit) {
  ASSERT_THAT(files_.WriteAndSync(path_, "12345"), IsOk());
  EXPECT_THAT(files_.Read(path_, 5), IsOkAndHolds("12345"));
  EXPECT_THAT(files_.Read(path_, 4),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(path_)));
  // Endless, and of no size.
  EXPECT_THAT(files_.Read("/dev/zero", 1000),
              StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST_F(FileSystemTest, ReadsFilesThatDoNotTellTheirSize) {
  KMYRIAD_ASSERT_OK_AND_ASSIGN(const std::string text,
                               files_.Read("/proc/self/stat", 1 << 16));
  EXPECT_THAT(text, ::testing::StartsWith(absl::StrCat(getpid(), " ")));
}

TEST_F(FileSystemTest, ErrorsHaveCodeAndPath) {
  const std::string missing = folder_.File("no/such");
  const auto not_found =
      StatusIs(absl::StatusCode::kNotFound,
               AllOf(HasSubstr(missing), HasSubstr("No such file")));
  EXPECT_THAT(files_.Read(missing, 1), not_found);
  EXPECT_THAT(files_.WriteAndSync(missing, ""), not_found);
  EXPECT_THAT(files_.AtomicReplace(missing, ""),
              StatusIs(absl::StatusCode::kNotFound));
  EXPECT_THAT(files_.AppendAndSync(missing, ""), not_found);
  EXPECT_THAT(files_.Truncate(missing, 0), not_found);
  EXPECT_THAT(files_.Size(missing), not_found);
  EXPECT_THAT(files_.Rename(missing, path_), not_found);
  EXPECT_THAT(files_.List(missing), not_found);
  EXPECT_THAT(files_.SyncFolder(missing), not_found);
  EXPECT_THAT(files_.FreeBytes(missing), not_found);
  EXPECT_THAT(files_.Lock(missing), not_found);
  EXPECT_THAT(files_.RemoveAll(missing), IsOk());

  // A device that is always full.
  EXPECT_THAT(
      files_.WriteAndSync("/dev/full", "x"),
      StatusIs(absl::StatusCode::kResourceExhausted, HasSubstr("/dev/full")));
  EXPECT_THAT(files_.Read(folder_.path(), 100),
              StatusIs(absl::StatusCode::kInternal));
  ASSERT_THAT(files_.WriteAndSync(path_, ""), IsOk());
  EXPECT_THAT(files_.CreateFolders(path_),
              StatusIs(absl::StatusCode::kAlreadyExists));
  EXPECT_THAT(files_.CreateFolders(path_ + "/below"),
              StatusIs(absl::StatusCode::kAlreadyExists));
}

// In a process of its own, since it gives up rights.
TEST_F(FileSystemTest, MissingRightsArePermissionDenied) {
  ASSERT_THAT(files_.WriteAndSync(path_, "secret"), IsOk());
  ASSERT_EQ(chmod(path_.c_str(), 0), 0);
  const auto denied = [&] {
    constexpr uid_t kNobody = 65534;
    if (geteuid() == 0 && seteuid(kNobody) != 0) std::exit(2);
    const auto code = files_.Read(path_, 100).status().code();
    // Not exit(): the leak sanitizer's work there needs the lost rights.
    _exit(code == absl::StatusCode::kPermissionDenied ? 0 : 1);
  };
  EXPECT_EXIT(denied(), ExitedWithCode(0), "");
}

// Makes every file end at `bytes`, as a full disk does. For child processes.
void LimitFiles(rlim_t bytes) {
  std::signal(SIGXFSZ, SIG_IGN);
  const rlimit limit = {bytes, bytes};
  if (setrlimit(RLIMIT_FSIZE, &limit) != 0) std::exit(2);
}

TEST_F(FileSystemTest, AFailedAppendLeavesTheOldLength) {
  ASSERT_THAT(files_.WriteAndSync(path_, std::string(50, 'a')), IsOk());
  const auto append = [&] {
    LimitFiles(100);
    const absl::Status status =
        files_.AppendAndSync(path_, std::string(100, 'b'));
    std::exit(status.code() == absl::StatusCode::kResourceExhausted ? 0 : 1);
  };
  EXPECT_EXIT(append(), ExitedWithCode(0), "");
  EXPECT_THAT(files_.Read(path_, 1000), IsOkAndHolds(std::string(50, 'a')));
}

TEST_F(FileSystemTest, AFailedReplaceLeavesTheOldContentAndNothingElse) {
  ASSERT_THAT(files_.WriteAndSync(path_, "old"), IsOk());
  const auto replace = [&] {
    LimitFiles(100);
    const absl::Status status =
        files_.AtomicReplace(path_, std::string(1000, 'b'));
    std::exit(status.code() == absl::StatusCode::kResourceExhausted ? 0 : 1);
  };
  EXPECT_EXIT(replace(), ExitedWithCode(0), "");
  EXPECT_THAT(files_.Read(path_, 1000), IsOkAndHolds("old"));
  EXPECT_THAT(files_.List(folder_.path()), IsOkAndHolds(ElementsAre("file")));
}

TEST_F(FileSystemTest, ReadersSeeTheOldOrTheNewContentOfAReplace) {
  const std::string contents[] = {std::string(100000, 'a'),
                                  std::string(200000, 'b')};
  ASSERT_THAT(files_.AtomicReplace(path_, contents[0]), IsOk());
  std::thread writer([&] {
    for (int i = 1; i < 40; ++i) {
      EXPECT_THAT(files_.AtomicReplace(path_, contents[i % 2]), IsOk());
    }
  });
  for (int i = 0; i < 200; ++i) {
    KMYRIAD_ASSERT_OK_AND_ASSIGN(const std::string read,
                                 files_.Read(path_, 1 << 20));
    EXPECT_TRUE(read == contents[0] || read == contents[1]) << read.size();
  }
  writer.join();
  EXPECT_THAT(files_.List(folder_.path()), IsOkAndHolds(ElementsAre("file")));
}

TEST_F(FileSystemTest, FoldersAreMadeListedRenamedAndRemoved) {
  const std::string deep = folder_.File("b/c/d");
  EXPECT_THAT(files_.CreateFolders(deep), IsOk());
  EXPECT_THAT(files_.CreateFolders(deep), IsOk());
  EXPECT_THAT(files_.CreateFolders(folder_.File("a//e/")), IsOk());
  EXPECT_THAT(files_.List(folder_.path()), IsOkAndHolds(ElementsAre("a", "b")));
  EXPECT_THAT(files_.WriteAndSync(deep + "/file", "x"), IsOk());
  EXPECT_THAT(files_.Rename(folder_.File("b"), folder_.File("a/z")), IsOk());
  EXPECT_THAT(files_.Read(folder_.File("a/z/c/d/file"), 10), IsOkAndHolds("x"));
  EXPECT_THAT(files_.SyncFolder(folder_.File("a")), IsOk());
  EXPECT_THAT(files_.RemoveAll(folder_.File("a")), IsOk());
  EXPECT_THAT(files_.List(folder_.path()), IsOkAndHolds(IsEmpty()));
}

TEST_F(FileSystemTest, RelativePathsWork) {
  const int here = open(".", O_RDONLY | O_DIRECTORY);
  ASSERT_EQ(chdir(folder_.path().c_str()), 0);
  EXPECT_THAT(files_.AtomicReplace("file", "x"), IsOk());
  EXPECT_THAT(files_.CreateFolders("a/b"), IsOk());
  EXPECT_THAT(files_.Rename("file", "a/file"), IsOk());
  EXPECT_THAT(files_.Read("./a/file", 10), IsOkAndHolds("x"));
  ASSERT_EQ(fchdir(here), 0);
  close(here);
}

TEST_F(FileSystemTest, ALockExcludesOthersUntilItIsReleased) {
  KMYRIAD_ASSERT_OK_AND_ASSIGN(std::unique_ptr<FileLock> lock,
                               files_.Lock(path_));
  EXPECT_THAT(files_.Read(path_, 100),
              IsOkAndHolds(absl::StrCat(getpid(), "\n")));
  const auto from_another_process = [&] {
    const absl::Status status = files_.Lock(path_).status();
    const bool named = status.message().find(absl::StrCat(
                           "process ", getppid())) != absl::string_view::npos;
    std::exit(status.code() == absl::StatusCode::kUnavailable && named ? 0 : 1);
  };
  EXPECT_EXIT(from_another_process(), ExitedWithCode(0), "");
  EXPECT_THAT(files_.Lock(path_), StatusIs(absl::StatusCode::kUnavailable));
  lock.reset();
  EXPECT_THAT(files_.Lock(path_), IsOk());
}

TEST_F(FileSystemTest, FreeBytesIsThatOfTheVolume) {
  KMYRIAD_ASSERT_OK_AND_ASSIGN(const uint64_t free,
                               files_.FreeBytes(folder_.path()));
  EXPECT_GT(free, 0u);
}

TEST(JoinPathTest, PutsOneSlashBetween) {
  EXPECT_EQ(JoinPath("a", "b"), "a/b");
  EXPECT_EQ(JoinPath("a/", "b"), "a/b");
  EXPECT_EQ(JoinPath("/", "b"), "/b");
  EXPECT_EQ(JoinPath("", "b"), "b");
}

}  // namespace
}  // namespace kmyriad
