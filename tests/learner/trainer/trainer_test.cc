#include "learner/trainer/trainer.h"

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "tests/learner/testing/fake_policy_optimizer.h"
#include "tests/learner/testing/learner_process.h"
#include "tests/testing/status_matchers.h"

namespace kmyriad {
namespace {

using ::testing::HasSubstr;

// Keeps the rewards that an update sees; learns nothing.
class RewardRecorder : public PolicyOptimizer {
 public:
  // `evaluated`: asks what the epoch is worth under equal weights.
  explicit RewardRecorder(std::vector<float>* rewards,
                          absl::StatusOr<WeightedValue>* evaluated = nullptr,
                          std::vector<uint8_t>* trained = nullptr)
      : rewards_(rewards), evaluated_(evaluated), trained_(trained) {}
  absl::StatusOr<PolicyWeights> Policy(const std::vector<float>&,
                                       const std::vector<float>&) override {
    return PolicyWeights();
  }
  absl::StatusOr<UpdateStats> Update(
      const EpochSamples& samples, uint64_t, const std::vector<float>&,
      const std::vector<float>&, const std::function<bool(double)>&) override {
    const size_t count = size_t{samples.envs} * samples.horizon;
    rewards_->assign(samples.rewards, samples.rewards + count);
    if (trained_ != nullptr) {
      trained_->assign(samples.trained, samples.trained + 4);
    }
    if (evaluated_ != nullptr) {
      *evaluated_ = samples.evaluate(std::vector<float>(count, 0.5f));
      if (!evaluated_->ok()) return evaluated_->status();
    }
    return UpdateStats();
  }
  void CopyHeads(const std::vector<HeadCopy>&, double, uint64_t) override {}
  std::vector<NamedTensor> SaveParameters() override { return {}; }
  std::vector<NamedTensor> SaveOptimizer() override { return {}; }
  absl::Status Load(const std::vector<NamedTensor>&,
                    const std::vector<NamedTensor>&) override {
    return absl::OkStatus();
  }

 private:
  std::vector<float>* const rewards_;
  absl::StatusOr<WeightedValue>* const evaluated_;
  std::vector<uint8_t>* const trained_;
};

class Monitor : public TrainingMonitor {
 public:
  bool OnProgress(TrainingPhase phase, double) override {
    return phase != stop_in;
  }
  bool WaitForEntropyService(absl::string_view, double) override {
    ++waits;
    return waits < 3;
  }
  int waits = 0;
  absl::optional<TrainingPhase> stop_in;
};

class TrainerTest : public ::testing::Test {
 protected:
  TrainerTest() : buffer_(Shape()) {
    for (size_t i = 0; i < buffer_.features.size(); ++i) {
      buffer_.features[i] = static_cast<float>(i % 97) / 97.0f;
      buffer_.observations[i] = static_cast<float>(i % 89) / 89.0f;
    }
    buffer_.flags[3] = kSampleOutside;
    buffer_.flags[7] = kSampleNonfinite | kSampleUpsideDown;
    buffer_.flags[8] = kSampleUpsideDown;
  }
  static EpochShape Shape() { return {40, 5, 2, 2, 2}; }
  Trainer Make(const v1::RunConfig& config) {
    auto options = MakeOptimizerOptions(config, FakeEnvironment(), 1);
    return Trainer(config, FakeEnvironment(), Uuid(),
                   *MakeFakePolicyOptimizer(*options), entropy_, clock_);
  }
  Trainer MakeRecorder(const v1::RunConfig& config) {
    return Trainer(config, FakeEnvironment(), Uuid(),
                   std::make_unique<RewardRecorder>(&rewards_), entropy_,
                   clock_);
  }
  static std::string State(const Trainer& trainer) {
    CheckpointContent content;
    trainer.Capture(&content);
    std::string bytes;
    for (const auto* group : {&content.parameters, &content.optimizer,
                              &content.normalizer, &content.coverage}) {
      for (const NamedTensor& tensor : *group) {
        bytes.append(tensor.data.begin(), tensor.data.end());
      }
    }
    return bytes;
  }

