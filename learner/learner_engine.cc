#include "learner/learner_engine.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/time.h"
#include "common/base/logging.h"
#include "common/base/status_macros.h"
#include "common/config/run_config.h"
#include "common/rpc/message_codec.h"
#include "learner/checkpoint/tensor_digest.h"

namespace kmyriad {
namespace {

// Between looks at what is waited for; progress wakes the thread at once.
constexpr double kLookSeconds = 0.5;
// First and longest wait before a failed save is tried again.
constexpr double kFirstSaveRetrySeconds = 1;
constexpr double kMaxSaveRetrySeconds = 30;

HubOptions MakeHubOptions(const v1::RunConfig& config) {
  HubOptions options;
  options.envs = config.env().count();
  options.horizon = config.env().horizon();
  options.agents = config.population().agents();
  options.config_hash = RolloutConfigHash(config);
  options.backend = config.physics().backend();
  options.seed = config.run().seed();
  options.credit_bytes = config.rpc().credit_bytes();
  options.batch_bytes = config.rpc().batch_bytes();
  options.heartbeat_seconds = config.rpc().heartbeat_seconds();
  options.min_lease_seconds = config.rpc().min_lease_seconds();
  return options;
}

// What fails once a run goes on is nothing that its configuration could mend,
// whatever the code says: exit codes follow the codes.
absl::Status AsFailure(const absl::Status& status) {
  return status.ok() ? status : absl::InternalError(status.message());
}

const char* StateName(v1::RunState state) {
  switch (state) {
    case v1::RUN_STATE_RUNNING:
      return "running";
    case v1::RUN_STATE_PAUSED:
      return "paused";
    case v1::RUN_STATE_WAITING:
      return "waiting";
    case v1::RUN_STATE_DRAINING:
      return "draining";
    case v1::RUN_STATE_FINISHED:
      return "finished";
    case v1::RUN_STATE_FAILED:
      return "failed";
    default:
      return "pending";
  }
}

}  // namespace

LearnerEngine::LearnerEngine(const EngineOptions& options,
                             std::unique_ptr<RunLedger> ledger,
                             EntropyClient& entropy,
                             OptimizerFactory make_optimizer,
                             LearnerMetrics& metrics, const Clock& clock)
    : options_(options),
      ledger_(std::move(ledger)),
      entropy_(entropy),
      make_optimizer_(std::move(make_optimizer)),
      metrics_(metrics),
      clock_(clock),
      start_(clock.MonotonicSeconds()),
      events_(clock),
      hub_(MakeHubOptions(options.config), clock, policy_, metrics, *this) {
  paused_ = ledger_->paused();
  metrics_.SetState(StateName(v1::RUN_STATE_STARTING));
  metrics_.storage_writable.Set(1);
  SetLogRun(ledger_->manifest().run_uuid());
  metrics_.SetRun(ledger_->manifest().name(), options.config.env().task(),
                  options.config.run().seed(),
                  options.config.population().agents(),
                  ToHex(RolloutConfigHash(options.config)));
}

bool LearnerEngine::finished() const {
  return ledger_->last() != nullptr &&
         FinishedEpoch() >= options_.config.run().epochs();
}

uint64_t LearnerEngine::FinishedEpoch() const {
  const std::shared_ptr<const CheckpointContent> last = ledger_->last();
  return last == nullptr ? 0 : last->manifest.epoch();
}

double LearnerEngine::ElapsedSeconds() const {
  return base_elapsed_ + clock_.MonotonicSeconds() - start_;
}

absl::StatusOr<RunEnd> LearnerEngine::Run() {
  absl::StatusOr<RunEnd> end = Train();
  if (!end.ok()) {
    SetState(v1::RUN_STATE_FAILED, std::string(end.status().message()));
    events_.Publish(v1::Event::WARNING,
                    absl::StrCat("the run failed: ", end.status().message()));
    hub_.Drain(std::string(end.status().message()), /*complete=*/false);
  }
  events_.Close();
  return end;
}

absl::StatusOr<RunEnd> LearnerEngine::Train() {
  absl::Status prepared = Prepare();
  if (absl::IsCancelled(prepared) && stopping()) return EndRun();
  KMYRIAD_RETURN_IF_ERROR(prepared);
  while (true) {
    // First: what cancels from here on is seen below, or cuts the epoch.
    entropy_.ClearCancel();
    KMYRIAD_RETURN_IF_ERROR(AsFailure(TakeRestore()));
    if (stopping() || finished()) return EndRun();
    const absl::Status status = TrainEpoch(FinishedEpoch() + 1);
    {
      absl::MutexLock lock(&mutex_);
      KMYRIAD_RETURN_IF_ERROR(broken_);
    }
    // An epoch that was cut is computed again, or left to the next start.
    if (absl::IsCancelled(status) || absl::IsAborted(status)) continue;
    KMYRIAD_RETURN_IF_ERROR(AsFailure(status));
  }
}

absl::Status LearnerEngine::Prepare() {
  SetState(v1::RUN_STATE_STARTING, "");
  KMYRIAD_RETURN_IF_ERROR(PinIdentity());
  const v1::RunManifest manifest = ledger_->manifest();
  ActorIdentity identity;
  KMYRIAD_ASSIGN_OR_RETURN(identity.environment,
                           FromProto(manifest.environment()));
  KMYRIAD_ASSIGN_OR_RETURN(
      identity.fingerprint,
      DigestFromHex(manifest.fingerprint(), "fingerprint"));
  KMYRIAD_ASSIGN_OR_RETURN(
      identity.golden_digest,
      DigestFromHex(manifest.golden_digest(), "golden_digest"));
  KMYRIAD_RETURN_IF_ERROR(MakeTrainer(identity));
  KMYRIAD_ASSIGN_OR_RETURN(const Uuid run_uuid,
                           UuidFromHex(manifest.run_uuid(), "run_uuid"));
  hub_.Pin(run_uuid, identity);
  return absl::OkStatus();
}

absl::Status LearnerEngine::PinIdentity() {
  v1::RunManifest manifest = ledger_->manifest();
  if (!manifest.golden_digest().empty()) return absl::OkStatus();
  absl::optional<ActorIdentity> candidate = hub_.Candidate();
  while (!candidate.has_value()) {
    if (stopping()) return absl::CancelledError("stopped");
    SetState(v1::RUN_STATE_WAITING, "waiting for the first actor");
    Wait(kLookSeconds);
    candidate = hub_.Candidate();
  }
  *manifest.mutable_environment() = ToProto(candidate->environment);
  manifest.set_fingerprint(ToHex(candidate->fingerprint));
  manifest.set_golden_digest(ToHex(candidate->golden_digest));
  return RetryStorage(
      [this, &manifest]() { return ledger_->WriteManifest(manifest); });
}

absl::Status LearnerEngine::MakeTrainer(const ActorIdentity& identity) {
  KMYRIAD_ASSIGN_OR_RETURN(
      const PolicyOptimizerOptions optimizer_options,
      MakeOptimizerOptions(options_.config, identity.environment,
                           options_.threads));
  KMYRIAD_ASSIGN_OR_RETURN(std::unique_ptr<PolicyOptimizer> optimizer,
                           make_optimizer_(optimizer_options));
  KMYRIAD_ASSIGN_OR_RETURN(
      const Uuid run_uuid,
      UuidFromHex(ledger_->manifest().run_uuid(), "run_uuid"));
  trainer_ =
      std::make_unique<Trainer>(options_.config, identity.environment, run_uuid,
                                std::move(optimizer), entropy_, clock_);
  KMYRIAD_RETURN_IF_ERROR(trainer_->StartTask());
  KMYRIAD_RETURN_IF_ERROR(trainer_->WatchForgetting(options_.initial));
  // A restore that came in before is part of what the ledger calls the last
  // epoch; one that comes from now on stays pending, for Train to find.
  ledger_->TakeRestore();
  const std::shared_ptr<const CheckpointContent> last = ledger_->last();
  if (last == nullptr) {
    if (!options_.initial.empty()) {
      KMYRIAD_RETURN_IF_ERROR(trainer_->Adopt(options_.initial));
    }
    KMYRIAD_RETURN_IF_ERROR(PublishPolicy(0));
    const std::shared_ptr<CheckpointContent> initial = CaptureState(0);
    return RetryStorage(
        [this, &initial]() { return ledger_->Commit(initial, "", true); });
  }
  base_elapsed_ = last->manifest.elapsed_seconds();
  KMYRIAD_RETURN_IF_ERROR(RestoreState(*last));
  events_.Publish(
      v1::Event::STATE,
      absl::StrCat("resumed after epoch ", last->manifest.epoch(),
                   ", parameters_sha256 ", last->manifest.parameters_sha256()));
  return absl::OkStatus();
}

absl::Status LearnerEngine::PublishPolicy(uint64_t policy_version) {
  KMYRIAD_ASSIGN_OR_RETURN(PolicyWeights weights, trainer_->Policy());
  return policy_.Publish(policy_version, std::move(weights));
}

absl::Status LearnerEngine::RestoreState(const CheckpointContent& content) {
  KMYRIAD_RETURN_IF_ERROR(trainer_->Restore(content));
  KMYRIAD_RETURN_IF_ERROR(PublishPolicy(content.manifest.epoch()));
  ShowFinishedEpoch(content.manifest);
  metrics_.checkpoint_env_steps.Set(
      static_cast<double>(content.manifest.env_steps()));
  return absl::OkStatus();
}

std::shared_ptr<CheckpointContent> LearnerEngine::CaptureState(uint64_t epoch) {
  auto content = std::make_shared<CheckpointContent>();
  trainer_->Capture(content.get());
  v1::CheckpointManifest& manifest = content->manifest;
  manifest.set_epoch(epoch);
  manifest.set_policy_version(epoch);
  manifest.set_seed(options_.config.run().seed());
  manifest.set_parameters_sha256(
      ToHex(DigestTensors(content->parameters, content->normalizer)));
  manifest.set_policy_hash(ToHex(policy_.policy_hash()));
  manifest.set_elapsed_seconds(ElapsedSeconds());
  manifest.set_revision(options_.revision);
  return content;
}

absl::Status LearnerEngine::TakeRestore() {
  const std::shared_ptr<const CheckpointContent> content =
      ledger_->TakeRestore();
  return content == nullptr ? absl::OkStatus() : RestoreState(*content);
}

absl::Status LearnerEngine::TrainEpoch(uint64_t epoch) {
  const double start = clock_.MonotonicSeconds();
  {
    absl::MutexLock lock(&mutex_);
    board_.epoch = epoch;
  }
  SetLogPolicyVersion(epoch - 1);
  absl::Status collected = Collect(epoch);
  const SegmentCounters segments = hub_.counters();
  const uint64_t recomputed = hub_.recomputed_samples();
  hub_.EndEpoch();
  KMYRIAD_RETURN_IF_ERROR(collected);
  const double collect_seconds = clock_.MonotonicSeconds() - start;
  SetState(v1::RUN_STATE_RUNNING, "");
  KMYRIAD_ASSIGN_OR_RETURN(EpochReport report,
                           trainer_->Step(epoch, hub_.buffer(), *this));
  // Of the policy that was collected with; what Step made of it is the next.
  report.policy_hash = policy_.policy_hash();
  KMYRIAD_RETURN_IF_ERROR(PublishPolicy(epoch));
  report.segments = segments;
  report.recomputed_samples = recomputed;
  report.seconds.collect = collect_seconds;
  report.seconds.checkpoint = last_save_seconds_;
  metrics_.updates.Add();
  return CommitEpoch(std::move(report));
}

absl::Status LearnerEngine::Collect(uint64_t epoch) {
  SetPhase(v1::RUN_PHASE_COLLECT, 0);
  ApplyPause();
  hub_.StartEpoch(epoch);
  while (true) {
    const CollectStatus status = hub_.status();
    if (status.complete) return absl::OkStatus();
    if (interrupted()) return absl::CancelledError("collecting was cut");
    bool paused = false;
    {
      absl::MutexLock lock(&mutex_);
      KMYRIAD_RETURN_IF_ERROR(broken_);
      paused = paused_;
    }
    SetPhase(v1::RUN_PHASE_COLLECT,
             static_cast<double>(status.blocks_done) / status.blocks_total);
    if (paused) {
      SetState(v1::RUN_STATE_PAUSED, "paused: no new leases");
    } else if (status.actors == 0) {
      SetState(v1::RUN_STATE_WAITING, "waiting for actors: none connected");
    } else {
      SetState(v1::RUN_STATE_RUNNING, "");
    }
    Wait(kLookSeconds);
  }
}

absl::Status LearnerEngine::CommitEpoch(EpochReport report) {
  SetPhase(v1::RUN_PHASE_CHECKPOINT, 0);
  const std::shared_ptr<CheckpointContent> content = CaptureState(report.epoch);
  v1::CheckpointManifest& manifest = content->manifest;
  for (const auto& [key, value] : FlattenMetrics(report)) {
    (*manifest.mutable_metrics())[key] = value;
  }
  (*manifest.mutable_counters())["samples_applied"] = report.env_steps;
  const v1::RunConfig& config = options_.config;
  const bool save = report.epoch % config.checkpoint().every() == 0 ||
                    report.epoch >= config.run().epochs();
  const std::string line = FormatMetricsLine(report);
  const double start = clock_.MonotonicSeconds();
  KMYRIAD_RETURN_IF_ERROR(RetryStorage([this, &content, &line, save]() {
    return ledger_->Commit(content, line, save);
  }));
  if (save) {
    last_save_seconds_ = clock_.MonotonicSeconds() - start;
    metrics_.save_seconds.Observe(last_save_seconds_);
    metrics_.saves_ok.Add();
    metrics_.checkpoint_bytes.Set(
        static_cast<double>(ledger_->last_checkpoint_bytes()));
    metrics_.checkpoint_time.Set(
        absl::ToDoubleSeconds(clock_.WallTime() - absl::UnixEpoch()));
    metrics_.checkpoint_env_steps.Set(static_cast<double>(report.env_steps));
  }
  metrics_.ObserveEpoch(FlattenMetrics(report));
  ShowFinishedEpoch(manifest);
  events_.Publish(
      v1::Event::EPOCH,
      absl::StrFormat(
          "epoch %d of %d: entropy %.3f nats, coverage %.3f "
          "(ever %.3f), %.0f env steps/s, %.1f s",
          report.epoch, config.run().epochs(), report.score.entropy_nats,
          report.score.coverage, report.coverage_ever,
          manifest.metrics().at("steps_per_second"), report.seconds.total()),
      line);
  return absl::OkStatus();
}

absl::Status LearnerEngine::RetryStorage(
    const std::function<absl::Status()>& attempt) {
  double seconds = kFirstSaveRetrySeconds;
  while (true) {
    const absl::Status status = attempt();
    if (absl::IsAborted(status)) return status;
    SetStorage(status);
    if (status.ok()) return status;
    const double until = clock_.MonotonicSeconds() + seconds;
    while (clock_.MonotonicSeconds() < until) {
      if (interrupted()) return absl::CancelledError("saving was cut");
      Wait(std::min(kLookSeconds, until - clock_.MonotonicSeconds()));
    }
    seconds = std::min(2 * seconds, kMaxSaveRetrySeconds);
  }
}

void LearnerEngine::SetStorage(const absl::Status& status) {
  absl::Status before = status;
  {
    absl::MutexLock lock(&mutex_);
    std::swap(before, board_.storage);
  }
  metrics_.storage_writable.Set(status.ok() ? 1 : 0);
  if (status.ok()) {
    if (before.ok()) return;
    events_.Publish(v1::Event::STATE, "storage takes writes again");
    SetState(v1::RUN_STATE_RUNNING, "");
    return;
  }
  metrics_.saves_failed.Add();
  const absl::StatusOr<uint64_t> room = ledger_->FreeBytes();
  if (room.ok()) {
    metrics_.storage_free_bytes.Set(static_cast<double>(*room));
  }
  if (status.code() == before.code()) return;
  SetState(
      v1::RUN_STATE_WAITING,
      absl::StrCat("waiting for storage, the save failed: ", status.message(),
                   absl::IsResourceExhausted(status)
                       ? ": make room; trying again"
                       : ": make it writable; trying again"),
      v1::Event::WARNING);
}

absl::StatusOr<RunEnd> LearnerEngine::EndRun() {
  const absl::Status saved = ledger_->SaveLast();
  // A last epoch that is not saved is trained again: the run can be resumed.
  const bool complete = finished() && saved.ok();
  if (!saved.ok()) {
    events_.Publish(v1::Event::WARNING,
                    absl::StrCat("the last finished epoch could not be saved "
                                 "and will be trained again: ",
                                 saved.message()));
  }
  SetState(complete ? v1::RUN_STATE_FINISHED : v1::RUN_STATE_DRAINING, "");
  hub_.Drain(complete ? "the run is finished" : "the run was stopped",
             complete);
  events_.Publish(v1::Event::STATE,
                  absl::StrCat(complete ? "finished" : "stopped",
                               " after epoch ", FinishedEpoch()));
  return complete ? RunEnd::kFinished : RunEnd::kStopped;
}

void LearnerEngine::ShowFinishedEpoch(const v1::CheckpointManifest& manifest) {
  const std::map<std::string, double> values(manifest.metrics().begin(),
                                             manifest.metrics().end());
  const v1::RunConfig& config = options_.config;
  const uint64_t left =
      config.run().epochs() - std::min(config.run().epochs(), manifest.epoch());
  const double target =
      static_cast<double>(manifest.env_steps()) +
      static_cast<double>(left) * config.env().count() * config.env().horizon();
  metrics_.SetProgress(values, manifest.elapsed_seconds(), target);
  const absl::StatusOr<uint64_t> room = ledger_->FreeBytes();
  if (room.ok()) {
    metrics_.storage_free_bytes.Set(static_cast<double>(*room));
  }
  const auto value = [&values](const char* key) {
    const auto found = values.find(key);
    return found == values.end() ? 0 : found->second;
  };
  absl::MutexLock lock(&mutex_);
  board_.epoch = manifest.epoch();
  board_.env_steps_per_second = value("steps_per_second");
  board_.epoch_seconds = value("seconds.total");
  board_.parameters_sha256 = manifest.parameters_sha256();
}

bool LearnerEngine::interrupted() {
  if (ledger_->restore_pending()) return true;
  absl::MutexLock lock(&mutex_);
  return stop_ || !broken_.ok();
}

bool LearnerEngine::stopping() {
  absl::MutexLock lock(&mutex_);
  return stop_;
}

void LearnerEngine::Wait(double seconds) {
  const auto woken = [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    return woken_;
  };
  absl::MutexLock lock(&mutex_);
  wake_signal_.AwaitWithTimeout(mutex_, absl::Seconds(seconds), woken);
  woken_ = false;
}

void LearnerEngine::Wake() {
  woken_ = true;
  wake_signal_.SignalAll();
}

void LearnerEngine::SetState(v1::RunState state, const std::string& message,
                             v1::Event::Kind kind) {
  {
    absl::MutexLock lock(&mutex_);
    if (board_.state == state && board_.message == message) return;
    board_.state = state;
    board_.message = message;
  }
  metrics_.SetState(StateName(state));
  events_.Publish(kind, absl::StrCat("state: ", StateName(state),
                                     message.empty() ? "" : ", ", message));
}

void LearnerEngine::SetPhase(v1::RunPhase phase, double share) {
  absl::MutexLock lock(&mutex_);
  board_.phase = phase;
  board_.phase_progress = share;
}

void LearnerEngine::OnActorJoined(const std::string& actor) {
  metrics_.actors.Set(hub_.status().actors);
  events_.Publish(v1::Event::ACTOR_JOINED,
                  absl::StrCat("actor joined: ", actor));
}

void LearnerEngine::OnActorLeft(const std::string& actor,
                                const std::string& reason) {
  metrics_.actors.Set(hub_.status().actors);
  events_.Publish(v1::Event::ACTOR_LEFT,
                  absl::StrCat("actor left: ", actor, " (", reason, ")"));
}

void LearnerEngine::OnProgress() {
  absl::MutexLock lock(&mutex_);
  Wake();
}

void LearnerEngine::OnBrokenDeterminism(const absl::Status& status) {
  {
    absl::MutexLock lock(&mutex_);
    broken_.Update(status);
    Wake();
  }
  entropy_.Cancel();
}

bool LearnerEngine::OnProgress(TrainingPhase phase, double share) {
  SetPhase(phase == TrainingPhase::kScore ? v1::RUN_PHASE_SCORE
                                          : v1::RUN_PHASE_UPDATE,
           share);
  // The entropy service is there again, if it was not.
  SetState(v1::RUN_STATE_RUNNING, "");
  return !interrupted();
}

bool LearnerEngine::WaitForEntropyService(absl::string_view reason,
                                          double seconds) {
  metrics_.entropy_waits.Add();
  SetState(v1::RUN_STATE_WAITING, std::string(reason));
  const double until = clock_.MonotonicSeconds() + seconds;
  while (!interrupted() && clock_.MonotonicSeconds() < until) {
    Wait(until - clock_.MonotonicSeconds());
  }
  return !interrupted();
}

void LearnerEngine::RequestStop(const std::string& reason) {
  {
    absl::MutexLock lock(&mutex_);
    if (stop_) return;
    stop_ = true;
    Wake();
  }
  hub_.SetLeasing(false);
  entropy_.Cancel();
  events_.Publish(v1::Event::STATE, absl::StrCat("stopping: ", reason));
}

void LearnerEngine::Tick() {
  hub_.Tick();
  // What waits for a time looks at the clock, which need not be that by which
  // a thread waits.
  absl::MutexLock lock(&mutex_);
  Wake();
}

bool LearnerEngine::ready() {
  absl::MutexLock lock(&mutex_);
  return board_.storage.ok() && !stop_ &&
         board_.state != v1::RUN_STATE_DRAINING &&
         board_.state != v1::RUN_STATE_FINISHED &&
         board_.state != v1::RUN_STATE_FAILED;
}

}  // namespace kmyriad
