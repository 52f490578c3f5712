// Service Control of the engine: each call changes the ledger first, durably,
// and then tells the training thread and the actors.
#include <algorithm>
#include <memory>

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "learner/learner_engine.h"

namespace kmyriad {

v1::Status LearnerEngine::GetStatus() {
  v1::Status status;
  const v1::RunManifest manifest = ledger_->manifest();
  const std::shared_ptr<const CheckpointContent> last = ledger_->last();
  const CollectStatus collect = hub_.status();
  const uint64_t target = options_.config.run().epochs();
  const uint64_t finished = last == nullptr ? 0 : last->manifest.epoch();
  status.set_run_name(manifest.name());
  status.set_run_uuid(manifest.run_uuid());
  status.set_target_epochs(target);
  status.set_policy_version(finished);
  status.set_env_steps(last == nullptr ? 0 : last->manifest.env_steps());
  status.set_last_metrics_json(ledger_->last_metrics());
  status.set_actors(collect.actors);
  status.set_blocks_done(collect.blocks_done);
  status.set_blocks_total(collect.blocks_total);
  status.set_last_checkpoint(ledger_->last_checkpoint());
  const double saved = ledger_->last_checkpoint_time();
  status.set_last_checkpoint_age_seconds(clock_.MonotonicSeconds() -
                                         (saved < 0 ? start_ : saved));
  absl::MutexLock lock(&mutex_);
  status.set_state(board_.state);
  status.set_phase(board_.phase);
  status.set_phase_progress(board_.phase_progress);
  status.set_epoch(std::min(std::max<uint64_t>(board_.epoch, 1), target));
  status.set_env_steps_per_second(board_.env_steps_per_second);
  status.set_eta_seconds(board_.epoch_seconds > 0 && target >= finished
                             ? board_.epoch_seconds *
                                   static_cast<double>(target - finished)
                             : -1);
  status.set_message(board_.message);
  status.set_parameters_sha256(board_.parameters_sha256);
  return status;
}

absl::StatusOr<v1::PauseResponse> LearnerEngine::Pause(
    const v1::PauseRequest& request) {
  KMYRIAD_ASSIGN_OR_RETURN(const v1::PauseResponse response,
                           ledger_->Pause(request));
  ApplyPause();
  return response;
}

absl::StatusOr<v1::ResumeResponse> LearnerEngine::Resume(
    const v1::ResumeRequest& request) {
  KMYRIAD_ASSIGN_OR_RETURN(const v1::ResumeResponse response,
                           ledger_->Resume(request));
  ApplyPause();
  return response;
}

void LearnerEngine::ApplyPause() {
  // Looking and applying go together: of two calls at once the later look is
  // the one that stays.
  absl::MutexLock order(&pause_mutex_);
  // A repeated call changes nothing, so the ledger says what holds.
  const bool paused = ledger_->paused();
  {
    absl::MutexLock lock(&mutex_);
    paused_ = paused;
    Wake();
    if (stop_) return;
  }
  hub_.SetLeasing(!paused);
}

absl::StatusOr<v1::CheckpointResponse> LearnerEngine::Checkpoint(
    const v1::CheckpointRequest& request) {
  KMYRIAD_ASSIGN_OR_RETURN(const v1::CheckpointResponse response,
                           ledger_->Checkpoint(request));
  events_.Publish(v1::Event::CHECKPOINT,
                  absl::StrCat("checkpoint ", response.checkpoint().name()));
  return response;
}

absl::StatusOr<v1::ListCheckpointsResponse> LearnerEngine::ListCheckpoints() {
  return ledger_->ListCheckpoints();
}

absl::StatusOr<v1::RestoreResponse> LearnerEngine::Restore(
    const v1::RestoreRequest& request) {
  KMYRIAD_ASSIGN_OR_RETURN(const v1::RestoreResponse response,
                           ledger_->Restore(request));
  if (request.dry_run()) return response;
  {
    absl::MutexLock lock(&mutex_);
    Wake();
  }
  if (ledger_->restore_pending()) entropy_.Cancel();
  events_.Publish(
      v1::Event::RESTORE,
      absl::StrCat("restored ", response.restored().name(), "; ",
                   response.set_aside_size(), " later checkpoints set aside"));
  return response;
}

absl::StatusOr<v1::StopResponse> LearnerEngine::Stop(
    const v1::StopRequest& request) {
  bool repeated = false;
  KMYRIAD_ASSIGN_OR_RETURN(const v1::StopResponse response,
                           ledger_->Stop(request, &repeated));
  if (!repeated) RequestStop("an operator asked for it");
  return response;
}

}  // namespace kmyriad
