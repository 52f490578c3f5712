#include "learner/checkpoint/run_directory.h"

#include <memory>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/testing/faulty_file_system.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_dir.h"

namespace kmyriad {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class RunDirectoryTest : public ::testing::Test {
 protected:
  std::unique_ptr<RunDirectory> Make() {
    auto run = RunDirectory::Open(files_, path_);
    EXPECT_THAT(run, IsOk());
    v1::RunManifest manifest;
    manifest.set_learner_threads(3);
    EXPECT_THAT((*run)->Initialize(manifest, "run {}\n"), IsOk());
    return *std::move(run);
  }

  TempDir folder_;
  FaultyFileSystem files_{PosixFileSystem()};
  const std::string path_ = folder_.File("demo");
};

TEST_F(RunDirectoryTest, RecordsComeBack) {
  const std::string uuid = Make()->manifest().run_uuid();
  EXPECT_EQ(uuid.size(), 32u);
  const auto run = RunDirectory::Open(files_, path_);
  ASSERT_THAT(run, IsOk());
  EXPECT_TRUE((*run)->exists());
  EXPECT_EQ((*run)->manifest().run_uuid(), uuid);
  EXPECT_EQ((*run)->manifest().name(), "demo");
  EXPECT_EQ((*run)->manifest().learner_threads(), 3u);
  EXPECT_EQ((*run)->config_text(), "run {}\n");
}

TEST_F(RunDirectoryTest, TwoRunsHaveTwoUuids) {
  const std::string first = Make()->manifest().run_uuid();
  ASSERT_THAT(files_.RemoveAll(path_), IsOk());
  EXPECT_NE(Make()->manifest().run_uuid(), first);
}

TEST_F(RunDirectoryTest, SecondWriterIsRefusedReadersAreNot) {
  const auto run = Make();
  EXPECT_THAT(RunDirectory::Open(files_, path_),
              StatusIs(absl::StatusCode::kUnavailable));
  ASSERT_THAT(run->AppendMetrics("{\"epoch\":1}"), IsOk());
  const auto record = ReadRunDirectory(files_, path_);
  ASSERT_THAT(record, IsOk());
  EXPECT_THAT(record->metrics, ElementsAre("{\"epoch\":1}"));
  EXPECT_TRUE(record->checkpoints.empty());
}

TEST_F(RunDirectoryTest, FolderWithoutManifestIsNoRun) {
  EXPECT_THAT(ReadRunDirectory(files_, path_),
              StatusIs(absl::StatusCode::kNotFound));
  const auto run = RunDirectory::Open(files_, path_);
  ASSERT_THAT(run, IsOk());
  EXPECT_FALSE((*run)->exists());
}

TEST_F(RunDirectoryTest, DamagedRecordsAndNewerFormatsAreRefused) {
  Make();
  const std::string manifest = path_ + "/manifest.json";
  const std::string text = *files_.Read(manifest, 1 << 20);
  for (const char* bad :
       {"", "{", "[]", "{\"run_uuid\":\"zz\"}", "{\"format_version\":{}}"}) {
    ASSERT_THAT(files_.WriteAndSync(manifest, bad), IsOk());
    EXPECT_THAT(RunDirectory::Open(files_, path_),
                StatusIs(absl::StatusCode::kDataLoss))
        << bad;
  }
  ASSERT_THAT(files_.WriteAndSync(manifest, "{\"format_version\":2}"), IsOk());
  EXPECT_THAT(
      RunDirectory::Open(files_, path_),
      StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("newer")));
  ASSERT_THAT(files_.WriteAndSync(manifest, text), IsOk());
  ASSERT_THAT(files_.WriteAndSync(path_ + "/HEAD.json", "rubbish"), IsOk());
  EXPECT_THAT(RunDirectory::Open(files_, path_),
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr("HEAD.json")));
}

TEST_F(RunDirectoryTest, TornAppendIsCutBeforeTheNextOne) {
  const auto run = Make();
  ASSERT_THAT(run->AppendMetrics("one"), IsOk());
  FileFault torn;
  torn.operation = FileOperation::kAppendAndSync;
  torn.torn_bytes = 2;
  files_.AddFault(torn);
  EXPECT_THAT(run->AppendMetrics("two"),
              StatusIs(absl::StatusCode::kResourceExhausted));
  ASSERT_THAT(run->AppendMetrics("two"), IsOk());
  EXPECT_THAT(ReadRunDirectory(files_, path_)->metrics,
              ElementsAre("one", "two"));
  ASSERT_THAT(run->TruncateMetrics(4), IsOk());
  EXPECT_THAT(run->LastMetrics(), IsOkAndHolds("one"));
  ASSERT_THAT(run->AppendMetrics("three"), IsOk());
  EXPECT_THAT(ReadRunDirectory(files_, path_)->metrics,
              ElementsAre("one", "three"));
  EXPECT_EQ(run->metrics_bytes(), 10u);
}

TEST_F(RunDirectoryTest, MetricsCutInALineByHandAreNotGluedToTheNext) {
  const std::string path = path_ + "/metrics.jsonl";
  const auto run = Make();
  // The checkpoint knows of two lines, eight bytes; what is left of them, and
  // what somebody else has put there.
  const struct {
    const char* left;
    std::vector<std::string> lines;
  } cases[] = {{"one\ntw", {"one", "six"}},
               {"one\ntwo", {"one", "six"}},
               {"one\n", {"one", "six"}},
               {"on", {"six"}},
               {"", {"six"}},
               {"one\nlonger\n", {"one", "six"}},
               {"too long a line", {"six"}}};
  for (const auto& test : cases) {
    ASSERT_THAT(files_.WriteAndSync(path, test.left), IsOk());
    ASSERT_THAT(run->TruncateMetrics(8), IsOk());
    ASSERT_THAT(run->AppendMetrics("six"), IsOk());
    EXPECT_EQ(ReadRunDirectory(files_, path_)->metrics, test.lines)
        << test.left;
    EXPECT_EQ(run->metrics_bytes(), *files_.Size(path)) << test.left;
  }
}

TEST_F(RunDirectoryTest, FailedReplacementLeavesTheOldRecord) {
  const auto run = Make();
  v1::RunHead head;
  head.set_checkpoint("epoch_000001");
  ASSERT_THAT(run->WriteHead(head), IsOk());
  FileFault fault;
  fault.operation = FileOperation::kAtomicReplace;
  fault.torn_bytes = 5;
  files_.AddFault(fault);
  v1::RunHead next = head;
  next.set_checkpoint("epoch_000002");
  EXPECT_FALSE(run->WriteHead(next).ok());
  EXPECT_EQ(run->head().checkpoint(), "epoch_000001");
  EXPECT_EQ(ReadRunDirectory(files_, path_)->head.checkpoint(), "epoch_000001");
}

TEST_F(RunDirectoryTest, StoredAnswersAreBounded) {
  v1::RunHead head;
  for (int i = 0; i < kMaxStoredAnswers + 5; ++i) {
    v1::StoredAnswer answer;
    answer.set_request_id(std::to_string(i));
    StoreAnswer(answer, &head);
  }
  EXPECT_EQ(head.answers_size(), kMaxStoredAnswers);
  EXPECT_EQ(head.answers(0).request_id(), "5");
}

}  // namespace
}  // namespace kmyriad
