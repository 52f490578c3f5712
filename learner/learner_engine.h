#ifndef KMYRIAD_LEARNER_LEARNER_ENGINE_H_
#define KMYRIAD_LEARNER_LEARNER_ENGINE_H_

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"
#include "common/base/clock.h"
#include "common/base/steady_cond_var.h"
#include "kmyriad/v1/learner.pb.h"
#include "kmyriad/v1/run_config.pb.h"
#include "learner/actor_hub.h"
#include "learner/algorithm/policy_optimizer.h"
#include "learner/event_log.h"
#include "learner/learner_metrics.h"
#include "learner/run_ledger.h"
#include "learner/trainer/entropy_client.h"
#include "learner/trainer/policy_store.h"
#include "learner/trainer/trainer.h"

namespace kmyriad {

using OptimizerFactory =
    std::function<absl::StatusOr<std::unique_ptr<PolicyOptimizer>>(
        const PolicyOptimizerOptions&)>;

struct EngineOptions {
  v1::RunConfig config;
  // Threads of the update, resolved.
  int threads = 1;
  std::string revision;
  // What a new run's policy starts from (Trainer::Adopt), and what any run's is
  // compared with (WatchForgetting); empty: at random, and nothing.
  std::vector<NamedTensor> initial;
};

// How a run of the engine ended.
enum class RunEnd {
  // All epochs are done and saved.
  kFinished,
  // Stopped on request; can be resumed.
  kStopped,
};

// The learner without its network: trains a run epoch by epoch on the caller's
// thread (Run), serves actors' streams (hub) and operators' calls meanwhile.
//
// An epoch: publish the policy, lease the blocks, wait for all segments, score
// and update, write the metrics line, save. Whatever interrupts it (stop,
// restore, a crash), the epoch is void and is computed again from its start;
// since rollouts are pure functions it comes out the same.
//
// Thread-safe but for Run, which is called once.
class LearnerEngine : private HubObserver, private TrainingMonitor {
 public:
  // All references must outlive the engine.
  LearnerEngine(const EngineOptions& options, std::unique_ptr<RunLedger> ledger,
                EntropyClient& entropy, OptimizerFactory make_optimizer,
                LearnerMetrics& metrics, const Clock& clock);
  ~LearnerEngine() override = default;

  // True if the run has all its epochs already.
  bool finished() const;

  // Until the run ends; then actors have been told to go. An error is what
  // made the run fail.
  absl::StatusOr<RunEnd> Run();

  // Stops leasing, saves the last finished epoch and lets Run return. From any
  // thread.
  void RequestStop(const std::string& reason);

  // To be called a few times a second, from any thread.
  void Tick();

  // Whether actors and operators are served: not while the run waits for
  // storage, drains or has ended.
  bool ready();

  ActorHub& hub() { return hub_; }
  EventLog& events() { return events_; }

  // Service Control, one method per rpc (proto/kmyriad/v1/learner.proto). All
  // but GetStatus wait for storage.
  v1::Status GetStatus();
  absl::StatusOr<v1::PauseResponse> Pause(const v1::PauseRequest& request);
  absl::StatusOr<v1::ResumeResponse> Resume(const v1::ResumeRequest& request);
  absl::StatusOr<v1::CheckpointResponse> Checkpoint(
      const v1::CheckpointRequest& request);
  absl::StatusOr<v1::ListCheckpointsResponse> ListCheckpoints();
  absl::StatusOr<v1::RestoreResponse> Restore(
      const v1::RestoreRequest& request);
  absl::StatusOr<v1::StopResponse> Stop(const v1::StopRequest& request);

 private:
  // What GetStatus tells; written by the training thread.
  struct Board {
    v1::RunState state = v1::RUN_STATE_STARTING;
    v1::RunPhase phase = v1::RUN_PHASE_UNSPECIFIED;
    double phase_progress = 0;
    uint64_t epoch = 0;
    double env_steps_per_second = 0;
    // Seconds per epoch, of the last one; 0 before.
    double epoch_seconds = 0;
    std::string message;
    std::string parameters_sha256;
    // Why the last write to the run directory failed; OK if it did not.
    absl::Status storage;
  };

  void OnActorJoined(const std::string& actor) override;
  void OnActorLeft(const std::string& actor,
                   const std::string& reason) override;
  void OnProgress() override;
  void OnBrokenDeterminism(const absl::Status& status) override;
  bool OnProgress(TrainingPhase phase, double share) override;
  bool WaitForEntropyService(absl::string_view reason, double seconds) override;

  absl::StatusOr<RunEnd> Train();
  // Waits for the first actor if the run has no identity yet, makes the
  // trainer and brings it to the last finished epoch.
  absl::Status Prepare();
  absl::Status PinIdentity();
  absl::Status MakeTrainer(const ActorIdentity& identity);
  // CANCELLED if interrupted, ABORTED if a restore voided it.
  absl::Status TrainEpoch(uint64_t epoch);
  absl::Status Collect(uint64_t epoch);
  absl::Status CommitEpoch(EpochReport report);
  // Repeats `attempt` while storage fails. CANCELLED if interrupted.
  absl::Status RetryStorage(const std::function<absl::Status()>& attempt);
  absl::Status TakeRestore();
  absl::StatusOr<RunEnd> EndRun();

  // Makes the trainer's policy the one that the next epoch is collected with.
  absl::Status PublishPolicy(uint64_t policy_version);
  absl::Status RestoreState(const CheckpointContent& content);
  // The trainer's state, and the published policy's hash.
  std::shared_ptr<CheckpointContent> CaptureState(uint64_t epoch);
  // The epoch that `last` in the ledger finished; 0 if there is none.
  uint64_t FinishedEpoch() const;
  bool interrupted();
  bool stopping();
  // Waits until something happens, at most `seconds`.
  void Wait(double seconds);
  void Wake() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void SetState(v1::RunState state, const std::string& message,
                v1::Event::Kind kind = v1::Event::STATE);
  // Says once per outage, and once per reason in it, that storage fails.
  void SetStorage(const absl::Status& status);
  void SetPhase(v1::RunPhase phase, double share);
  // Makes hub and training thread follow what the ledger says.
  void ApplyPause();
  void ShowFinishedEpoch(const v1::CheckpointManifest& manifest);
  double ElapsedSeconds() const;

  const EngineOptions options_;
  const std::unique_ptr<RunLedger> ledger_;
  EntropyClient& entropy_;
  const OptimizerFactory make_optimizer_;
  LearnerMetrics& metrics_;
  const Clock& clock_;
  const double start_;
  PolicyStore policy_;
  EventLog events_;
  ActorHub hub_;
  // Training thread only.
  std::unique_ptr<Trainer> trainer_;
  double base_elapsed_ = 0;
  double last_save_seconds_ = 0;

  // Held while the ledger's pause state is passed on; taken before all others.
  absl::Mutex pause_mutex_;
  absl::Mutex mutex_;
  Board board_ ABSL_GUARDED_BY(mutex_);
  SteadyCondVar wake_signal_;
  bool woken_ ABSL_GUARDED_BY(mutex_) = false;
  bool stop_ ABSL_GUARDED_BY(mutex_) = false;
  bool paused_ ABSL_GUARDED_BY(mutex_) = false;
  absl::Status broken_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace kmyriad

#endif  // KMYRIAD_LEARNER_LEARNER_ENGINE_H_
