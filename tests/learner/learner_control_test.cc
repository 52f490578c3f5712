#include <functional>
#include <future>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "learner/learner_engine.h"
#include "tests/learner/testing/learner_process.h"
#include "tests/testing/faulty_file_system.h"
#include "tests/testing/prometheus_text.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_dir.h"

namespace kmyriad {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Optional;

template <typename Request>
Request WithId(const std::string& id) {
  Request request;
  request.set_request_id(id);
  return request;
}

v1::RestoreRequest RestoreTo(const std::string& id, const std::string& name,
                             bool dry_run = false) {
  v1::RestoreRequest request = WithId<v1::RestoreRequest>(id);
  request.set_checkpoint(name);
  request.set_dry_run(dry_run);
  return request;
}

// A fake optimiser that says so before it loads a state.
class ObservedOptimizer : public PolicyOptimizer {
 public:
  ObservedOptimizer(std::unique_ptr<PolicyOptimizer> optimizer,
                    std::function<void()> on_load)
      : optimizer_(std::move(optimizer)), on_load_(std::move(on_load)) {}

  absl::StatusOr<PolicyWeights> Policy(
      const std::vector<float>& mean,
      const std::vector<float>& inv_std) override {
    return optimizer_->Policy(mean, inv_std);
  }
  absl::StatusOr<UpdateStats> Update(
      const EpochSamples& samples, uint64_t epoch,
      const std::vector<float>& mean, const std::vector<float>& inv_std,
      const std::function<bool(double)>& progress) override {
    return optimizer_->Update(samples, epoch, mean, inv_std, progress);
  }
  void CopyHeads(const std::vector<HeadCopy>& copies, double noise,
                 uint64_t epoch) override {
    optimizer_->CopyHeads(copies, noise, epoch);
  }
  std::vector<NamedTensor> SaveParameters() override {
    return optimizer_->SaveParameters();
  }
  std::vector<NamedTensor> SaveOptimizer() override {
    return optimizer_->SaveOptimizer();
  }
  absl::Status Load(const std::vector<NamedTensor>& parameters,
                    const std::vector<NamedTensor>& optimizer) override {
    on_load_();
    return optimizer_->Load(parameters, optimizer);
  }

 private:
  const std::unique_ptr<PolicyOptimizer> optimizer_;
  const std::function<void()> on_load_;
};

class LearnerControlTest : public ::testing::Test {
 protected:
  std::unique_ptr<LearnerProcess> Start(const std::string& name,
                                        uint64_t epochs = 4) {
    auto process = std::make_unique<LearnerProcess>(
        PosixFileSystem(), folder_.File(name), SmallRunConfig(epochs));
    EXPECT_THAT(process->status(), IsOk());
    return process;
  }
  RunFingerprint Fingerprint(const std::string& name) {
    return FingerprintOf(folder_.File(name));
  }
  // A run of four epochs in one go.
  RunFingerprint Undisturbed() {
    auto process = Start("undisturbed");
    process->AddActor("a");
    EXPECT_THAT(process->PumpToEnd(), IsOkAndHolds(RunEnd::kFinished));
    process.reset();
    return Fingerprint("undisturbed");
  }

