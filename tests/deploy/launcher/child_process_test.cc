#include "deploy/launcher/child_process.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>

#include "tests/testing/status_matchers.h"

namespace kmyriad {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

// Waits for input on both pipes until they are closed; collects stdout.
std::vector<std::string> ReadToEnd(ChildProcess& child,
                                   std::vector<std::string>* errors = nullptr) {
  std::vector<std::string> lines;
  while (child.stdout_fd() >= 0 || child.stderr_fd() >= 0) {
    pollfd fds[2] = {{child.stdout_fd(), POLLIN, 0},
                     {child.stderr_fd(), POLLIN, 0}};
    poll(fds, 2, 10000);
    for (std::string& line : child.ReadStdout()) lines.push_back(line);
    for (std::string& line : child.ReadStderr()) {
      if (errors != nullptr) errors->push_back(line);
    }
  }
  return lines;
}

ProcessExit WaitForExit(ChildProcess& child) {
  while (!child.Poll()) poll(nullptr, 0, 1);
  return *child.Poll();
}

TEST(ChildProcessTest, LinesOfBothStreamsArriveWhole) {
  KMYRIAD_ASSERT_OK_AND_ASSIGN(
      auto child, ChildProcess::Start({"/bin/sh", "-c",
                                       "printf 'a\\nb'; echo c; echo oops >&2; "
                                       "printf tail; exit 7"}));
  std::vector<std::string> errors;
  EXPECT_THAT(ReadToEnd(*child, &errors), ElementsAre("a", "bc", "tail"));
  EXPECT_THAT(errors, ElementsAre("oops"));
  const ProcessExit exit = WaitForExit(*child);
  EXPECT_EQ(exit.code, 7);
  EXPECT_EQ(exit.signal, 0);
  EXPECT_EQ(Describe(exit), "exit code 7");
}

TEST(ChildProcessTest, EndBySignalIsToldApart) {
  KMYRIAD_ASSERT_OK_AND_ASSIGN(
      auto child, ChildProcess::Start({"/bin/sh", "-c", "kill -9 $$"}));
  const ProcessExit exit = WaitForExit(*child);
  EXPECT_EQ(exit.signal, SIGKILL);
  EXPECT_THAT(Describe(exit), HasSubstr("signal 9"));
}

TEST(ChildProcessTest, MissingProgramIsNotFound) {
  EXPECT_THAT(
      ChildProcess::Start({"/nowhere/program"}),
      StatusIs(absl::StatusCode::kNotFound, HasSubstr("/nowhere/program")));
}

TEST(ChildProcessTest, HasAGroupOfItsOwnAndNoBlockedSignals) {
  sigset_t set, old;
  sigemptyset(&set);
  sigaddset(&set, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &set, &old);
  KMYRIAD_ASSERT_OK_AND_ASSIGN(
      auto child,
      ChildProcess::Start({"/bin/sh", "-c", "echo ready; exec sleep 100"}));
  pthread_sigmask(SIG_SETMASK, &old, nullptr);
  pollfd out{child->stdout_fd(), POLLIN, 0};
  poll(&out, 1, 10000);
  EXPECT_EQ(getpgid(child->pid()), child->pid());
  child->Signal(SIGTERM);
  EXPECT_EQ(WaitForExit(*child).signal, SIGTERM);
}

TEST(ChildProcessTest, DestructionKillsAndReaps) {
  pid_t pid = -1;
  {
    KMYRIAD_ASSERT_OK_AND_ASSIGN(auto child,
                                 ChildProcess::Start({"/bin/sleep", "100"}));
    pid = child->pid();
    EXPECT_FALSE(child->Poll());
  }
  EXPECT_EQ(kill(pid, 0), -1);
}

}  // namespace
}  // namespace kmyriad
