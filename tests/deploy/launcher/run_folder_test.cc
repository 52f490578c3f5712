#include "deploy/launcher/run_folder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <random>
#include <string>
#include <vector>

#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_dir.h"

namespace kmyriad {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

TEST(RunFolderTest, NamesAreFolderNames) {
  EXPECT_THAT(CheckRunName("ant-maze_2.b"), IsOk());
  for (const std::string bad :
       {"", ".", "..", ".x", "a/b", "a b", "a\nb", "\xc3\xa4"}) {
    EXPECT_THAT(CheckRunName(bad), StatusIs(absl::StatusCode::kInvalidArgument,
                                            HasSubstr("--name")))
        << bad;
  }
  EXPECT_FALSE(CheckRunName(std::string(101, 'a')).ok());
}

TEST(RunFolderTest, TailReportsWholeNewLinesOnce) {
  TempDir dir;
  FileSystem& files = PosixFileSystem();
  const std::string path = dir.File("metrics.jsonl");
  ASSERT_THAT(files.WriteAndSync(path, "{\"epoch\": 1}\n"), IsOk());
  MetricsTail tail(path);
  EXPECT_THAT(tail.Take(), IsEmpty());
  ASSERT_THAT(files.AppendAndSync(path, "{\"epoch\": 2}\n{\"epo"), IsOk());
  const auto lines = tail.Take();
  ASSERT_THAT(lines, SizeIs(1));
  EXPECT_EQ(NumberOr(lines[0], "epoch", 0), 2);
  ASSERT_THAT(files.AppendAndSync(path, "ch\": 3}\nnonsense\n"), IsOk());
  EXPECT_THAT(tail.Take(), SizeIs(1));
  EXPECT_THAT(tail.Take(), IsEmpty());
}

TEST(RunFolderTest, TailReportsEpochsThatAreDoneOnceMore) {
  TempDir dir;
  FileSystem& files = PosixFileSystem();
  const std::string path = dir.File("metrics.jsonl");
  MetricsTail tail(path);
  ASSERT_THAT(files.WriteAndSync(path, "{\"epoch\": 1}\n{\"epoch\": 2}\n"),
              IsOk());
  EXPECT_THAT(tail.Take(), SizeIs(2));
  ASSERT_THAT(files.Truncate(path, 13), IsOk());
  EXPECT_THAT(tail.Take(), IsEmpty());
  ASSERT_THAT(files.AppendAndSync(path, "{\"epoch\": 2}\n{\"epoch\": 3}\n"),
              IsOk());
  EXPECT_THAT(tail.Take(), SizeIs(2));
}

TEST(RunFolderTest, TailReportsLinesWrittenAnewBetweenTwoLooks) {
  TempDir dir;
  FileSystem& files = PosixFileSystem();
  const std::string path = dir.File("metrics.jsonl");
  ASSERT_THAT(files.WriteAndSync(path, "{\"epoch\": 1}\n{\"epoch\": 2}\n"),
              IsOk());
  MetricsTail tail(path);
  // Restored to epoch 1, and grown past its old length.
  ASSERT_THAT(files.WriteAndSync(
                  path, "{\"epoch\": 1}\n{\"epoch\": 2, \"again\": 1}\n"),
              IsOk());
  const auto lines = tail.Take();
  ASSERT_THAT(lines, SizeIs(1));
  EXPECT_EQ(NumberOr(lines[0], "again", 0), 1);
}

// Against the whole content after every random append, cut and rewrite.
TEST(RunFolderTest, TailFollowsWhateverHappensToTheFile) {
  TempDir dir;
  FileSystem& files = PosixFileSystem();
  const std::string path = dir.File("metrics.jsonl");
  std::mt19937 random(7);
  MetricsTail tail(path);
  std::vector<std::string> lines;
  for (int step = 0, serial = 0; step < 300; ++step) {
    const size_t kept = random() % 4 == 0 && !lines.empty()
                            ? random() % lines.size()
                            : lines.size();
    lines.resize(kept);
    const size_t added = random() % 4;
    for (size_t i = 0; i < added; ++i) {
      lines.push_back("{\"serial\": " + std::to_string(++serial) + "}");
    }
    std::string text;
    for (const std::string& line : lines) text += line + "\n";
    // A part of a line, which is not taken yet.
    if (random() % 3 == 0) text += "{\"ser";
    ASSERT_THAT(files.WriteAndSync(path, text), IsOk());
    const auto fresh = tail.Take();
    ASSERT_EQ(fresh.size(), added) << step;
    for (size_t i = 0; i < added; ++i) {
      EXPECT_EQ(fresh[i].dump(), nlohmann::json::parse(lines[kept + i]).dump());
    }
  }
}

TEST(RunFolderTest, EndpointsComeBack) {
  TempDir dir;
  FileSystem& files = PosixFileSystem();
  const Endpoint learner = EndpointFromReadyLine(
      "learner", 42,
      R"({"role":"learner","listening":"unix:/x","metrics":"127.0.0.1:9"})");
  ASSERT_THAT(WriteEndpoints(files, dir.path(), {learner}), IsOk());
  KMYRIAD_ASSERT_OK_AND_ASSIGN(const auto endpoints,
                               ReadEndpoints(files, dir.path()));
  ASSERT_THAT(endpoints, SizeIs(1));
  EXPECT_EQ(endpoints[0].process, "learner");
  EXPECT_EQ(endpoints[0].pid, 42);
  EXPECT_EQ(endpoints[0].listening, "unix:/x");
  EXPECT_EQ(endpoints[0].metrics, "127.0.0.1:9");
  RemoveEndpoints(files, dir.path());
  EXPECT_THAT(ReadEndpoints(files, dir.path()),
              StatusIs(absl::StatusCode::kNotFound));
}

TEST(RunFolderTest, EndpointsOfProcessesThatAreGoneAreNotAlive) {
  // Pids end far below this one.
  EXPECT_FALSE(
      AnyAlive({{"learner", -1, "", ""}, {"actor-0", 1 << 30, "", ""}}));
  EXPECT_TRUE(
      AnyAlive({{"learner", -1, "", ""}, {"actor-0", getpid(), "", ""}}));
}

TEST(RunFolderTest, DamagedEndpointsAreAnError) {
  TempDir dir;
  FileSystem& files = PosixFileSystem();
  for (const char* text : {"", "{", "[]", "{\"processes\": 3}"}) {
    ASSERT_THAT(files.WriteAndSync(dir.File("endpoints.json"), text), IsOk());
    EXPECT_THAT(ReadEndpoints(files, dir.path()),
                StatusIs(absl::StatusCode::kDataLoss))
        << text;
  }
}

}  // namespace
}  // namespace kmyriad
