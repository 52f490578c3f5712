#ifndef KMYRIAD_DEPLOY_LAUNCHER_COMMANDS_FINETUNE_H_
#define KMYRIAD_DEPLOY_LAUNCHER_COMMANDS_FINETUNE_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/types/optional.h"
#include "deploy/launcher/signal_source.h"

namespace kmyriad {

struct FinetuneOptions {
  // A run's folder or name, or a checkpoint's folder.
  std::string from;
  // "TERRAIN/GOAL".
  std::string task;
  // How the heads are used (reference/method.md 2.3): "select" tries every
  // head and trains the best one with all environments; "joint" trains all of
  // them; "halving" trains all, then the better half, and so on down to four,
  // each round a run of its own, NAME-round1 and so on, the last one NAME;
  // "migrate" trains all, those without success for long becoming copies of
  // those with it; "random" starts a single policy at random with the source's
  // own settings, the baseline.
  std::string use = "select";
  // Empty: SOURCE-GOAL-USE.
  std::string name;
  std::string runs;
  // Of all rounds together; absent: 40.
  absl::optional<uint64_t> epochs;
  absl::optional<uint64_t> seed;
  // Absent: that of the task (goal_task.h), or of the run that is there.
  absl::optional<float> radius;
  // Absent: 4 and 2, or those that a run that is there was begun with.
  absl::optional<uint32_t> selection_episodes;
  absl::optional<uint32_t> critic_warmup;
  std::vector<std::string> overrides;
};

// `kmyriad finetune`: a run that learns to reach a goal, started from a
// pretrained population: policy and frozen normaliser are the population's, the
// critic is new, learning rate (x 0.3), clip (x 0.5) and KL stop (0.03) are
// reduced (method.md 2.2). It is a run like any other: the same command, or
// train, goes on with it. What was chosen stands in RUN/finetune.json. Returns
// the exit code.
int RunFinetune(const FinetuneOptions& options, SignalSource& signals);

}  // namespace kmyriad

#endif  // KMYRIAD_DEPLOY_LAUNCHER_COMMANDS_FINETUNE_H_
