#include "tests/learner/testing/learner_process.h"

#include <chrono>
#include <utility>

#include "common/base/status_macros.h"
#include "common/config/run_config.h"
#include "gtest/gtest.h"
#include "learner/checkpoint/run_directory.h"
#include "learner/run_ledger.h"
#include "learner/run_session.h"
#include "nlohmann/json.hpp"

namespace kmyriad {

v1::RunConfig SmallRunConfig(uint64_t epochs) {
  ConfigSource source;
  source.preset = "point-maze";
  source.overrides = {"env.count=40",        "env.horizon=5",
                      "population.agents=4", "network.trunk=16",
                      "entropy.k=3",         "checkpoint.keep=0",
                      "schedule.epochs=20",  "ppo.minibatches=2"};
  absl::StatusOr<v1::RunConfig> config = LoadRunConfig(source);
  EXPECT_TRUE(config.ok()) << config.status();
  config->mutable_run()->set_epochs(epochs);
  return *config;
}

LearnerProcess::LearnerProcess(FileSystem& files, const std::string& run_dir,
                               const v1::RunConfig& config,
                               OptimizerFactory make_optimizer)
    : config_(config) {
  status_ = Open(files, run_dir, std::move(make_optimizer));
  if (!status_.ok()) return;
  thread_ = std::thread([this]() {
    end_ = engine_->Run();
    ended_ = true;
  });
}

absl::Status LearnerProcess::Open(FileSystem& files, const std::string& run_dir,
                                  OptimizerFactory make_optimizer) {
  RunSessionOptions options;
  options.run_dir = run_dir;
  options.config = config_;
  options.cores = 3;
  options.revision = "test";
  KMYRIAD_ASSIGN_OR_RETURN(RunSession session,
                           OpenRunSession(options, files, clock_));
  KMYRIAD_ASSIGN_OR_RETURN(
      std::unique_ptr<RunLedger> ledger,
      RunLedger::Open(std::move(session.directory),
                      session.config.checkpoint().keep(), clock_));
  EngineOptions engine_options;
  engine_options.config = session.config;
  engine_options.threads = session.threads;
  engine_options.revision = "test";
  engine_ = std::make_unique<LearnerEngine>(engine_options, std::move(ledger),
                                            entropy_, std::move(make_optimizer),
                                            metrics_, clock_);
  return absl::OkStatus();
}

LearnerProcess::~LearnerProcess() {
  if (engine_ != nullptr) {
    engine_->RequestStop("the test ends this process");
    while (!ended_) {
      clock_.Advance(1);
      std::this_thread::yield();
    }
    thread_.join();
  }
  actors_.clear();
}

FakeActor& LearnerProcess::AddActor(const std::string& name,
                                    uint32_t capacity) {
  actors_.push_back(
      std::make_unique<FakeActor>(engine_->hub(), config_, name, capacity));
  return *actors_.back();
}

void LearnerProcess::Pump(double seconds) {
  for (const auto& actor : actors_) actor->Pump();
  clock_.Advance(seconds);
  engine_->Tick();
  std::this_thread::yield();
}

bool LearnerProcess::PumpUntil(const std::function<bool()>& done,
                               double seconds) {
  const auto limit =
      std::chrono::steady_clock::now() + std::chrono::seconds(60);
  while (!done()) {
    if (std::chrono::steady_clock::now() > limit) return false;
    Pump(seconds);
  }
  return true;
}

absl::StatusOr<RunEnd> LearnerProcess::PumpToEnd() {
  if (!status_.ok()) return status_;
  if (!PumpUntil([this]() { return ended_.load(); })) {
    return absl::DeadlineExceededError(engine_->GetStatus().DebugString());
  }
  return end_;
}

uint64_t LearnerProcess::epoch() {
  return engine_->GetStatus().policy_version();
}

RunFingerprint FingerprintOf(const std::string& run_dir, FileSystem& files) {
  RunFingerprint fingerprint;
  const absl::StatusOr<RunRecord> record = ReadRunDirectory(files, run_dir);
  EXPECT_TRUE(record.ok()) << record.status();
  if (!record.ok() || record->checkpoints.empty()) return fingerprint;
  const CheckpointSummary& last = record->checkpoints.back();
  EXPECT_EQ(last.name, record->head.checkpoint());
  const auto verified = VerifyCheckpoint(files, last.folder);
  EXPECT_TRUE(verified.ok()) << verified.status();
  fingerprint.epoch = last.manifest.epoch();
  fingerprint.parameters_sha256 = last.manifest.parameters_sha256();
  fingerprint.optimizer_sha256 = last.manifest.optimizer_sha256();
  for (const std::string& line : record->metrics) {
    nlohmann::json metrics = nlohmann::json::parse(line);
    metrics.erase("seconds");
    metrics.erase("steps_per_second");
    for (const char* key : {"duplicate", "stale", "recomputed"}) {
      metrics["samples"].erase(key);
    }
    fingerprint.metrics.push_back(metrics.dump());
  }
  return fingerprint;
}

}  // namespace kmyriad
