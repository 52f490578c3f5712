#ifndef KMYRIAD_LEARNER_TRAINER_TRAINER_H_
#define KMYRIAD_LEARNER_TRAINER_TRAINER_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/optional.h"
#include "common/base/clock.h"
#include "common/base/digest.h"
#include "common/base/environment_spec.h"
#include "common/base/goal_task.h"
#include "common/policy/forgetting_monitor.h"
#include "common/policy/observation_normalizer.h"
#include "common/policy/policy_weights.h"
#include "kmyriad/v1/run_config.pb.h"
#include "learner/algorithm/policy_optimizer.h"
#include "learner/checkpoint/checkpointer.h"
#include "learner/collector/epoch_buffer.h"
#include "learner/trainer/entropy_client.h"
#include "learner/trainer/epoch_report.h"
#include "learner/trainer/head_migration.h"
#include "learner/trainer/particle_window.h"
#include "learner/trainer/task_reward.h"

namespace kmyriad {

enum class TrainingPhase { kScore, kUpdate };

// Follows a training step, and can stop it. Called on the trainer's thread.
class TrainingMonitor {
 public:
  virtual ~TrainingMonitor() = default;
  // Share of the phase that is done, 0..1. False abandons the step.
  virtual bool OnProgress(TrainingPhase phase, double share) = 0;
  // The entropy service is not there. Waits; false abandons the step.
  virtual bool WaitForEntropyService(absl::string_view reason,
                                     double seconds) = 0;
};

// What the optimiser is made from. `threads` is resolved already, >= 1.
// INVALID_ARGUMENT for an unknown activation.
absl::StatusOr<PolicyOptimizerOptions> MakeOptimizerOptions(
    const v1::RunConfig& config, const EnvironmentSpec& environment,
    int threads);

// Epochs after which the observation normaliser does not change any more: a
// tenth of the schedule, at least one.
uint64_t NormalizerEpochs(uint64_t schedule_epochs);

// Deals the values of unmasked entries out anew among them, with Philox keyed
// by seed and epoch: the negative control entropy.reward = "shuffled".
void ShuffleRewards(uint64_t seed, uint64_t epoch,
                    const std::vector<uint8_t>& mask,
                    std::vector<float>* rewards);

// The learning part of a run: from the samples of an epoch to the next policy.
// Owns what learning changes (networks, optimiser, normaliser, visits), all of
// it saved in and restored from checkpoints. One thread at a time.
class Trainer {
 public:
  // `entropy` and `clock` must outlive the trainer.
  Trainer(const v1::RunConfig& config, const EnvironmentSpec& environment,
          const Uuid& run_uuid, std::unique_ptr<PolicyOptimizer> optimizer,
          EntropyClient& entropy, const Clock& clock);

  // Takes on the run's task, if its configuration names one. To be called once,
  // before anything else. INVALID_ARGUMENT if the terrain has no such goal.
  absl::Status StartTask();

  // Puts trunk, heads and normaliser (tensors trunk.*, heads.*, normalizer.*),
  // and a critic if there is one (critic.*, embedding), in the place of the
  // initial ones and freezes the normaliser. INVALID_ARGUMENT naming what does
  // not fit.
  absl::Status Adopt(const std::vector<NamedTensor>& tensors);

  // From now on reports say how far the policies have gone from those that
  // `tensors` tell of (ForgettingMonitor), if they do. INVALID_ARGUMENT.
  absl::Status WatchForgetting(const std::vector<NamedTensor>& tensors);

  // The current policy, all heads, normaliser included.
  absl::StatusOr<PolicyWeights> Policy() const;

  // Scores the samples of `epoch` (from 1) and learns from them. Fills all of
  // the report but counters and seconds of collecting. CANCELLED if the
  // monitor abandons it. After a failure the state is that of before.
  absl::StatusOr<EpochReport> Step(uint64_t epoch, const EpochBuffer& samples,
                                   TrainingMonitor& monitor);

  // Copies the state into a checkpoint: tensors, env_steps.
  void Capture(CheckpointContent* content) const;
  // INVALID_ARGUMENT naming the tensor that is missing or does not fit.
  absl::Status Restore(const CheckpointContent& content);

 private:
  // What the epoch is scored with. `pool` backs it if the pool has several
  // epochs; like samples and mask it outlives the request.
  ScoreRequest MakeRequest(uint64_t epoch, const EpochBuffer& samples,
                           const std::vector<uint8_t>& mask,
                           ParticleWindow::Pool* pool) const;
  absl::StatusOr<ScoreResult> Score(const ScoreRequest& request,
                                    TrainingMonitor& monitor);
  // What the optimiser may ask of a scored epoch; holds references to all.
  WeightsEvaluator MakeEvaluator(const ScoreRequest& request,
                                 TrainingMonitor& monitor);
  // Rewards as the update takes them: divided by the pool's standard
  // deviation, shuffled if the run is a negative control.
  void PrepareRewards(uint64_t epoch, const std::vector<uint8_t>& mask,
                      ScoreResult* score) const;
  void MergeObservations(uint64_t epoch, const EpochBuffer& samples);
  void CountVisits(uint64_t epoch, const ScoreResult& score);
  // Reachable cells with a visit.
  template <typename Visits>
  uint64_t CountCells(const Visits& visits) const;
  // 0 in a world without a reachable cell.
  double ReachableShare(uint64_t cells) const;
  absl::StatusOr<ForgettingReport> MeasureForgetting() const;

  const v1::RunConfig config_;
  const EnvironmentSpec environment_;
  const Uuid run_uuid_;
  const std::unique_ptr<PolicyOptimizer> optimizer_;
  EntropyClient& entropy_;
  const Clock& clock_;
  ObservationNormalizer normalizer_;
  ParticleWindow window_;
  absl::optional<GoalTask> task_;
  absl::optional<HeadMigration> migration_;
  absl::optional<ForgettingMonitor> forgetting_;
  // Of all epochs; a fork's may have been of another size.
  uint64_t env_steps_ = 0;
  // Per coverage cell, [ny, nx]: of the last epoch, and of all.
  std::vector<uint32_t> cell_visits_;
  std::vector<int64_t> cell_visits_total_;
  // Reachable cells that the run's first epoch visited, for MeasureForgetting:
  // if the pretrained policies collected it. Kept where the checkpoint has it,
  // should nothing watch for a while.
  absl::optional<uint64_t> first_cells_;
};

}  // namespace kmyriad

#endif  // KMYRIAD_LEARNER_TRAINER_TRAINER_H_