  TempDir folder_;
};

TEST_F(LearnerControlTest, RestoreWhileTheLastEpochIsLoadedIsNotLost) {
  {
    auto process = Start("loading", 3);
    process->AddActor("a");
    ASSERT_THAT(process->PumpToEnd(), IsOkAndHolds(RunEnd::kFinished));
  }
  std::promise<LearnerEngine*> engine;
  bool restored = false;
  const auto restore_once = [&]() {
    if (restored) return;
    restored = true;
    EXPECT_THAT(
        engine.get_future().get()->Restore(RestoreTo("r1", "epoch_000001")),
        IsOk());
  };
  LearnerProcess process(
      PosixFileSystem(), folder_.File("loading"), SmallRunConfig(4),
      [&](const PolicyOptimizerOptions& options)
          -> absl::StatusOr<std::unique_ptr<PolicyOptimizer>> {
        return std::make_unique<ObservedOptimizer>(
            *MakeFakePolicyOptimizer(options), restore_once);
      });
  ASSERT_THAT(process.status(), IsOk());
  engine.set_value(&process.engine());
  process.AddActor("a");
  ASSERT_THAT(process.PumpToEnd(), IsOkAndHolds(RunEnd::kFinished));
  EXPECT_TRUE(restored);
  EXPECT_EQ(Fingerprint("loading"), Undisturbed());
}

TEST_F(LearnerControlTest, PauseHoldsBackLeasesAlsoAfterARestart) {
  {
    auto process = Start("run");
    EXPECT_EQ(process->engine().Pause(WithId<v1::PauseRequest>("p1"))->state(),
              v1::RUN_STATE_PAUSED);
    process->AddActor("a");
    ASSERT_TRUE(process->PumpUntil([&]() {
      return process->engine().GetStatus().state() == v1::RUN_STATE_PAUSED;
    }));
    for (int i = 0; i < 50; ++i) process->Pump();
    EXPECT_EQ(process->engine().GetStatus().blocks_done(), 0u);
  }
  auto process = Start("run");
  process->AddActor("a");
  ASSERT_TRUE(process->PumpUntil([&]() {
    return process->engine().GetStatus().state() == v1::RUN_STATE_PAUSED;
  }));
  // An old answer comes back and changes nothing.
  EXPECT_THAT(process->engine().Resume(WithId<v1::ResumeRequest>("p1")),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("was used for Pause")));
  EXPECT_EQ(process->engine().GetStatus().state(), v1::RUN_STATE_PAUSED);
  EXPECT_THAT(process->engine().Resume(WithId<v1::ResumeRequest>("r1")),
              IsOk());
  EXPECT_THAT(process->engine().Pause(WithId<v1::PauseRequest>("p1")), IsOk());
  ASSERT_THAT(process->PumpToEnd(), IsOkAndHolds(RunEnd::kFinished));
  process.reset();
  EXPECT_EQ(Fingerprint("run"), Undisturbed());
}

TEST_F(LearnerControlTest, RestoreMovesTheRunBackAndSetsLaterOnesAside) {
  auto process = Start("run");
  process->AddActor("a");
  ASSERT_TRUE(process->PumpUntil([&]() { return process->epoch() >= 3; }));
  const auto dry =
      process->engine().Restore(RestoreTo("r0", "epoch_000001", true));
  ASSERT_THAT(dry, IsOk());
  EXPECT_GE(process->epoch(), 3u);
  const auto restored =
      process->engine().Restore(RestoreTo("r1", "epoch_000001"));
  ASSERT_THAT(restored, IsOk());
  EXPECT_EQ(restored->restored().epoch(), 1u);
  EXPECT_EQ(restored->seed(), 1u);
  EXPECT_GE(restored->set_aside_size(), 2);
  EXPECT_EQ(restored->not_restored_size(), 1);
  // HEAD was moved before the answer.
  const auto listed = process->engine().ListCheckpoints();
  ASSERT_EQ(listed->checkpoints_size(), 2);
  EXPECT_TRUE(listed->checkpoints(1).head());
  ASSERT_THAT(process->PumpToEnd(), IsOkAndHolds(RunEnd::kFinished));
  // What is computed again is new once; samples count as often as they come.
  const auto text = ParsePrometheusText(process->registry().Text());
  ASSERT_THAT(text, IsOk());
  EXPECT_EQ(
      text->Value("kmyriad_exploration_new_cells_total"),
      text->Value("kmyriad_exploration_coverage_cells", {{"scope", "run"}}));
  EXPECT_GE(text->Value("kmyriad_learner_samples_consumed_total"), 6 * 200);
  process.reset();
  EXPECT_EQ(Fingerprint("run"), Undisturbed());
  EXPECT_TRUE(PosixFileSystem().Exists(
      folder_.File("run/checkpoints/set_aside/epoch_000003/COMMIT")));
}

TEST_F(LearnerControlTest, RepeatedRestoreAfterARestartHasNoFurtherEffect) {
  v1::RestoreResponse first;
  {
    auto process = Start("run", 2);
    process->AddActor("a");
    ASSERT_TRUE(process->PumpUntil([&]() { return process->epoch() >= 1; }));
    const auto response =
        process->engine().Restore(RestoreTo("same", "epoch_000000"));
    ASSERT_THAT(response, IsOk());
    first = *response;
    ASSERT_THAT(process->PumpToEnd(), IsOkAndHolds(RunEnd::kFinished));
  }
  auto process = Start("run", 4);
  const auto repeat =
      process->engine().Restore(RestoreTo("same", "epoch_000000"));
  ASSERT_THAT(repeat, IsOk());
  EXPECT_EQ(repeat->SerializeAsString(), first.SerializeAsString());
  EXPECT_EQ(process->epoch(), 2u);
}

