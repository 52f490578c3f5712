#ifndef KMYRIAD_DEPLOY_LAUNCHER_COMMANDS_INSPECT_H_
#define KMYRIAD_DEPLOY_LAUNCHER_COMMANDS_INSPECT_H_

#include <string>

namespace kmyriad {

struct InspectOptions {
  // A run's folder or name, or a checkpoint's folder.
  std::string target;
  std::string runs;
  bool json = false;
};

// `kmyriad inspect`: what a checkpoint (a run: the one that HEAD names) holds,
// after verifying the sizes and hashes of all its files. Works on a live run,
// too. Returns the exit code.
int RunInspect(const InspectOptions& options);

}  // namespace kmyriad

#endif  // KMYRIAD_DEPLOY_LAUNCHER_COMMANDS_INSPECT_H_
