#ifndef KMYRIAD_DEPLOY_LAUNCHER_COMMANDS_EVAL_H_
#define KMYRIAD_DEPLOY_LAUNCHER_COMMANDS_EVAL_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/types/optional.h"

namespace kmyriad {

struct EvalOptions {
  // A run's folder or name, or a checkpoint's folder.
  std::string target;
  std::string runs;
  // Names of the terrain's goals; empty: all of them.
  std::vector<std::string> goals;
  // Fresh episodes per agent, for sampled and for mean actions each.
  uint32_t episodes = 20;
  // Radius of the goals; absent: that of the task (goal_task.h).
  absl::optional<float> radius;
  // Another set of episodes: 0, 1, ...
  uint32_t set = 0;
  bool json = false;
};

// `kmyriad eval`: what a population does in episodes that no training saw, with
// sampled and with mean actions: success and time at named goals, coverage,
// agent by agent. Same checkpoint, episodes and set, same numbers. Returns the
// exit code.
int RunEval(const EvalOptions& options);

}  // namespace kmyriad

#endif  // KMYRIAD_DEPLOY_LAUNCHER_COMMANDS_EVAL_H_