TEST_F(LearnerControlTest, RestoreRefusesWhatIsNotThereOrDamaged) {
  auto process = Start("run", 2);
  process->AddActor("a");
  ASSERT_THAT(process->PumpToEnd(), IsOkAndHolds(RunEnd::kFinished));
  for (const char* name : {"epoch_000009", "../../etc", "", "epoch_1"}) {
    EXPECT_THAT(process->engine().Restore(RestoreTo("x", name)),
                StatusIs(absl::StatusCode::kNotFound))
        << name;
  }
  const std::string path =
      folder_.File("run/checkpoints/epoch_000001/optimizer.safetensors");
  ASSERT_THAT(PosixFileSystem().Truncate(path, 100), IsOk());
  EXPECT_THAT(
      process->engine().Restore(RestoreTo("x", "epoch_000001")),
      StatusIs(absl::StatusCode::kDataLoss, HasSubstr("has 100 bytes")));
  EXPECT_EQ(process->epoch(), 2u);
}

TEST_F(LearnerControlTest, CheckpointSavesWhatTheIntervalDidNot) {
  v1::RunConfig config = SmallRunConfig(6);
  config.mutable_checkpoint()->set_every(100);
  auto process = std::make_unique<LearnerProcess>(PosixFileSystem(),
                                                  folder_.File("run"), config);
  EXPECT_THAT(process->engine().Checkpoint(WithId<v1::CheckpointRequest>("c0")),
              StatusIs(absl::StatusCode::kFailedPrecondition));
  process->AddActor("a");
  ASSERT_TRUE(process->PumpUntil([&]() { return process->epoch() >= 2; }));
  EXPECT_EQ(process->engine().ListCheckpoints()->checkpoints_size(), 1);
  const auto saved =
      process->engine().Checkpoint(WithId<v1::CheckpointRequest>("c1"));
  ASSERT_THAT(saved, IsOk());
  EXPECT_GE(saved->checkpoint().epoch(), 2u);
  EXPECT_GT(saved->checkpoint().bytes(), 0u);
  const auto repeat =
      process->engine().Checkpoint(WithId<v1::CheckpointRequest>("c1"));
  EXPECT_EQ(repeat->SerializeAsString(), saved->SerializeAsString());
  EXPECT_EQ(process->engine().ListCheckpoints()->checkpoints_size(), 2);
}

TEST_F(LearnerControlTest, StopSavesAnswersAndEndsOnce) {
  v1::RunConfig config = SmallRunConfig(4);
  config.mutable_checkpoint()->set_every(100);
  {
    LearnerProcess process(PosixFileSystem(), folder_.File("run"), config);
    FakeActor& actor = process.AddActor("a");
    ASSERT_TRUE(process.PumpUntil([&]() { return process.epoch() >= 1; }));
    const auto stopped = process.engine().Stop(WithId<v1::StopRequest>("s1"));
    ASSERT_THAT(stopped, IsOk());
    EXPECT_GE(stopped->checkpoint().epoch(), 1u);
    ASSERT_THAT(process.PumpToEnd(), IsOkAndHolds(RunEnd::kStopped));
    process.Pump();
    EXPECT_THAT(actor.drained(), Optional(false));
  }
  LearnerProcess process(PosixFileSystem(), folder_.File("run"), config);
  ASSERT_THAT(process.engine().Stop(WithId<v1::StopRequest>("s1")), IsOk());
  FakeActor& actor = process.AddActor("a");
  ASSERT_THAT(process.PumpToEnd(), IsOkAndHolds(RunEnd::kFinished));
  process.Pump();
  EXPECT_THAT(actor.drained(), Optional(true));
}

