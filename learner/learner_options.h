#ifndef KMYRIAD_LEARNER_LEARNER_OPTIONS_H_
#define KMYRIAD_LEARNER_LEARNER_OPTIONS_H_

#include <string>

#include "common/process/process_flags.h"
#include "common/process/startup.h"

namespace kmyriad {

// Flags of kmyriad-learner. Addresses are "HOST:PORT" (port 0: a free one) or
// "unix:PATH".
struct LearnerOptions {
  // Configuration of the run; also --epochs, --seed and --actors.
  ConfigFlags config;
  // Folder of the run, RUNS/NAME. Required.
  std::string run_dir;
  // "auto", "never" or "must".
  std::string resume = "auto";
  std::string listen = "127.0.0.1:50051";
  // One, or several separated by commas.
  std::string entropy = "127.0.0.1:50061";
  ProcessFlags process = {.health = "",
                          .metrics = "127.0.0.1:9464",
                          .log = "",
                          .log_format = "text",
                          .tls = {}};
  // Listen on addresses that others can reach, without TLS.
  bool insecure_allow_remote = false;
};

}  // namespace kmyriad

#endif  // KMYRIAD_LEARNER_LEARNER_OPTIONS_H_
