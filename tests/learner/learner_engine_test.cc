#include "learner/learner_engine.h"

#include <memory>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "learner/checkpoint/run_directory.h"
#include "nlohmann/json.hpp"
#include "tests/learner/testing/learner_process.h"
#include "tests/testing/faulty_file_system.h"
#include "tests/testing/prometheus_text.h"
#include "tests/testing/seeded_random.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_dir.h"

namespace kmyriad {
namespace {

using ::testing::AllOf;
using ::testing::AnyOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Optional;

constexpr uint64_t kEpochs = 4;

class LearnerEngineTest : public ::testing::Test {
 protected:
  std::unique_ptr<LearnerProcess> Start(const std::string& name,
                                        uint64_t epochs = kEpochs) {
    return Start(PosixFileSystem(), name, epochs);
  }
  std::unique_ptr<LearnerProcess> Start(FileSystem& files,
                                        const std::string& name,
                                        uint64_t epochs = kEpochs) {
    return std::make_unique<LearnerProcess>(files, folder_.File(name),
                                            SmallRunConfig(epochs));
  }
  RunFingerprint Fingerprint(const std::string& name) {
    return FingerprintOf(folder_.File(name));
  }
  // The undisturbed run that all others are compared with. Its UUID differs
  // from theirs, which must not matter.
  const RunFingerprint& Undisturbed() {
    if (undisturbed_.epoch == 0) {
      auto process = Start("undisturbed");
      process->AddActor("one");
      EXPECT_THAT(process->PumpToEnd(), IsOkAndHolds(RunEnd::kFinished));
      undisturbed_ = Fingerprint("undisturbed");
      EXPECT_EQ(undisturbed_.epoch, kEpochs);
      EXPECT_EQ(undisturbed_.metrics.size(), kEpochs);
    }
    return undisturbed_;
  }