TEST_F(LearnerControlTest, RequestIdsAreChecked) {
  auto process = Start("run");
  EXPECT_THAT(process->engine().Pause(WithId<v1::PauseRequest>("")),
              StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(
      process->engine().Pause(WithId<v1::PauseRequest>(std::string(65, 'x'))),
      StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(
      process->engine().Pause(WithId<v1::PauseRequest>(std::string(64, 'x'))),
      IsOk());
}

TEST_F(LearnerControlTest, StorageThatFailsIsUnavailableAndChangesNothing) {
  FaultyFileSystem files(PosixFileSystem());
  LearnerProcess process(files, folder_.File("run"), SmallRunConfig(2));
  FileFault fault;
  fault.operation = FileOperation::kAtomicReplace;
  fault.path = "HEAD.json";
  files.AddFault(fault);
  EXPECT_THAT(process.engine().Pause(WithId<v1::PauseRequest>("p")),
              StatusIs(absl::StatusCode::kUnavailable));
  process.AddActor("a");
  ASSERT_THAT(process.PumpToEnd(), IsOkAndHolds(RunEnd::kFinished));
}

TEST_F(LearnerControlTest, SecondProcessIsRefusedWhileTheFirstRuns) {
  auto process = Start("run");
  LearnerProcess second(PosixFileSystem(), folder_.File("run"),
                        SmallRunConfig(4));
  EXPECT_THAT(second.status(), StatusIs(absl::StatusCode::kUnavailable));
}

TEST_F(LearnerControlTest, ResumeWithAFixedDifferenceIsRefused) {
  Start("run").reset();
  v1::RunConfig config = SmallRunConfig(4);
  config.mutable_ppo()->set_clip(0.3);
  LearnerProcess process(PosixFileSystem(), folder_.File("run"), config);
  EXPECT_THAT(process.status(), StatusIs(absl::StatusCode::kFailedPrecondition,
                                         HasSubstr("ppo.clip")));
  v1::RunConfig free = SmallRunConfig(9);
  free.mutable_actors()->set_count(7);
  LearnerProcess again(PosixFileSystem(), folder_.File("run"), free);
  EXPECT_THAT(again.status(), IsOk());
}

TEST_F(LearnerControlTest, ActorsThatDoNotFitAreRefusedByName) {
  auto process = Start("run");
  process->AddActor("good");
  ASSERT_TRUE(process->PumpUntil([&]() { return process->epoch() >= 1; }));
  const v1::RunConfig config = SmallRunConfig(4);
  struct Case {
    std::string what;
    absl::StatusCode code;
    v1::Hello hello;
  };
  std::vector<Case> cases;
  const auto add = [&](const std::string& what, absl::StatusCode code,
                       const std::function<void(v1::Hello&)>& change) {
    cases.push_back({what, code, FakeHello(config, "bad", 1)});
    change(cases.back().hello);
  };
  const auto precondition = absl::StatusCode::kFailedPrecondition;
  const auto invalid = absl::StatusCode::kInvalidArgument;
  add("protocol_version = 2", precondition,
      [](v1::Hello& hello) { hello.set_protocol_version(2); });
  add("config_hash", precondition,
      [](v1::Hello& hello) { hello.set_config_hash(std::string(32, 'c')); });
  add("config_hash", invalid,
      [](v1::Hello& hello) { hello.set_config_hash("short"); });
  add("backend = simd", precondition,
      [](v1::Hello& hello) { hello.set_backend("simd"); });
  add("fingerprint", precondition,
      [](v1::Hello& hello) { hello.set_fingerprint(std::string(32, 'f')); });
  add("golden_digest", precondition,
      [](v1::Hello& hello) { hello.set_golden_digest(std::string(32, 'g')); });
  add("environment", precondition,
      [](v1::Hello& hello) { hello.mutable_environment()->set_start_x(1); });
  add("capacity_blocks = 0", invalid,
      [](v1::Hello& hello) { hello.set_capacity_blocks(0); });
  add("actor_id", invalid, [](v1::Hello& hello) { hello.clear_actor_id(); });
  for (const Case& entry : cases) {
    auto connection = std::make_shared<FakeConnection>();
    const StreamId id = process->engine().hub().OnConnect(connection);
    process->engine().hub().OnHello(id, entry.hello);
    ASSERT_TRUE(connection->closed().has_value()) << entry.what;
    EXPECT_THAT(*connection->closed(),
                StatusIs(entry.code, HasSubstr(entry.what)));
    process->engine().hub().OnGone(id, "refused");
  }
  ASSERT_THAT(process->PumpToEnd(), IsOkAndHolds(RunEnd::kFinished));
}

TEST_F(LearnerControlTest, NewerStreamOfAnActorWins) {
  auto process = Start("run");
  FakeActor& older = process->AddActor("same");
  FakeActor& newer = process->AddActor("same");
  EXPECT_THAT(*older.closed(), StatusIs(absl::StatusCode::kAborted));
  ASSERT_THAT(process->PumpToEnd(), IsOkAndHolds(RunEnd::kFinished));
  EXPECT_FALSE(newer.closed().has_value());
}

TEST_F(LearnerControlTest, PolicyIsSentTwiceAtMostPerEpoch) {
  auto process = Start("run");
  FakeActor& actor = process->AddActor("one", 1);
  ASSERT_THAT(process->PumpToEnd(), IsOkAndHolds(RunEnd::kFinished));
  process->Pump();
  EXPECT_LE(actor.snapshots(), 2 * 4);
  EXPECT_EQ(actor.ack().segments(), 3u * 4);
}

}  // namespace
}  // namespace kmyriad
