#ifndef KMYRIAD_DEPLOY_LAUNCHER_COMMANDS_CTL_H_
#define KMYRIAD_DEPLOY_LAUNCHER_COMMANDS_CTL_H_

#include <cstdint>
#include <string>

#include "common/rpc/transport_security.h"
#include "deploy/launcher/signal_source.h"

namespace kmyriad {

struct CtlOptions {
  // "status", "watch", "events", "pause", "resume", "checkpoint", "list",
  // "restore" or "stop".
  std::string verb;
  // Address of the learner; empty: that of the run `name` in `runs`; both
  // empty: the only live run in `runs`, or 127.0.0.1:50051.
  std::string learner;
  std::string name;
  std::string runs;
  // Of mutating calls; empty: a fresh one.
  std::string request_id;
  // restore only: folder name or epoch number.
  std::string checkpoint;
  bool dry_run = false;
  bool json = false;
  double deadline_seconds = 10;
  // events only: how many, the newest.
  uint32_t last = 20;
  // Identity as operator under mutual TLS; empty: plaintext.
  TlsFiles tls;
};

// `kmyriad ctl`: one call of service Control, its answer on stdout. Returns
// the exit code, 69 if the learner cannot be reached.
int RunCtl(const CtlOptions& options, SignalSource& signals);

}  // namespace kmyriad

#endif  // KMYRIAD_DEPLOY_LAUNCHER_COMMANDS_CTL_H_
