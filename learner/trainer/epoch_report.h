#ifndef KMYRIAD_LEARNER_TRAINER_EPOCH_REPORT_H_
#define KMYRIAD_LEARNER_TRAINER_EPOCH_REPORT_H_

#include <cstdint>
#include <map>
#include <string>

#include "absl/types/optional.h"
#include "common/base/digest.h"
#include "learner/algorithm/policy_optimizer.h"
#include "learner/collector/segment_assembler.h"
#include "learner/trainer/entropy_client.h"

namespace kmyriad {

// Wall-clock seconds of an epoch's phases.
struct PhaseSeconds {
  double collect = 0;
  double score = 0;
  double update = 0;
  // Of the save before this epoch: its own comes after the epoch's line.
  double checkpoint = 0;
  double total() const { return collect + score + update + checkpoint; }
};

// How the episodes of an epoch did at the run's task.
struct TaskReport {
  // Share of episodes that came to the goal: of all agents, of the best one.
  double success = 0;
  double success_best = 0;
  uint32_t agents_with_success = 0;
  // Mean over those episodes, the last step included; 0 if there are none.
  double steps_to_goal = 0;
  // Heads that were replaced after the update (task.migrate_after).
  uint32_t migrated = 0;
};

// How far a task has led the policies away from what they were pretrained to.
struct ForgettingReport {
  // Mean KL from the pretrained to the current policies, after the update, at
  // states of the pretraining; nats.
  double kl_nats = 0;
  // Coverage of the run's first epoch, which the pretrained policies collect,
  // minus that of this one. Absent in a run that goes on with another one's
  // task: other policies collect its first epoch.
  absl::optional<double> coverage_loss;
};

// What is known of a finished epoch.
struct EpochReport {
  uint64_t epoch = 0;
  uint64_t env_steps = 0;
  uint64_t epoch_steps = 0;
  // Of the policy that the epoch was collected with.
  Digest policy_hash{};
  ScoreResult score;  // without rewards
  UpdateStats update;
  double coverage_ever = 0;
  // Reachable cells visited in any epoch so far, and first in this one.
  uint64_t cells_ever = 0;
  uint64_t new_cells = 0;
  double reward_mean = 0;
  // Share of samples with the torso upside down.
  double upside_down = 0;
  uint64_t masked = 0;
  SegmentCounters segments;
  // Samples of segments that had to be computed again.
  uint64_t recomputed_samples = 0;
  PhaseSeconds seconds;
  // Absent if the run has no task.
  absl::optional<TaskReport> task;
  // Absent if it did not start from a pretrained population.
  absl::optional<ForgettingReport> forgetting;
};

// The epoch's line of metrics.jsonl (design section 11), without newline.
// What is not a number is null.
std::string FormatMetricsLine(const EpochReport& report);

// The same numbers by path ("samples.applied"), for gauges and the checkpoint
// manifest.
std::map<std::string, double> FlattenMetrics(const EpochReport& report);

}  // namespace kmyriad

#endif  // KMYRIAD_LEARNER_TRAINER_EPOCH_REPORT_H_