  FakeClock clock_;
  FakeEntropyClient entropy_;
  Monitor monitor_;
  EpochBuffer buffer_;
  std::vector<float> rewards_;
};

TEST_F(TrainerTest, RewardsAreDividedByThePoolsStandardDeviation) {
  entropy_.SetSpread(4);
  Trainer trainer = MakeRecorder(SmallRunConfig(1));
  ASSERT_THAT(trainer.Step(1, buffer_, monitor_), IsOk());
  EXPECT_FLOAT_EQ(rewards_[1], buffer_.features[2] / 4);
  EXPECT_FLOAT_EQ(rewards_[3], -2.5f);  // masked: the lowest
  // Particles that all lie alike teach nothing.
  entropy_.SetSpread(0);
  ASSERT_THAT(trainer.Step(2, buffer_, monitor_), IsOk());
  EXPECT_TRUE(std::all_of(rewards_.begin(), rewards_.end(),
                          [](float reward) { return reward == 0; }));
}

TEST_F(TrainerTest, RequestCarriesParticlesMaskAndSettings) {
  Trainer trainer = MakeRecorder(SmallRunConfig(1));
  ASSERT_THAT(trainer.Step(6, buffer_, monitor_), IsOk());
  const ScoreRequest& request = entropy_.last_request();
  EXPECT_EQ(request.epoch, 6u);
  EXPECT_EQ(request.envs, 40u);
  EXPECT_EQ(request.agents, 4u);
  EXPECT_EQ(request.k, 3u);
  EXPECT_TRUE(request.collective);
  EXPECT_EQ(request.particles, buffer_.features.data());
}

TEST_F(TrainerTest, ReportCountsMaskedAndUpsideDown) {
  Trainer trainer = MakeRecorder(SmallRunConfig(1));
  const auto report = trainer.Step(2, buffer_, monitor_);
  ASSERT_THAT(report, IsOk());
  EXPECT_EQ(report->masked, 2u);
  EXPECT_DOUBLE_EQ(report->upside_down, 2.0 / 200);
  EXPECT_EQ(report->env_steps, 200u);
  EXPECT_EQ(report->coverage_ever, 1.0);
  EXPECT_GT(report->cells_ever, 0u);
  EXPECT_EQ(report->new_cells, report->cells_ever);
  const auto again = trainer.Step(3, buffer_, monitor_);
  ASSERT_THAT(again, IsOk());
  EXPECT_EQ(again->cells_ever, report->cells_ever);
  EXPECT_EQ(again->new_cells, 0u);
  EXPECT_EQ(again->env_steps, 400u);
  const auto line = nlohmann::json::parse(FormatMetricsLine(*report));
  for (const char* key : {"epoch",
                          "policy_version",
                          "env_steps",
                          "entropy_nats",
                          "grid_entropy_nats",
                          "coverage",
                          "coverage_ever",
                          "cells_ever",
                          "new_cells",
                          "diversity_nats",
                          "diversity_null_nats",
                          "kl_mean",
                          "reward_mean",
                          "upside_down",
                          "samples",
                          "seconds",
                          "steps_per_second",
                          "ratio_max_error",
                          "explained_variance",
                          "learning_rate",
                          "action_std",
                          "policy_hash"}) {
    EXPECT_TRUE(line.contains(key)) << key;
  }
}

TEST_F(TrainerTest, ShufflingDealsUnmaskedRewardsOutAnew) {
  std::vector<float> rewards;
  std::vector<uint8_t> mask;
  for (int i = 0; i < 1000; ++i) {
    rewards.push_back(static_cast<float>(i));
    mask.push_back(i % 10 == 0 ? 0 : 1);
  }
  std::vector<float> shuffled = rewards, again = rewards, later = rewards;
  ShuffleRewards(5, 1, mask, &shuffled);
  ShuffleRewards(5, 1, mask, &again);
  ShuffleRewards(5, 2, mask, &later);
  EXPECT_EQ(shuffled, again);
  EXPECT_NE(shuffled, later);
  int moved = 0;
  for (int i = 0; i < 1000; ++i) {
    if (mask[i] == 0) {
      EXPECT_EQ(shuffled[i], rewards[i]);
    }
    moved += shuffled[i] != rewards[i] ? 1 : 0;
  }
  EXPECT_GT(moved, 850);
  std::sort(shuffled.begin(), shuffled.end());
  EXPECT_EQ(shuffled, rewards);
}

TEST_F(TrainerTest, NormalizerFreezesAfterATenthOfTheSchedule) {
  EXPECT_EQ(NormalizerEpochs(3), 1u);
  EXPECT_EQ(NormalizerEpochs(20), 2u);
  Trainer trainer = Make(SmallRunConfig(9));
  const auto mean = [&trainer]() { return trainer.Policy()->normalizer_mean; };
  std::vector<std::vector<float>> means = {mean()};
  for (uint64_t epoch = 1; epoch <= 4; ++epoch) {
    for (float& value : buffer_.observations) value += 1;
    ASSERT_THAT(trainer.Step(epoch, buffer_, monitor_), IsOk());
    means.push_back(mean());
  }
  EXPECT_NE(means[0], means[1]);
  EXPECT_NE(means[1], means[2]);
  EXPECT_EQ(means[2], means[3]);
  EXPECT_EQ(means[3], means[4]);
  // The fixed column never moves.
  EXPECT_EQ(means[4][0], means[0][0]);
}

TEST_F(TrainerTest, AbandonedOrFailedStepsChangeNothing) {
  Trainer trainer = Make(SmallRunConfig(9));
  ASSERT_THAT(trainer.Step(1, buffer_, monitor_), IsOk());
  const std::string before = State(trainer);
  for (const TrainingPhase phase :
       {TrainingPhase::kScore, TrainingPhase::kUpdate}) {
    monitor_.stop_in = phase;
    EXPECT_THAT(trainer.Step(2, buffer_, monitor_),
                StatusIs(absl::StatusCode::kCancelled));
    EXPECT_EQ(State(trainer), before);
  }
  monitor_.stop_in.reset();
  entropy_.FailNext(100);
  EXPECT_THAT(trainer.Step(2, buffer_, monitor_),
              StatusIs(absl::StatusCode::kCancelled));
  EXPECT_EQ(monitor_.waits, 3);
  EXPECT_EQ(State(trainer), before);
}

TEST_F(TrainerTest, CapturedStateGoesOnTheSame) {
  const v1::RunConfig config = SmallRunConfig(9);
  Trainer first = Make(config);
  ASSERT_THAT(first.Step(1, buffer_, monitor_), IsOk());
  CheckpointContent content;
  first.Capture(&content);
  Trainer second = Make(config);
  ASSERT_THAT(second.Restore(content), IsOk());
  EXPECT_EQ(State(second), State(first));
  ASSERT_THAT(first.Step(2, buffer_, monitor_), IsOk());
  ASSERT_THAT(second.Step(2, buffer_, monitor_), IsOk());
  EXPECT_EQ(State(second), State(first));
}

// The epochs before may have been larger: this is a fork.
TEST_F(TrainerTest, EnvironmentStepsGoOnWhereTheCheckpointEnds) {
  Trainer first = Make(SmallRunConfig(9));
  KMYRIAD_ASSERT_OK_AND_ASSIGN(EpochReport report,
                               first.Step(1, buffer_, monitor_));
  EXPECT_EQ(report.env_steps, report.epoch_steps);
  CheckpointContent content;
  first.Capture(&content);
  EXPECT_EQ(content.manifest.env_steps(), report.epoch_steps);
  content.manifest.set_env_steps(1000000);
  Trainer second = Make(SmallRunConfig(9));
  ASSERT_THAT(second.Restore(content), IsOk());
  KMYRIAD_ASSERT_OK_AND_ASSIGN(report, second.Step(2, buffer_, monitor_));
  EXPECT_EQ(report.env_steps, 1000000 + report.epoch_steps);
}

TEST_F(TrainerTest, RestoreNamesWhatIsMissingAndChangesNothing) {
  Trainer trainer = Make(SmallRunConfig(9));
  CheckpointContent content;
  trainer.Capture(&content);
  const std::string before = State(trainer);
  ASSERT_THAT(trainer.Step(1, buffer_, monitor_), IsOk());
  const std::string after = State(trainer);
  CheckpointContent missing = content;
  missing.coverage.pop_back();
  EXPECT_THAT(trainer.Restore(missing),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("cell_visits_total")));
  CheckpointContent other = content;
  other.parameters[0].data.pop_back();
  EXPECT_FALSE(trainer.Restore(other).ok());
  EXPECT_EQ(State(trainer), after);
  ASSERT_THAT(trainer.Restore(content), IsOk());
  EXPECT_EQ(State(trainer), before);
}

TEST_F(TrainerTest, AWindowIsSentAndSurvivesACheckpoint) {
  v1::RunConfig config = SmallRunConfig(9);
  config.mutable_entropy()->set_window(3);
  config.mutable_entropy()->set_theiler_window(2);
  config.mutable_entropy()->set_engine("kd_tree");
  config.mutable_entropy()->add_periods(0);
  config.mutable_entropy()->add_periods(3);
  config.mutable_entropy()->set_divergences(true);
  Trainer first = Make(config);
  for (uint64_t epoch = 1; epoch <= 4; ++epoch) {
    ASSERT_THAT(first.Step(epoch, buffer_, monitor_), IsOk());
    EXPECT_EQ(entropy_.last_request().window, std::min<uint64_t>(epoch, 3));
    EXPECT_EQ(entropy_.last_request().theiler_window, 2u);
    EXPECT_EQ(entropy_.last_request().engine, "kd_tree");
    EXPECT_EQ(entropy_.last_request().periods, (std::vector<float>{0, 3}));
    EXPECT_TRUE(entropy_.last_request().measure_divergences);
  }
  // An abandoned step leaves the window alone.
  monitor_.stop_in = TrainingPhase::kUpdate;
  const std::string before = State(first);
  EXPECT_FALSE(first.Step(5, buffer_, monitor_).ok());
  EXPECT_EQ(State(first), before);
  monitor_.stop_in.reset();
  CheckpointContent content;
  first.Capture(&content);
  EXPECT_EQ(content.coverage.back().name, "window_mask");
  EXPECT_EQ(content.coverage.back().shape, (std::vector<int64_t>{2, 200}));
  Trainer second = Make(config);
  ASSERT_THAT(second.Restore(content), IsOk());
  EXPECT_EQ(State(second), before);
  ASSERT_THAT(second.Step(5, buffer_, monitor_), IsOk());
  EXPECT_EQ(entropy_.last_request().window, 3u);
}

TEST_F(TrainerTest, ATaskPaysTheGoalInPlaceOfTheEntropy) {
  v1::RunConfig config = SmallRunConfig(1);
  config.mutable_task()->set_goal("G");
  config.mutable_task()->set_radius(0.02f);
  config.mutable_task()->set_critic_warmup(0);
  EnvironmentSpec environment = FakeEnvironment();
  // At the features of sample 11, the second of its env; those of the first
  // are 0.029 away. Far from the start.
  environment.goals = {{"G", buffer_.features[22], buffer_.features[23], 1}};
  environment.start_x = 4;
  Trainer trainer(config, environment, Uuid(),
                  std::make_unique<RewardRecorder>(&rewards_), entropy_,
                  clock_);
  ASSERT_THAT(trainer.StartTask(), IsOk());
  const auto report = trainer.Step(1, buffer_, monitor_);
  ASSERT_THAT(report, IsOk());
  EXPECT_EQ(rewards_[11], 1);
  ASSERT_TRUE(report->task.has_value());
  EXPECT_GT(report->task->success, 0);
  EXPECT_DOUBLE_EQ(
      40 * report->task->success,
      static_cast<double>(std::count(rewards_.begin(), rewards_.end(), 1.0f)));
  const auto line = nlohmann::json::parse(FormatMetricsLine(*report));
  EXPECT_EQ(line["success"], report->task->success);
  config.mutable_task()->set_goal("H");
  Trainer lost(config, environment, Uuid(),
               std::make_unique<RewardRecorder>(&rewards_), entropy_, clock_);
  EXPECT_THAT(lost.StartTask(), StatusIs(absl::StatusCode::kInvalidArgument,
                                         HasSubstr("goal H")));
}

TEST_F(TrainerTest, AnObjectiveOnWeightsAsksTheServiceAboutTheScoredEpoch) {
  v1::RunConfig config = SmallRunConfig(1);
  config.mutable_objective()->set_kind("iw_entropy");
  for (const char* form : {"self_normalized", "mepol"}) {
    config.mutable_objective()->set_form(form);
    absl::StatusOr<WeightedValue> value = absl::UnknownError("not asked");
    Trainer trainer(config, FakeEnvironment(), Uuid(),
                    std::make_unique<RewardRecorder>(&rewards_, &value),
                    entropy_, clock_);
    ASSERT_THAT(trainer.Step(3, buffer_, monitor_), IsOk());
    ASSERT_THAT(value, IsOk());
    EXPECT_EQ(value->state_kl_nats, 0.25);
    const float sign = std::string(form) == "mepol" ? -1 : 1;
    EXPECT_EQ(value->entropy_gradient[1], sign * buffer_.features[2]);
    EXPECT_EQ(entropy_.last_request().epoch, 3u);
    EXPECT_TRUE(entropy_.last_request().keep_neighbors);
    // The service goes away in between, and the wait is given up.
    monitor_.waits = 2;
    entropy_.FailNext(2);
    EXPECT_THAT(trainer.Step(4, buffer_, monitor_),
                StatusIs(absl::StatusCode::kCancelled));
    entropy_.FailNext(0);
    monitor_.waits = 0;
  }
}

TEST_F(TrainerTest, AnObjectiveOnWeightsNeedsTwoParticlesOfAnAgent) {
  v1::RunConfig config = SmallRunConfig(1);
  config.mutable_objective()->set_kind("iw_entropy");
  std::vector<uint8_t> trained;
  Trainer trainer(
      config, FakeEnvironment(), Uuid(),
      std::make_unique<RewardRecorder>(&rewards_, nullptr, &trained), entropy_,
      clock_);
  // Of agents with 50 particles each, these leave 0, 1 and 2.
  std::fill(buffer_.flags.begin(), buffer_.flags.begin() + 148,
            uint8_t{kSampleOutside});
  buffer_.flags[50] = 0;
  ASSERT_THAT(trainer.Step(1, buffer_, monitor_), IsOk());
  EXPECT_EQ(trained, (std::vector<uint8_t>{0, 0, 1, 1}));
  buffer_.flags[51] = 0;
  ASSERT_THAT(trainer.Step(2, buffer_, monitor_), IsOk());
  EXPECT_EQ(trained, (std::vector<uint8_t>{0, 1, 1, 1}));
}

// The heads' states: of the task, of the pretraining.
class TaskTrainerTest : public TrainerTest {
 protected:
  TaskTrainerTest()
      : config_(SmallRunConfig(9)), environment_(FakeEnvironment()) {
    config_.mutable_task()->set_goal("G");
    config_.mutable_task()->set_radius(0.02f);
    config_.mutable_task()->set_critic_warmup(0);
    config_.mutable_task()->set_migrate_after(1);
    // Agent 0 gets there (see above), the others do not.
    environment_.goals = {{"G", buffer_.features[22], buffer_.features[23], 1}};
    environment_.start_x = 4;
    for (size_t i = 2 * 50; i < buffer_.features.size(); ++i) {
      buffer_.features[i] = 3;
    }
  }
  std::unique_ptr<Trainer> MakeTask(const std::vector<NamedTensor>& initial) {
    auto options = MakeOptimizerOptions(config_, environment_, 1);
    auto trainer = std::make_unique<Trainer>(config_, environment_, Uuid(),
                                             *MakeFakePolicyOptimizer(*options),
                                             entropy_, clock_);
    EXPECT_THAT(trainer->StartTask(), IsOk());
    EXPECT_THAT(trainer->WatchForgetting(initial), IsOk());
    return trainer;
  }
  v1::RunConfig config_;
  EnvironmentSpec environment_;
};

TEST_F(TaskTrainerTest, MigrationAndForgettingAreReportedAndGoOnTheSame) {
  const std::vector<float> states = {0.1f, 0.2f, 0.7f, 0.4f};
  const auto initial =
      ForgettingMonitor::MakeTensors(*MakeTask({})->Policy(), states);
  ASSERT_THAT(initial, IsOk());
  const auto first = MakeTask(*initial);
  auto report = first->Step(1, buffer_, monitor_);
  ASSERT_THAT(report, IsOk());
  // A quarter of four is one; two may descend from the same.
  EXPECT_EQ(report->task->migrated, 1u);
  ASSERT_TRUE(report->forgetting.has_value());
  EXPECT_GT(report->forgetting->kl_nats, 0);
  EXPECT_EQ(report->forgetting->coverage_loss, 0);
  CheckpointContent content;
  first->Capture(&content);
  const auto second = MakeTask(*initial);
  ASSERT_THAT(second->Restore(content), IsOk());
  EXPECT_EQ(State(*second), State(*first));
  // Fewer cells than in the first epoch.
  for (float& feature : buffer_.features) feature = 0.0005f;
  report = first->Step(2, buffer_, monitor_);
  const auto again = second->Step(2, buffer_, monitor_);
  ASSERT_THAT(report, IsOk());
  ASSERT_THAT(again, IsOk());
  EXPECT_GT(report->forgetting->coverage_loss, 0);
  EXPECT_EQ(FormatMetricsLine(*report), FormatMetricsLine(*again));
  EXPECT_EQ(State(*second), State(*first));
  const auto line = nlohmann::json::parse(FormatMetricsLine(*report));
  EXPECT_TRUE(line.contains("pretrained_kl_nats"));
  EXPECT_TRUE(line.contains("coverage_loss"));
  EXPECT_EQ(line["migrated"], 0);
  // State that the run does not have is missed.
  content.optimizer.pop_back();
  EXPECT_THAT(first->Restore(content),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("migration.founders")));
}

