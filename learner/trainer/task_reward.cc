#include "learner/trainer/task_reward.h"

#include <algorithm>

namespace kmyriad {

TaskOutcome ScoreTask(const GoalTask& task, const EpochBuffer& samples,
                      uint32_t agents) {
  const EpochShape& shape = samples.shape;
  const uint32_t per_agent = shape.envs / agents;
  TaskOutcome outcome;
  outcome.rewards.assign(shape.samples(), 0);
  outcome.counts.assign(shape.samples(), 1);
  outcome.trained.assign(agents, 0);
  outcome.successes.assign(agents, 0);
  outcome.steps.assign(agents, 0);
  uint64_t total = 0;
  uint64_t steps = 0;
  for (uint32_t env = 0; env < shape.envs; ++env) {
    const size_t row = size_t{env} * shape.horizon;
    const uint32_t step = FirstStepAtGoal(
        task, samples.features.data() + row * shape.feature_dim,
        shape.feature_dim, samples.flags.data() + row, shape.horizon);
    if (step == shape.horizon) continue;
    outcome.rewards[row + step] = 1;
    std::fill_n(outcome.counts.begin() + static_cast<int64_t>(row) + step + 1,
                shape.horizon - step - 1, uint8_t{0});
    const uint32_t agent = env / per_agent;
    outcome.trained[agent] = 1;
    ++outcome.successes[agent];
    outcome.steps[agent] += step + 1;
    ++total;
    steps += step + 1;
  }
  TaskReport& report = outcome.report;
  report.success = static_cast<double>(total) / shape.envs;
  report.success_best =
      static_cast<double>(*std::max_element(outcome.successes.begin(),
                                            outcome.successes.end())) /
      per_agent;
  report.agents_with_success = static_cast<uint32_t>(
      std::count(outcome.trained.begin(), outcome.trained.end(), uint8_t{1}));
  report.steps_to_goal =
      total == 0 ? 0 : static_cast<double>(steps) / static_cast<double>(total);
  return outcome;
}

}  // namespace kmyriad
