#include "learner/checkpoint/checkpointer.h"

#include <string>
#include <vector>

#include "common/base/digest.h"
#include "common/base/tensor.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/testing/faulty_file_system.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_dir.h"

namespace kmyriad {
namespace {

using ::testing::HasSubstr;

constexpr char kUuid[] = "00112233445566778899aabbccddeeff";

NamedTensor Tensor(const std::string& name, float value) {
  return MakeTensor<float>(name, {1}, {value});
}

CheckpointContent Content(uint64_t epoch, float value = 1) {
  CheckpointContent content;
  content.manifest.set_epoch(epoch);
  content.manifest.set_policy_version(epoch);
  content.manifest.set_metrics_bytes(100 * epoch);
  content.parameters = {Tensor("trunk.weight", value)};
  content.optimizer = {Tensor("adam.step", value + 1)};
  content.normalizer = {Tensor("normalizer.mean", value + 2)};
  content.coverage = {Tensor("cell_visits", value + 3)};
  return content;
}

std::vector<std::string> Names(Checkpointer& checkpoints) {
  std::vector<std::string> names;
  const auto listed = checkpoints.List();
  EXPECT_THAT(listed, IsOk());
  for (const CheckpointSummary& summary : *listed) {
    names.push_back(summary.name);
  }
  return names;
}

class CheckpointerTest : public ::testing::Test {
 protected:
  FileSystem& disk_ = PosixFileSystem();
  TempDir folder_;
  Checkpointer checkpoints_{disk_, folder_.path(), kUuid};
};

TEST_F(CheckpointerTest, WhatIsSavedIsLoaded) {
  const auto saved = checkpoints_.Save(Content(12));
  ASSERT_THAT(saved, IsOk());
  EXPECT_EQ(saved->name, "epoch_000012");
  const auto loaded = checkpoints_.Load("epoch_000012");
  ASSERT_THAT(loaded, IsOk());
  EXPECT_EQ(loaded->manifest.metrics_bytes(), 1200u);
  EXPECT_EQ(loaded->manifest.run_uuid(), kUuid);
  EXPECT_EQ(loaded->parameters[0].data, Content(12).parameters[0].data);
  EXPECT_EQ(loaded->coverage[0].data, Content(12).coverage[0].data);
  EXPECT_THAT(VerifyCheckpoint(disk_, saved->folder), IsOk());
}

TEST_F(CheckpointerTest, DigestsCoverParametersWithNormalizerAndTheRest) {
  const auto base = checkpoints_.Save(Content(1));
  CheckpointContent normalizer = Content(2), optimizer = Content(3),
                    coverage = Content(4);
  normalizer.normalizer[0].data[0] ^= 1;
  optimizer.optimizer[0].data[0] ^= 1;
  coverage.coverage[0].data[0] ^= 1;
  const auto parameters = [this](const CheckpointContent& content) {
    return checkpoints_.Save(content)->manifest;
  };
  const v1::CheckpointManifest n = parameters(normalizer);
  const v1::CheckpointManifest o = parameters(optimizer);
  const v1::CheckpointManifest c = parameters(coverage);
  const v1::CheckpointManifest& b = base->manifest;
  EXPECT_NE(n.parameters_sha256(), b.parameters_sha256());
  EXPECT_EQ(n.optimizer_sha256(), b.optimizer_sha256());
  EXPECT_EQ(o.parameters_sha256(), b.parameters_sha256());
  EXPECT_NE(o.optimizer_sha256(), b.optimizer_sha256());
  EXPECT_EQ(c.parameters_sha256(), b.parameters_sha256());
}

TEST_F(CheckpointerTest, EveryChangedOrMissingFileIsDataLoss) {
  ASSERT_THAT(checkpoints_.Save(Content(1)), IsOk());
  const std::string folder = folder_.File("epoch_000001");
  KMYRIAD_ASSERT_OK_AND_ASSIGN(const std::vector<std::string> files,
                               disk_.List(folder));
  ASSERT_EQ(files.size(), 6u);
  for (const std::string& file : files) {
    const std::string path = folder + "/" + file;
    const std::string content = *disk_.Read(path, 1 << 20);
    for (const size_t position : {size_t{0}, content.size() / 2}) {
      std::string changed = content;
      changed[position] ^= 1;
      ASSERT_THAT(disk_.WriteAndSync(path, changed), IsOk());
      EXPECT_THAT(checkpoints_.Load("epoch_000001"),
                  StatusIs(absl::StatusCode::kDataLoss))
          << file << " " << position;
    }
    ASSERT_THAT(disk_.RemoveAll(path), IsOk());
    EXPECT_THAT(checkpoints_.Load("epoch_000001"),
                StatusIs(file == "COMMIT" ? absl::StatusCode::kNotFound
                                          : absl::StatusCode::kDataLoss))
        << file;
    ASSERT_THAT(disk_.WriteAndSync(path, content), IsOk());
  }
  EXPECT_THAT(checkpoints_.Load("epoch_000001"), IsOk());
}

TEST_F(CheckpointerTest, ForeignRunAndNewerFormatAreRefused) {
  Checkpointer foreign(disk_, folder_.path(), std::string(32, 'f'));
  ASSERT_THAT(foreign.Save(Content(1)), IsOk());
  EXPECT_THAT(
      checkpoints_.Load("epoch_000001"),
      StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr(kUuid)));
  ASSERT_THAT(checkpoints_.Save(Content(2)), IsOk());
  const std::string path = folder_.File("epoch_000002/MANIFEST.json");
  std::string text = *disk_.Read(path, 1 << 20);
  const std::string version = "\"format_version\": 1";
  text.replace(text.find(version), version.size(), "\"format_version\": 2");
  ASSERT_THAT(disk_.WriteAndSync(path, text), IsOk());
  ASSERT_THAT(disk_.WriteAndSync(folder_.File("epoch_000002/COMMIT"),
                                 ToHex(Sha256Of(text))),
              IsOk());
  EXPECT_THAT(
      checkpoints_.Load("epoch_000002"),
      StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("newer")));
}

