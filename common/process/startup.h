#ifndef KMYRIAD_COMMON_PROCESS_STARTUP_H_
#define KMYRIAD_COMMON_PROCESS_STARTUP_H_

#include <signal.h>

#include <string>
#include <vector>

#include "common/config/run_config.h"

namespace CLI {
class App;
}  // namespace CLI

namespace kmyriad {

// Flags that say which configuration a process works on.
struct ConfigFlags {
  ConfigSource source;
  // Overrides by flags of their own, "group.key=value"; they win over --set.
  std::vector<std::string> shorthands;

  // What the flags ask for, the default preset where they name none.
  ConfigSource Resolve() const;
};

// Adds --preset, --config, --set, --epochs, --seed and --actors. `flags` must
// outlive the parsing.
void AddConfigFlags(CLI::App& app, ConfigFlags& flags);

// Cores that this process may run on, at least 1.
int AvailableCores();

// Blocks SIGINT and SIGTERM in this thread and all that it starts from now on,
// for one of them to wait for; returns the two.
sigset_t BlockStopSignals();

}  // namespace kmyriad

#endif  // KMYRIAD_COMMON_PROCESS_STARTUP_H_
