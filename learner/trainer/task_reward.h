#ifndef KMYRIAD_LEARNER_TRAINER_TASK_REWARD_H_
#define KMYRIAD_LEARNER_TRAINER_TASK_REWARD_H_

#include <cstdint>
#include <vector>

#include "common/base/goal_task.h"
#include "learner/collector/epoch_buffer.h"
#include "learner/trainer/epoch_report.h"

namespace kmyriad {

// An epoch's episodes as a sparse task pays them (reference/method.md 2.1).
struct TaskOutcome {
  // [envs, horizon]: 1 at an episode's first step at the goal, else 0.
  std::vector<float> rewards;
  // [envs, horizon]: 1 up to that step, it included, then 0.
  std::vector<uint8_t> counts;
  // [agents]: 1 for those with a success. The others' policies must not learn:
  // advantages without a reward are the critic's noise, by which they would
  // drift (method.md 2.2).
  std::vector<uint8_t> trained;
  // [agents]: successful episodes, and their steps to the goal together.
  std::vector<uint32_t> successes;
  std::vector<uint64_t> steps;
  TaskReport report;
};

// Features of the samples are places after the step, x and y first. `agents`
// divides the environments.
TaskOutcome ScoreTask(const GoalTask& task, const EpochBuffer& samples,
                      uint32_t agents);

}  // namespace kmyriad

#endif  // KMYRIAD_LEARNER_TRAINER_TASK_REWARD_H_