TEST_F(CheckpointerTest, PruneKeepsTheNewestAndHead) {
  for (uint64_t epoch = 0; epoch < 6; ++epoch) {
    ASSERT_THAT(checkpoints_.Save(Content(epoch)), IsOk());
  }
  ASSERT_THAT(checkpoints_.Prune(0, ""), IsOk());
  EXPECT_EQ(Names(checkpoints_).size(), 6u);
  ASSERT_THAT(checkpoints_.Prune(2, "epoch_000001"), IsOk());
  EXPECT_THAT(
      Names(checkpoints_),
      ::testing::ElementsAre("epoch_000001", "epoch_000004", "epoch_000005"));
}

TEST_F(CheckpointerTest, SavingAnEpochAgainSetsTheOldOneAside) {
  ASSERT_THAT(checkpoints_.Save(Content(1, 10)), IsOk());
  ASSERT_THAT(checkpoints_.Save(Content(1, 20)), IsOk());
  ASSERT_THAT(checkpoints_.Save(Content(1, 30)), IsOk());
  for (const char* name :
       {"epoch_000001", "set_aside/epoch_000001", "set_aside/epoch_000001_2"}) {
    EXPECT_THAT(VerifyCheckpoint(disk_, folder_.File(name)), IsOk()) << name;
  }
}

TEST_F(CheckpointerTest, FailureAtEveryOperationLeavesOlderOnesAndNoRest) {
  for (uint64_t cut = 0;; ++cut) {
    TempDir folder;
    FaultyFileSystem files(disk_);
    Checkpointer checkpoints(files, folder.path(), kUuid);
    ASSERT_THAT(checkpoints.Save(Content(1)), IsOk());
    files.CutPowerAfter(cut);
    const bool saved = checkpoints.Save(Content(2)).ok();
    files.RestorePower();
    ASSERT_THAT(checkpoints.Load("epoch_000001"), IsOk()) << cut;
    const auto second = checkpoints.Load("epoch_000002");
    // Whole or not there; never half.
    if (!second.ok()) {
      EXPECT_THAT(second, StatusIs(absl::StatusCode::kNotFound)) << cut;
    }
    EXPECT_TRUE(!saved || second.ok()) << cut;
    ASSERT_THAT(checkpoints.RemoveLeftovers(), IsOk());
    ASSERT_THAT(checkpoints.Save(Content(2)), IsOk()) << cut;
    EXPECT_EQ(Names(checkpoints).size(), 2u);
    if (saved) {
      EXPECT_GT(cut, 8u);
      break;
    }
  }
}

TEST_F(CheckpointerTest, NamesAreCheckedBothWays) {
  EXPECT_EQ(CheckpointName(12), "epoch_000012");
  EXPECT_EQ(CheckpointName(12345678), "epoch_12345678");
  EXPECT_EQ(CheckpointEpoch("epoch_000012"), 12u);
  for (const char* name : {"epoch_12", "epoch_0000012", "epoch_-00001",
                           "epoch_", "poch_000012", "epoch_000012/"}) {
    EXPECT_FALSE(CheckpointEpoch(name).has_value()) << name;
  }
}

}  // namespace
}  // namespace kmyriad