// initial.safetensors may be missing for a while.
TEST_F(TaskTrainerTest, WhatTheFirstEpochVisitedIsKeptWhileNothingWatches) {
  const auto initial = ForgettingMonitor::MakeTensors(*MakeTask({})->Policy(),
                                                      {0.1f, 0.2f, 0.7f, 0.4f});
  ASSERT_THAT(initial, IsOk());
  const auto first = MakeTask(*initial);
  ASSERT_THAT(first->Step(1, buffer_, monitor_), IsOk());
  CheckpointContent content;
  first->Capture(&content);
  const auto blind = MakeTask({});
  ASSERT_THAT(blind->Restore(content), IsOk());
  EXPECT_EQ(State(*blind), State(*first));
  const auto unreported = blind->Step(2, buffer_, monitor_);
  ASSERT_THAT(unreported, IsOk());
  EXPECT_FALSE(unreported->forgetting.has_value());
  ASSERT_THAT(first->Step(2, buffer_, monitor_), IsOk());
  EXPECT_EQ(State(*blind), State(*first));
  content = {};
  blind->Capture(&content);
  const auto seeing = MakeTask(*initial);
  ASSERT_THAT(seeing->Restore(content), IsOk());
  const auto report = seeing->Step(3, buffer_, monitor_);
  ASSERT_THAT(report, IsOk());
  ASSERT_TRUE(report->forgetting.has_value());
  EXPECT_EQ(report->forgetting->coverage_loss, 0);
  // A run that never watched has no such number, and needs none.
  const auto never = MakeTask({});
  ASSERT_THAT(never->Step(1, buffer_, monitor_), IsOk());
  content = {};
  never->Capture(&content);
  EXPECT_EQ(FindTensor(content.coverage, "first_cells"), nullptr);
  EXPECT_THAT(MakeTask({})->Restore(content), IsOk());
}

