#include "deploy/launcher/child_process.h"

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>

#include "absl/strings/str_cat.h"

namespace kmyriad {
namespace {

// A line longer than this is cut: a child cannot make the launcher grow.
constexpr size_t kMaxLineBytes = 1 << 16;

struct PipeEnds {
  int read = -1;
  int write = -1;
  void Close() {
    if (read >= 0) close(read);
    if (write >= 0) close(write);
  }
};

bool MakePipe(PipeEnds& ends) {
  int fds[2];
  if (pipe2(fds, O_CLOEXEC) != 0) return false;
  ends = {fds[0], fds[1]};
  return true;
}

// In the child, after fork: only calls that are safe there. Reports errno
// through `report` if the program cannot be run.
[[noreturn]] void RunInChild(char* const argv[], pid_t parent, int out, int err,
                             int report) {
  setpgid(0, 0);
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  // The parent may have died before the line above took effect.
  if (getppid() != parent) _exit(1);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  signal(SIGPIPE, SIG_DFL);
  const int null = open("/dev/null", O_RDONLY);
  if (null >= 0) dup2(null, STDIN_FILENO);
  dup2(out, STDOUT_FILENO);
  dup2(err, STDERR_FILENO);
  execv(argv[0], argv);
  const int reason = errno;
  if (write(report, &reason, sizeof(reason)) < 0) _exit(126);
  _exit(127);
}

}  // namespace

std::string Describe(const ProcessExit& exit) {
  if (exit.signal != 0) {
    return absl::StrCat("signal ", exit.signal, " (", strsignal(exit.signal),
                        ")");
  }
  return absl::StrCat("exit code ", exit.code);
}

std::vector<std::string> ChildProcess::LinePipe::Read() {
  std::vector<std::string> lines;
  char buffer[4096];
  while (fd >= 0) {
    const ssize_t bytes = read(fd, buffer, sizeof(buffer));
    if (bytes < 0 && errno == EINTR) continue;
    if (bytes < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) break;
    if (bytes <= 0) {
      close(fd);
      fd = -1;
      if (!partial.empty()) lines.push_back(std::move(partial));
      partial.clear();
      break;
    }
    for (ssize_t i = 0; i < bytes; ++i) {
      if (buffer[i] == '\n') {
        lines.push_back(std::move(partial));
        partial.clear();
      } else if (partial.size() < kMaxLineBytes) {
        partial.push_back(buffer[i]);
      }
    }
  }
  return lines;
}

absl::StatusOr<std::unique_ptr<ChildProcess>> ChildProcess::Start(
    const std::vector<std::string>& argv) {
  std::vector<char*> pointers;
  for (const std::string& argument : argv) {
    pointers.push_back(const_cast<char*>(argument.c_str()));
  }
  pointers.push_back(nullptr);
  PipeEnds out, err, report;
  const bool pipes = MakePipe(out) && MakePipe(err) && MakePipe(report);
  const pid_t parent = getpid();
  const pid_t pid = pipes ? fork() : -1;
  if (pid == 0) {
    RunInChild(pointers.data(), parent, out.write, err.write, report.write);
  }
  if (pid < 0) {
    const int reason = errno;
    out.Close();
    err.Close();
    report.Close();
    return absl::ResourceExhaustedError(
        absl::StrCat("cannot start ", argv[0], ": ", strerror(reason)));
  }
  close(out.write);
  close(err.write);
  close(report.write);
  // The descriptor closes by itself when the program starts.
  int reason = 0;
  const bool failed =
      read(report.read, &reason, sizeof(reason)) == sizeof(reason);
  close(report.read);
  fcntl(out.read, F_SETFL, O_NONBLOCK);
  fcntl(err.read, F_SETFL, O_NONBLOCK);
  std::unique_ptr<ChildProcess> child(new ChildProcess);
  child->pid_ = pid;
  child->out_.fd = out.read;
  child->err_.fd = err.read;
  if (failed) {
    return absl::NotFoundError(
        absl::StrCat("cannot run ", argv[0], ": ", strerror(reason)));
  }
  return child;
}

ChildProcess::~ChildProcess() {
  if (!Poll()) {
    Signal(SIGKILL);
    waitpid(pid_, nullptr, 0);
  }
  if (out_.fd >= 0) close(out_.fd);
  if (err_.fd >= 0) close(err_.fd);
}

absl::optional<ProcessExit> ChildProcess::Poll() {
  if (exit_) return exit_;
  int status = 0;
  if (waitpid(pid_, &status, WNOHANG) != pid_) return absl::nullopt;
  ProcessExit exit;
  if (WIFSIGNALED(status)) exit.signal = WTERMSIG(status);
  if (WIFEXITED(status)) exit.code = WEXITSTATUS(status);
  exit_ = exit;
  return exit_;
}

void ChildProcess::Signal(int signal) {
  if (!exit_) kill(pid_, signal);
}

}  // namespace kmyriad
