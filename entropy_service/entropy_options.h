#ifndef KMYRIAD_ENTROPY_SERVICE_ENTROPY_OPTIONS_H_
#define KMYRIAD_ENTROPY_SERVICE_ENTROPY_OPTIONS_H_

#include <string>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "common/process/process_flags.h"

namespace kmyriad {

// What kmyriad-entropy is started with. ADDR is "HOST:PORT" or "unix:PATH".
struct EntropyOptions {
  // Where it serves; beyond loopback only with insecure_allow_remote.
  std::string listen = "127.0.0.1:50061";
  // Threads of the neighbour search; 0: one per core.
  int threads = 0;
  // As CreateKnnIndex takes it; checked, with its GPU, before serving.
  std::string engine = "auto";
  ProcessFlags process = {.health = "",
                          .metrics = "127.0.0.1:9465",
                          .log = "",
                          .log_format = "text",
                          .tls = {}};
  // Listen beyond loopback without encryption.
  bool insecure_allow_remote = false;

  // INVALID_ARGUMENT, naming key, value and mend. Addresses are checked when
  // they are listened on.
  absl::Status Validate() const {
    if (threads < 0 || threads > 1024) {
      return absl::InvalidArgumentError(absl::StrCat(
          "--threads = ", threads, ": use 1 to 1024, or 0 for one per core"));
    }
    if (listen.empty()) {
      return absl::InvalidArgumentError(
          "--listen = '': use HOST:PORT or unix:PATH");
    }
    return absl::OkStatus();
  }
};

}  // namespace kmyriad

#endif  // KMYRIAD_ENTROPY_SERVICE_ENTROPY_OPTIONS_H_