  TempDir folder_;
  RunFingerprint undisturbed_;
};

TEST_F(LearnerEngineTest, EveryEpochAppliesEachSampleOnce) {
  for (const std::string& line : Undisturbed().metrics) {
    const auto metrics = nlohmann::json::parse(line);
    EXPECT_EQ(metrics["samples"]["applied"], 40 * 5);
    EXPECT_TRUE(metrics["diversity_null_nats"].is_null());
  }
}

TEST_F(LearnerEngineTest, ResultDoesNotDependOnTheNumberOfActors) {
  for (const int actors : {2, 3, 5}) {
    const std::string name = "actors" + std::to_string(actors);
    auto process = Start(name);
    for (int i = 0; i < actors; ++i) {
      process->AddActor("actor" + std::to_string(i), i % 2 + 1);
    }
    ASSERT_THAT(process->PumpToEnd(), IsOkAndHolds(RunEnd::kFinished));
    EXPECT_EQ(Fingerprint(name), Undisturbed());
  }
}

TEST_F(LearnerEngineTest, CheckpointNamesThePolicyOfTheNextEpoch) {
  const std::vector<std::string> lines = Undisturbed().metrics;
  const absl::StatusOr<RunRecord> record =
      ReadRunDirectory(PosixFileSystem(), folder_.File("undisturbed"));
  ASSERT_TRUE(record.ok()) << record.status();
  ASSERT_EQ(record->checkpoints.size(), kEpochs + 1);
  std::vector<std::string> hashes;
  for (const CheckpointSummary& checkpoint : record->checkpoints) {
    hashes.push_back(checkpoint.manifest.policy_hash());
    EXPECT_EQ(checkpoint.manifest.policy_version(), hashes.size() - 1);
  }
  for (uint64_t epoch = 1; epoch <= kEpochs; ++epoch) {
    const std::string collected =
        nlohmann::json::parse(lines[epoch - 1])["policy_hash"];
    EXPECT_EQ(hashes[epoch - 1], collected);
    EXPECT_NE(hashes[epoch], collected);
  }
}

TEST_F(LearnerEngineTest, AnotherSeedGivesAnotherResult) {
  v1::RunConfig config = SmallRunConfig(kEpochs);
  config.mutable_run()->set_seed(99);
  LearnerProcess process(PosixFileSystem(), folder_.File("seed"), config);
  process.AddActor("one");
  ASSERT_THAT(process.PumpToEnd(), IsOkAndHolds(RunEnd::kFinished));
  EXPECT_NE(Fingerprint("seed").parameters_sha256,
            Undisturbed().parameters_sha256);
}

TEST_F(LearnerEngineTest, ResultSurvivesActorsThatComeGoAndSendDamage) {
  SeededRandom random(7);
  auto process = Start("disturbed");
  process->AddActor("a");
  process->AddActor("b");
  // Four epochs take at least 24 steps: each disturbance happens some times.
  int step = 0;
  ASSERT_TRUE(process->PumpUntil([&]() {
    FakeActor& actor = process->actor(random.Below(process->actors()));
    switch (++step % 7) {
      case 1:
        actor.Reconnect();
        break;
      case 3:
        actor.DamageNext();
        break;
      case 4:
        process->AddActor("new" + std::to_string(step));
        break;
      case 6:
        process->RemoveActor(random.Below(process->actors()));
        break;
      default:
        break;
    }
    return process->engine().GetStatus().state() == v1::RUN_STATE_FINISHED;
  }));
  EXPECT_GE(step, 14);
  ASSERT_THAT(process->PumpToEnd(), IsOkAndHolds(RunEnd::kFinished));
  EXPECT_EQ(Fingerprint("disturbed"), Undisturbed());
}

TEST_F(LearnerEngineTest, SilentActorIsBackedUpAndItsLateSegmentIsADuplicate) {
  auto process = Start("silent");
  FakeActor& silent = process->AddActor("silent", 3);
  silent.IgnoreRevocations();
  // It holds leases, then says nothing for longer than a lease lasts.
  ASSERT_TRUE(process->PumpUntil(
      [&]() { return process->engine().GetStatus().blocks_done() == 1; }));
  silent.SetSilent(true);
  process->clock().Advance(7);
  process->AddActor("backup", 1);
  ASSERT_TRUE(process->PumpUntil(
      [&]() { return process->engine().GetStatus().blocks_done() == 2; }));
  silent.SetSilent(false);
  ASSERT_THAT(process->PumpToEnd(), IsOkAndHolds(RunEnd::kFinished));
  EXPECT_EQ(Fingerprint("silent"), Undisturbed());
  // Its other block is a duplicate, too, if the training thread takes its time
  // to end the epoch.
  const std::string counter =
      "kmyriad_learner_segments_total{result=\"duplicate\"} ";
  EXPECT_THAT(process->registry().Text(),
              AnyOf(HasSubstr(counter + "1"), HasSubstr(counter + "2")));
}

TEST_F(LearnerEngineTest, StoppedAfterAnyAmountOfWorkItGoesOnTheSame) {
  for (int work = 1; work < 40; work += 3) {
    const std::string name = "stop" + std::to_string(work);
    absl::StatusOr<RunEnd> end = RunEnd::kStopped;
    int starts = 0;
    while (end.ok() && *end == RunEnd::kStopped) {
      auto process = Start(name);
      ASSERT_THAT(process->status(), IsOk());
      if (process->engine().finished()) break;
      ASSERT_LT(++starts, 200) << "no progress with " << work;
      process->AddActor("a");
      process->AddActor("b", 1);
      // An epoch takes at least a few steps; each start gets some more.
      for (int i = 0; i < work + 20 * starts; ++i) process->Pump();
      process->engine().RequestStop("test");
      end = process->PumpToEnd();
    }
    ASSERT_THAT(end, IsOk());
    EXPECT_EQ(Fingerprint(name), Undisturbed()) << work;
  }
}

TEST_F(LearnerEngineTest, MoreEpochsLaterEqualAllEpochsAtOnce) {
  {
    auto process = Start("more", 2);
    process->AddActor("a");
    ASSERT_THAT(process->PumpToEnd(), IsOkAndHolds(RunEnd::kFinished));
  }
  {
    auto again = Start("more", 2);
    EXPECT_TRUE(again->engine().finished());
  }
  auto process = Start("more", kEpochs);
  EXPECT_FALSE(process->engine().finished());
  process->AddActor("a");
  ASSERT_TRUE(process->PumpUntil(
      [&]() { return process->engine().GetStatus().blocks_done() == 1; }));
  // What is saved is known before the next save.
  const auto metrics = ParsePrometheusText(process->registry().Text());
  ASSERT_THAT(metrics, IsOk());
  EXPECT_EQ(metrics->Value("kmyriad_checkpoint_last_success_env_steps"),
            2 * 200);
  ASSERT_THAT(process->PumpToEnd(), IsOkAndHolds(RunEnd::kFinished));
  EXPECT_EQ(Fingerprint("more"), Undisturbed());
}

TEST_F(LearnerEngineTest, PowerCutAtEveryFileOperationLosesNothing) {
  for (uint64_t cut = 0;; ++cut) {
    const std::string name = "cut" + std::to_string(cut);
    FaultyFileSystem files(PosixFileSystem());
    files.CutPowerAfter(cut);
    bool whole = false;
    {
      auto process = Start(files, name, 2);
      if (process->opened()) {
        process->AddActor("a", 3);
        bool waiting = false;
        ASSERT_TRUE(process->PumpUntil([&]() {
          const v1::Status status = process->engine().GetStatus();
          waiting = status.state() == v1::RUN_STATE_WAITING &&
                    status.message().find("storage") != std::string::npos;
          whole = status.state() == v1::RUN_STATE_FINISHED;
          return waiting || whole || status.state() == v1::RUN_STATE_FAILED;
        }));
      }
    }
    files.RestorePower();
    auto process = Start(name, kEpochs);
    ASSERT_THAT(process->status(), IsOk()) << "cut after " << cut;
    process->AddActor("a");
    ASSERT_THAT(process->PumpToEnd(), IsOkAndHolds(RunEnd::kFinished)) << cut;
    ASSERT_EQ(Fingerprint(name), Undisturbed()) << "cut after " << cut;
    if (whole) {
      EXPECT_GT(cut, 30u);
      break;
    }
  }
}

TEST_F(LearnerEngineTest, FullDiskPausesTheRunUntilThereIsRoom) {
  FaultyFileSystem files(PosixFileSystem());
  FileFault full;
  full.operation = FileOperation::kWriteAndSync;
  full.path = "epoch_000002";
  full.times = 3;
  files.AddFault(full);
  auto process = Start(files, "full");
  process->AddActor("a");
  ASSERT_TRUE(process->PumpUntil([&]() {
    return process->engine().GetStatus().state() == v1::RUN_STATE_WAITING &&
           process->epoch() == 2;
  }));
  EXPECT_THAT(process->engine().GetStatus().message(),
              AllOf(HasSubstr("No space left"), HasSubstr("make room")));
  ASSERT_THAT(process->PumpToEnd(), IsOkAndHolds(RunEnd::kFinished));
  EXPECT_EQ(Fingerprint("full"), Undisturbed());
}

TEST_F(LearnerEngineTest, StoppedWithItsLastEpochUnsavedItIsNotFinished) {
  {
    FaultyFileSystem files(PosixFileSystem());
    FileFault full;
    full.operation = FileOperation::kWriteAndSync;
    full.path = "epoch_000004";
    full.times = 1000;
    files.AddFault(full);
    auto process = Start(files, "unsaved");
    process->AddActor("a");
    ASSERT_TRUE(process->PumpUntil([&]() {
      return process->engine().GetStatus().state() == v1::RUN_STATE_WAITING &&
             process->epoch() == kEpochs;
    }));
    process->engine().RequestStop("test");
    EXPECT_THAT(process->PumpToEnd(), IsOkAndHolds(RunEnd::kStopped));
  }
  auto process = Start("unsaved");
  EXPECT_EQ(process->epoch(), kEpochs - 1);
  process->AddActor("a");
  ASSERT_THAT(process->PumpToEnd(), IsOkAndHolds(RunEnd::kFinished));
  EXPECT_EQ(Fingerprint("unsaved"), Undisturbed());
}

TEST_F(LearnerEngineTest, WaitsForTheEntropyService) {
  auto process = Start("entropy");
  process->entropy().FailNext(3);
  process->AddActor("a");
  ASSERT_TRUE(process->PumpUntil([&]() {
    return process->engine().GetStatus().message().find("entropy service") !=
           std::string::npos;
  }));
  ASSERT_THAT(process->PumpToEnd(), IsOkAndHolds(RunEnd::kFinished));
  EXPECT_EQ(Fingerprint("entropy"), Undisturbed());
}

TEST_F(LearnerEngineTest, DamagedCheckpointFallsBackToTheOneBefore) {
  {
    auto process = Start("damaged", 3);
    process->AddActor("a");
    ASSERT_THAT(process->PumpToEnd(), IsOkAndHolds(RunEnd::kFinished));
  }
  const std::string path =
      folder_.File("damaged/checkpoints/epoch_000003/policy.safetensors");
  KMYRIAD_ASSERT_OK_AND_ASSIGN(std::string bytes,
                               PosixFileSystem().Read(path, 1 << 20));
  bytes.back() ^= 1;
  ASSERT_THAT(PosixFileSystem().WriteAndSync(path, bytes), IsOk());
  auto process = Start("damaged");
  ASSERT_THAT(process->status(), IsOk());
  EXPECT_EQ(process->epoch(), 2u);
  process->AddActor("a");
  ASSERT_THAT(process->PumpToEnd(), IsOkAndHolds(RunEnd::kFinished));
  EXPECT_EQ(Fingerprint("damaged"), Undisturbed());
  EXPECT_TRUE(PosixFileSystem().Exists(
      folder_.File("damaged/checkpoints/set_aside/epoch_000003")));
}

TEST_F(LearnerEngineTest, LostOrUnreadableHeadNameLosesNoEpoch) {
  for (const std::string head : {"", "{\"checkpoint\": \"epoch_3\"}"}) {
    const std::string name = head.empty() ? "lost" : "unreadable";
    {
      auto process = Start(name, 3);
      process->AddActor("a");
      ASSERT_THAT(process->PumpToEnd(), IsOkAndHolds(RunEnd::kFinished));
    }
    const std::string path = folder_.File(name + "/HEAD.json");
    ASSERT_THAT(PosixFileSystem().RemoveAll(path), IsOk());
    if (!head.empty()) {
      ASSERT_THAT(PosixFileSystem().WriteAndSync(path, head), IsOk());
    }
    auto process = Start(name);
    ASSERT_THAT(process->status(), IsOk());
    EXPECT_EQ(process->epoch(), 3u);
    process->AddActor("a");
    ASSERT_THAT(process->PumpToEnd(), IsOkAndHolds(RunEnd::kFinished));
    EXPECT_EQ(Fingerprint(name), Undisturbed());
  }
}

TEST_F(LearnerEngineTest, FailureOfARunThatGoesOnIsNoMatterOfConfiguration) {
  auto process = Start("refused");
  process->entropy().Refuse(absl::InvalidArgumentError("k = 3: too large"));
  FakeActor& actor = process->AddActor("a");
  EXPECT_THAT(process->PumpToEnd(), StatusIs(absl::StatusCode::kInternal,
                                             HasSubstr("k = 3: too large")));
  // Its actors are wanted again once it is mended.
  process->Pump();
  EXPECT_THAT(actor.drained(), Optional(false));
}

TEST_F(LearnerEngineTest, MetricsTellWhatWaitsAndWhoIsLost) {
  auto process = Start("queues");
  FakeActor& actor = process->AddActor("a", 3);
  ASSERT_TRUE(process->PumpUntil(
      [&]() { return process->engine().GetStatus().blocks_done() == 1; }));
  process->engine().Tick();
  const auto value = [&](const std::string& name,
                         const MetricLabels& labels = {}) {
    return ParsePrometheusText(process->registry().Text())->Value(name, labels);
  };
  EXPECT_EQ(value("kmyriad_learner_queue_segments"), 1);
  EXPECT_EQ(value("kmyriad_learner_queue_capacity_segments"), 3);
  EXPECT_GT(value("kmyriad_learner_queue_bytes"), 0);
  EXPECT_EQ(value("kmyriad_learner_segment_age_seconds_count"), 1);
  EXPECT_EQ(value("kmyriad_learner_actors", {{"state", "lost"}}), 0);
  actor.SetSilent(true);
  process->clock().Advance(7);
  process->engine().Tick();
  EXPECT_EQ(value("kmyriad_learner_actors", {{"state", "lost"}}), 1);
  actor.SetSilent(false);
  ASSERT_THAT(process->PumpToEnd(), IsOkAndHolds(RunEnd::kFinished));
  EXPECT_EQ(value("kmyriad_learner_samples_consumed_total"), kEpochs * 200);
  EXPECT_EQ(
      value("kmyriad_learner_samples_dropped_total", {{"reason", "stale"}}), 0);
  EXPECT_EQ(value("kmyriad_exploration_new_cells_total"),
            value("kmyriad_exploration_coverage_cells", {{"scope", "run"}}));
}

TEST_F(LearnerEngineTest, BrokenDeterminismEndsTheRunAndNamesBothActors) {
  auto process = Start("broken");
  FakeActor& wrong = process->AddActor("wrong", 3);
  wrong.ComputeWrongly();
  wrong.IgnoreRevocations();
  ASSERT_TRUE(process->PumpUntil(
      [&]() { return process->engine().GetStatus().blocks_done() == 1; }));
  wrong.SetSilent(true);
  process->AddActor("right", 3);
  process->clock().Advance(7);
  // The blocks that both hold are finished by "right"; then "wrong" wakes up
  // and sends its copy of one that is applied.
  for (int i = 0; i < 4; ++i) process->Pump();
  wrong.SetSilent(false);
  const absl::StatusOr<RunEnd> end = process->PumpToEnd();
  if (end.ok()) GTEST_FAIL() << "the copies never met";
  EXPECT_THAT(end, StatusIs(absl::StatusCode::kInternal,
                            AllOf(HasSubstr("wrong"), HasSubstr("right"))));
}

}  // namespace
}  // namespace kmyriad
