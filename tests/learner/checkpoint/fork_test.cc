#include "learner/checkpoint/fork.h"

#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "learner/checkpoint/checkpointer.h"
#include "learner/checkpoint/run_directory.h"
#include "tests/testing/faulty_file_system.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_dir.h"

namespace kmyriad {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class ForkTest : public ::testing::Test {
 protected:
  // Two epochs, HEAD at the second; then a line that no checkpoint knows.
  void SetUp() override {
    KMYRIAD_ASSERT_OK_AND_ASSIGN(const std::unique_ptr<RunDirectory> run,
                                 RunDirectory::Open(files_, options_.source));
    v1::RunManifest manifest;
    manifest.set_learner_threads(3);
    manifest.set_golden_digest("old");
    ASSERT_THAT(run->Initialize(manifest, "run {}\n"), IsOk());
    uuid_ = run->manifest().run_uuid();
    for (uint64_t epoch = 1; epoch <= 2; ++epoch) {
      ASSERT_THAT(run->AppendMetrics(absl::StrCat("{\"epoch\":", epoch, "}")),
                  IsOk());
      CheckpointContent content;
      content.manifest.set_epoch(epoch);
      content.manifest.set_metrics_bytes(run->metrics_bytes());
      content.coverage = {MakeTensor<float>(kWindowFeatures, {1}, {7}),
                          MakeTensor<uint8_t>(kWindowMask, {1}, {1}),
                          MakeTensor<int64_t>("cell_visits", {1}, {3})};
      ASSERT_THAT(run->checkpoints().Save(content), IsOk());
    }
    v1::RunHead head;
    head.set_checkpoint("epoch_000002");
    head.set_paused(true);
    ASSERT_THAT(run->WriteHead(head), IsOk());
    ASSERT_THAT(run->AppendMetrics("{\"epoch\":3}"), IsOk());
  }

  TempDir folder_;
  FaultyFileSystem files_{PosixFileSystem()};
  std::string uuid_;
  ForkOptions options_{
      folder_.File("old"),    "",      folder_.path(), "new", "run {}\n",
      /*empty_window=*/false, "today", "revision"};
  const std::string target_ = folder_.File("new");
};

TEST_F(ForkTest, TakesAlongWhatThePolicyStartedFrom) {
  ASSERT_THAT(files_.WriteAndSync(options_.source + "/" + kInitialPolicyFile,
                                  "tensors"),
              IsOk());
  ASSERT_THAT(ForkRun(options_, files_), IsOk());
  EXPECT_EQ(*files_.Read(target_ + "/" + kInitialPolicyFile, 100), "tensors");
}

TEST_F(ForkTest, IsAnotherRunThatStandsWhereTheSourceStood) {
  ASSERT_THAT(ForkRun(options_, files_), IsOk());
  KMYRIAD_ASSERT_OK_AND_ASSIGN(const RunRecord fork,
                               ReadRunDirectory(files_, target_));
  EXPECT_EQ(fork.manifest.name(), "new");
  EXPECT_NE(fork.manifest.run_uuid(), uuid_);
  EXPECT_EQ(fork.manifest.forked_from(), "old " + uuid_ + " epoch 2");
  EXPECT_EQ(fork.manifest.learner_threads(), 3u);
  // Fixed anew by the first actor.
  EXPECT_EQ(fork.manifest.golden_digest(), "");
  EXPECT_EQ(fork.head.checkpoint(), "epoch_000002");
  EXPECT_FALSE(fork.head.paused());
  EXPECT_THAT(fork.metrics, ElementsAre("{\"epoch\":1}", "{\"epoch\":2}"));
  ASSERT_EQ(fork.checkpoints.size(), 1u);
  EXPECT_EQ(fork.checkpoints[0].manifest.run_uuid(), fork.manifest.run_uuid());
  EXPECT_THAT(VerifyCheckpoint(files_, fork.checkpoints[0].folder), IsOk());
}

TEST_F(ForkTest, StartsFromAnOlderCheckpointToo) {
  options_.checkpoint = "epoch_000001";
  ASSERT_THAT(ForkRun(options_, files_), IsOk());
  KMYRIAD_ASSERT_OK_AND_ASSIGN(const RunRecord fork,
                               ReadRunDirectory(files_, target_));
  EXPECT_EQ(fork.head.checkpoint(), "epoch_000001");
  EXPECT_THAT(fork.metrics, ElementsAre("{\"epoch\":1}"));
}

TEST_F(ForkTest, TakesTheWindowAlongUnlessItsParticlesAreOfAnotherShape) {
  for (const bool empty : {false, true}) {
    options_.empty_window = empty;
    options_.name = empty ? "empty" : "full";
    ASSERT_THAT(ForkRun(options_, files_), IsOk());
    KMYRIAD_ASSERT_OK_AND_ASSIGN(
        const CheckpointContent content,
        LoadCheckpoint(
            files_, folder_.File(options_.name + "/checkpoints/epoch_000002")));
    EXPECT_EQ(FindTensor(content.coverage, kWindowFeatures) == nullptr, empty);
    EXPECT_EQ(FindTensor(content.coverage, kWindowMask) == nullptr, empty);
    EXPECT_NE(FindTensor(content.coverage, "cell_visits"), nullptr);
  }
}

TEST_F(ForkTest, RefusesWhatIsThereAndWhatIsNot) {
  options_.checkpoint = "epoch_000009";
  EXPECT_THAT(ForkRun(options_, files_), StatusIs(absl::StatusCode::kNotFound));
  EXPECT_FALSE(files_.Exists(target_));
  options_.checkpoint.clear();
  ASSERT_THAT(ForkRun(options_, files_), IsOk());
  EXPECT_THAT(ForkRun(options_, files_),
              StatusIs(absl::StatusCode::kAlreadyExists, HasSubstr("new")));
  options_.source = folder_.File("none");
  options_.name = "other";
  EXPECT_THAT(ForkRun(options_, files_), StatusIs(absl::StatusCode::kNotFound));
}

TEST_F(ForkTest, DamagedCheckpointMakesNoRun) {
  const std::string manifest =
      options_.source + "/checkpoints/epoch_000002/MANIFEST.json";
  ASSERT_THAT(files_.WriteAndSync(manifest, "{}"), IsOk());
  EXPECT_THAT(ForkRun(options_, files_), StatusIs(absl::StatusCode::kDataLoss));
  EXPECT_FALSE(files_.Exists(target_));
  EXPECT_THAT(*files_.List(folder_.path()), ElementsAre("old"));
}

}  // namespace
}  // namespace kmyriad
