#ifndef KMYRIAD_DEPLOY_LAUNCHER_SIGNAL_SOURCE_H_
#define KMYRIAD_DEPLOY_LAUNCHER_SIGNAL_SOURCE_H_

#include <vector>

namespace kmyriad {

// Turns the signals that ask a process to end, and those of a child's end,
// into a descriptor to poll. Blocks them for the calling thread and the
// threads that it starts later: to be made first in main. One per process.
class SignalSource {
 public:
  SignalSource();
  ~SignalSource();
  SignalSource(const SignalSource&) = delete;
  SignalSource& operator=(const SignalSource&) = delete;

  int fd() const { return fd_; }
  // Signals since the last call: SIGINT, SIGTERM, and SIGHUP unless it was
  // ignored when this was made; those of children are only taken off.
  std::vector<int> Take();

 private:
  int fd_ = -1;
};

}  // namespace kmyriad

#endif  // KMYRIAD_DEPLOY_LAUNCHER_SIGNAL_SOURCE_H_
