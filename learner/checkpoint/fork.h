#ifndef KMYRIAD_LEARNER_CHECKPOINT_FORK_H_
#define KMYRIAD_LEARNER_CHECKPOINT_FORK_H_

#include <string>

#include "absl/status/status.h"
#include "common/base/file_system.h"

namespace kmyriad {

struct ForkOptions {
  // Folder of the run to start from. It is only read; a run may be going on.
  std::string source;
  // Name of one of its checkpoints; empty: the one HEAD points to.
  std::string checkpoint;
  // Folder of the new run: runs/name. A temporary one beside it takes the room.
  std::string runs;
  std::string name;
  // Configuration of the new run, for its resolved.textproto.
  std::string config_text;
  // Whether the new run's entropy.window begins empty: the source's particles
  // are of another number, order or kind.
  bool empty_window = false;
  // Of the new run's manifest.
  std::string created_utc;
  std::string revision;
};

// Makes a new run, with a UUID of its own, whose only checkpoint is that of
// the source and whose metrics are the source's up to there; its manifest says
// where it comes from. Rollouts are fixed anew by its first actor. The folder
// appears whole or not at all. ALREADY_EXISTS: the target holds something.
// NOT_FOUND: no such run, or it has no such checkpoint. DATA_LOSS: damaged.
absl::Status ForkRun(const ForkOptions& options, FileSystem& files);

}  // namespace kmyriad

#endif  // KMYRIAD_LEARNER_CHECKPOINT_FORK_H_