TEST_F(TaskTrainerTest, ALaterRoundHasNoFirstEpochToLoseCoverageFrom) {
  auto initial = ForgettingMonitor::MakeTensors(*MakeTask({})->Policy(),
                                                {0.1f, 0.2f, 0.7f, 0.4f});
  ASSERT_THAT(initial, IsOk());
  // What tells it from a first round is the critic.
  initial->push_back({"embedding", TensorType::kFloat32, {1, 1}, {0, 0, 0, 0}});
  const auto trainer = MakeTask(*initial);
  const auto report = trainer->Step(1, buffer_, monitor_);
  ASSERT_THAT(report, IsOk());
  EXPECT_GT(report->forgetting->kl_nats, 0);
  EXPECT_FALSE(report->forgetting->coverage_loss.has_value());
  const auto line = nlohmann::json::parse(FormatMetricsLine(*report));
  EXPECT_TRUE(line.contains("pretrained_kl_nats"));
  EXPECT_FALSE(line.contains("coverage_loss"));
  CheckpointContent content;
  trainer->Capture(&content);
  EXPECT_EQ(FindTensor(content.coverage, "first_cells"), nullptr);
  const auto again = MakeTask(*initial);
  ASSERT_THAT(again->Restore(content), IsOk());
  EXPECT_EQ(State(*again), State(*trainer));
}

TEST_F(TrainerTest, AnAdoptedNormaliserStaysAsItIs) {
  Trainer source = Make(SmallRunConfig(1));
  ASSERT_THAT(source.Step(1, buffer_, monitor_), IsOk());
  CheckpointContent content;
  source.Capture(&content);
  std::vector<NamedTensor> tensors = content.parameters;
  tensors.insert(tensors.end(), content.normalizer.begin(),
                 content.normalizer.end());
  Trainer trainer = Make(SmallRunConfig(1));
  ASSERT_THAT(trainer.Adopt(tensors), IsOk());
  const auto mean = trainer.Policy()->normalizer_mean;
  EXPECT_EQ(mean, source.Policy()->normalizer_mean);
  ASSERT_THAT(trainer.Step(1, buffer_, monitor_), IsOk());
  EXPECT_EQ(trainer.Policy()->normalizer_mean, mean);
  tensors.pop_back();
  EXPECT_FALSE(trainer.Adopt(tensors).ok());
}

}  // namespace
}  // namespace kmyriad
