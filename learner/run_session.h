#ifndef KMYRIAD_LEARNER_RUN_SESSION_H_
#define KMYRIAD_LEARNER_RUN_SESSION_H_

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/base/clock.h"
#include "common/base/file_system.h"
#include "common/base/tensor.h"
#include "kmyriad/v1/run_config.pb.h"
#include "learner/checkpoint/run_directory.h"

namespace kmyriad {

// What to do about a run that is, or is not, there already.
enum class ResumeMode {
  // Resume it if it is there, start it otherwise.
  kAuto,
  // It must not be there.
  kNever,
  // It must be there.
  kMust,
};

// INVALID_ARGUMENT for anything but "auto", "never", "must".
absl::StatusOr<ResumeMode> ParseResumeMode(const std::string& name);

struct RunSessionOptions {
  std::string run_dir;
  ResumeMode resume = ResumeMode::kAuto;
  // Validated, as wanted by the user.
  v1::RunConfig config;
  // Cores of the machine: what learner.threads = 0 becomes in a new run.
  int cores = 1;
  std::string revision;
  // Library builds and modes, recorded and compared.
  std::map<std::string, std::string> numerics;
};

// A run that this process may go on with.
struct RunSession {
  std::unique_ptr<RunDirectory> directory;
  // As now in resolved.textproto.
  v1::RunConfig config;
  bool resumed = false;
  // Resolved once and stored.
  int threads = 1;
  // Differences that may change bits, one line each; to be said loudly.
  std::vector<std::string> recorded;
  // What the configuration's task started from: the tensors of the run folder's
  // initial.safetensors. Empty if it names none, or if the file is missing and
  // a checkpoint holds what came of it.
  std::vector<NamedTensor> initial;
};

// Locks the run directory, and makes or resumes the run in it.
// FAILED_PRECONDITION: the configuration differs in something fixed (naming
// each difference), the mode forbids it, or the format is newer. UNAVAILABLE:
// another process has the run. NOT_FOUND or DATA_LOSS: the task's initial
// policy is missing before the first checkpoint, or another one.
absl::StatusOr<RunSession> OpenRunSession(const RunSessionOptions& options,
                                          FileSystem& files,
                                          const Clock& clock);

}  // namespace kmyriad

#endif  // KMYRIAD_LEARNER_RUN_SESSION_H_
