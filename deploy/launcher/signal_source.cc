#include "deploy/launcher/signal_source.h"

#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

namespace kmyriad {

SignalSource::SignalSource() {
  sigset_t set;
  sigemptyset(&set);
  for (const int signal : {SIGINT, SIGTERM, SIGCHLD}) sigaddset(&set, signal);
  // Under nohup a run outlives its terminal.
  struct sigaction hangup {};
  if (sigaction(SIGHUP, nullptr, &hangup) != 0 ||
      hangup.sa_handler != SIG_IGN) {
    sigaddset(&set, SIGHUP);
  }
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  fd_ = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
}

SignalSource::~SignalSource() {
  if (fd_ >= 0) close(fd_);
}

std::vector<int> SignalSource::Take() {
  std::vector<int> signals;
  signalfd_siginfo info{};
  while (fd_ >= 0 && read(fd_, &info, sizeof(info)) == sizeof(info)) {
    const int signal = static_cast<int>(info.ssi_signo);
    if (signal != SIGCHLD) signals.push_back(signal);
  }
  return signals;
}

}  // namespace kmyriad
