#ifndef KMYRIAD_DEPLOY_LAUNCHER_CHILD_PROCESS_H_
#define KMYRIAD_DEPLOY_LAUNCHER_CHILD_PROCESS_H_

#include <sys/types.h>

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/optional.h"

namespace kmyriad {

// How a process ended: by a signal, or with an exit code.
struct ProcessExit {
  int signal = 0;
  int code = 0;
};

// "exit code 1" or "signal 9 (Killed)".
std::string Describe(const ProcessExit& exit);

// A process of ours: in a process group of its own, so that a terminal's
// Ctrl-C reaches the launcher alone, and killed by the system when the thread
// that started it ends. Its stdout and stderr come through pipes that never
// block. Not thread-safe; destruction kills and reaps.
class ChildProcess {
 public:
  // argv[0] is the path of the program. NOT_FOUND if it cannot be run,
  // RESOURCE_EXHAUSTED if the system is out of processes or descriptors.
  static absl::StatusOr<std::unique_ptr<ChildProcess>> Start(
      const std::vector<std::string>& argv);
  ~ChildProcess();
  ChildProcess(const ChildProcess&) = delete;
  ChildProcess& operator=(const ChildProcess&) = delete;

  pid_t pid() const { return pid_; }
  // Descriptors to poll; -1 once the pipe is closed.
  int stdout_fd() const { return out_.fd; }
  int stderr_fd() const { return err_.fd; }

  // Whole lines that arrived since the last call, without their ends; what is
  // left at the end of a pipe counts as a line.
  std::vector<std::string> ReadStdout() { return out_.Read(); }
  std::vector<std::string> ReadStderr() { return err_.Read(); }

  // Nothing while it runs. Never blocks.
  absl::optional<ProcessExit> Poll();
  // No effect once it has ended.
  void Signal(int signal);

 private:
  struct LinePipe {
    int fd = -1;
    std::string partial;
    std::vector<std::string> Read();
  };

  ChildProcess() = default;

  pid_t pid_ = -1;
  LinePipe out_;
  LinePipe err_;
  absl::optional<ProcessExit> exit_;
};

}  // namespace kmyriad

#endif  // KMYRIAD_DEPLOY_LAUNCHER_CHILD_PROCESS_H_
