#include "common/process/startup.h"

#include <sched.h>

#include <algorithm>

#include "CLI/CLI.hpp"
#include "absl/strings/str_cat.h"

namespace kmyriad {

ConfigSource ConfigFlags::Resolve() const {
  ConfigSource resolved = source;
  if (resolved.preset.empty() && resolved.file.empty()) {
    resolved.preset = "ant-maze";
  }
  resolved.overrides.insert(resolved.overrides.end(), shorthands.begin(),
                            shorthands.end());
  return resolved;
}

void AddConfigFlags(CLI::App& app, ConfigFlags& flags) {
  auto* preset =
      app.add_option("--preset", flags.source.preset, "Built-in configuration")
          ->default_str("ant-maze");
  app.add_option("--config", flags.source.file,
                 "Configuration, protobuf text format")
      ->excludes(preset);
  app.add_option("--set", flags.source.overrides,
                 "Override, group.key=value; repeatable")
      ->allow_extra_args(false);
  const auto shorthand = [&app, &flags](const std::string& flag,
                                        const std::string& key,
                                        const std::string& help) {
    app.add_option_function<std::string>(
        flag,
        [&flags, key](const std::string& value) {
          flags.shorthands.push_back(absl::StrCat(key, "=", value));
        },
        help);
  };
  shorthand("--epochs", "run.epochs", "Total number of epochs");
  shorthand("--seed", "run.seed", "Seed of every random number");
  shorthand("--actors", "actors.count", "Actor processes of the run");
}

int AvailableCores() {
  cpu_set_t set;
  CPU_ZERO(&set);
  if (sched_getaffinity(0, sizeof(set), &set) != 0) return 1;
  return std::max(1, CPU_COUNT(&set));
}

sigset_t BlockStopSignals() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGINT);
  sigaddset(&set, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  return set;
}

}  // namespace kmyriad
