#ifndef KMYRIAD_DEPLOY_LAUNCHER_COMMANDS_TRAIN_H_
#define KMYRIAD_DEPLOY_LAUNCHER_COMMANDS_TRAIN_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/types/optional.h"
#include "deploy/launcher/signal_source.h"

namespace kmyriad {

struct TrainOptions {
  std::string preset;
  std::string config_file;
  std::vector<std::string> overrides;
  absl::optional<uint64_t> epochs;
  absl::optional<uint32_t> actors;
  absl::optional<uint64_t> seed;
  // Empty: from the preset's or the file's name.
  std::string name;
  std::string runs;
  std::string resume = "auto";
  // Name of a new run to make from a checkpoint of this one and to train in
  // its place; empty: none.
  std::string fork;
  // The checkpoint, folder name or epoch number; empty: that of HEAD.
  std::string fork_at;
  // Entropy services that share the search, 1..16; does not change the result.
  uint32_t entropy_replicas = 1;
};

// `kmyriad train`: resolves the configuration, makes the run's folder and runs
// the training to its end. Without --preset and --config an existing run's own
// configuration is the base. Returns the exit code; errors are one line on
// stderr.
int RunTrain(const TrainOptions& options, SignalSource& signals);

}  // namespace kmyriad

#endif  // KMYRIAD_DEPLOY_LAUNCHER_COMMANDS_TRAIN_H_
