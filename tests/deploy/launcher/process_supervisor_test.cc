#include "deploy/launcher/process_supervisor.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <deque>
#include <fstream>
#include <sstream>

#include "tests/testing/fake_clock.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_dir.h"

namespace kmyriad {
namespace {

using ::testing::HasSubstr;
using Kind = ProcessEvent::Kind;

ProcessSpec Shell(const std::string& name, const std::string& script) {
  ProcessSpec spec;
  spec.name = name;
  spec.argv = {"/bin/sh", "-c", script};
  return spec;
}

// Hands out the events of a supervisor one by one.
class EventSource {
 public:
  explicit EventSource(ProcessSupervisor& supervisor)
      : supervisor_(supervisor) {}
  // Waits for an event; the processes are known to make one.
  ProcessEvent Next() {
    for (int i = 0; i < 100 && events_.empty(); ++i) {
      for (auto& event : supervisor_.Poll(1, -1)) events_.push_back(event);
    }
    if (events_.empty()) {
      ADD_FAILURE() << "no event";
      return {};
    }
    const ProcessEvent event = events_.front();
    events_.pop_front();
    return event;
  }

 private:
  ProcessSupervisor& supervisor_;
  std::deque<ProcessEvent> events_;
};

constexpr char kReady[] = "echo '{\"role\": \"actor\", \"metrics\": \"\"}'; ";

TEST(ProcessSupervisorTest, ReportsReadinessAndFinalEnd) {
  ProcessSupervisor supervisor(RealClock());
  EventSource source(supervisor);
  ProcessSpec spec =
      Shell("learner", absl::StrCat("echo noise; ", kReady, "exit 75"));
  spec.final_codes = {75};
  ASSERT_THAT(supervisor.Start(spec), IsOk());
  const ProcessEvent ready = source.Next();
  EXPECT_EQ(ready.kind, Kind::kReady);
  EXPECT_THAT(ready.text, HasSubstr("\"role\""));
  const ProcessEvent ended = source.Next();
  EXPECT_EQ(ended.kind, Kind::kEnded);
  EXPECT_EQ(ended.exit.code, 75);
  EXPECT_FALSE(supervisor.running("learner"));
}

TEST(ProcessSupervisorTest, RestartsAProcessThatWasKilled) {
  ProcessSupervisor supervisor(RealClock());
  EventSource source(supervisor);
  ASSERT_THAT(supervisor.Start(
                  Shell("actor-0", absl::StrCat(kReady, "exec sleep 100"))),
              IsOk());
  EXPECT_EQ(source.Next().kind, Kind::kReady);
  // Close kills cost no more than the first.
  for (int kills = 1; kills <= 3; ++kills) {
    const pid_t killed = supervisor.Processes()[0].pid;
    supervisor.Signal("actor-0", SIGKILL);
    const ProcessEvent restarting = source.Next();
    EXPECT_EQ(restarting.kind, Kind::kRestarting);
    EXPECT_EQ(restarting.exit.signal, SIGKILL);
    EXPECT_EQ(restarting.seconds, 0.1);
    EXPECT_EQ(source.Next().kind, Kind::kReady);
    EXPECT_NE(supervisor.Processes()[0].pid, killed);
    EXPECT_EQ(supervisor.Processes()[0].restarts, kills);
  }
}

TEST(ProcessSupervisorTest, RefusalAtStartIsFinalWithItsWords) {
  TempDir dir;
  ProcessSupervisor supervisor(RealClock());
  EventSource source(supervisor);
  ProcessSpec spec = Shell("actor-0", "echo 'actor: error: x' >&2; exit 78");
  spec.final_codes_before_ready = {78};
  spec.log_file = dir.File("actor.log");
  ASSERT_THAT(supervisor.Start(spec), IsOk());
  const ProcessEvent ended = source.Next();
  EXPECT_EQ(ended.kind, Kind::kEnded);
  EXPECT_EQ(ended.text, "actor: error: x");
  std::stringstream log;
  log << std::ifstream(spec.log_file).rdbuf();
  EXPECT_EQ(log.str(), "actor: error: x\n");
}

TEST(ProcessSupervisorTest, TheSameCodeAfterReadinessIsAnAccident) {
  ProcessSupervisor supervisor(RealClock());
  EventSource source(supervisor);
  ProcessSpec spec = Shell("actor-0", absl::StrCat(kReady, "exit 78"));
  spec.final_codes_before_ready = {78};
  ASSERT_THAT(supervisor.Start(spec), IsOk());
  EXPECT_EQ(source.Next().kind, Kind::kReady);
  EXPECT_EQ(source.Next().kind, Kind::kRestarting);
}

TEST(ProcessSupervisorTest, GivesUpOnAProcessThatKeepsDying) {
  FakeClock clock;
  ProcessSupervisor supervisor(clock);
  ASSERT_THAT(supervisor.Start(Shell("entropy", "echo broken >&2; exit 3")),
              IsOk());
  int restarts = 0;
  while (true) {
    // Time passes while the process waits for its next start, no faster.
    if (!supervisor.running("entropy")) clock.Advance(0.02);
    const auto events = supervisor.Poll(0, -1);
    if (events.empty()) continue;
    if (events[0].kind == Kind::kFailed) {
      EXPECT_THAT(events[0].text, HasSubstr("entropy ended more than 10"));
      EXPECT_THAT(events[0].text, HasSubstr("broken"));
      break;
    }
    ASSERT_EQ(events[0].kind, Kind::kRestarting);
    ++restarts;
  }
  EXPECT_EQ(restarts, RestartBudget::kRestartsPerMinute);
}

TEST(ProcessSupervisorTest, KillsWhatIsNotReadyInTime) {
  FakeClock clock;
  ProcessSupervisor supervisor(clock);
  ProcessSpec spec = Shell("learner", "exec sleep 100");
  spec.ready_seconds = 60;
  ASSERT_THAT(supervisor.Start(spec), IsOk());
  EXPECT_TRUE(supervisor.Poll(0, -1).empty());
  clock.Advance(61);
  supervisor.Poll(0, -1);
  std::vector<ProcessEvent> events;
  while (events.empty()) events = supervisor.Poll(0, -1);
  EXPECT_EQ(events[0].kind, Kind::kRestarting);
  EXPECT_THAT(events[0].text, HasSubstr("was not ready after 60 s"));
}

TEST(ProcessSupervisorTest, StopAllTerminatesThenKills) {
  ProcessSupervisor supervisor(RealClock());
  EventSource source(supervisor);
  ASSERT_THAT(
      supervisor.Start(Shell("good", absl::StrCat(kReady, "exec sleep 100"))),
      IsOk());
  ASSERT_THAT(supervisor.Start(
                  Shell("deaf", absl::StrCat("trap '' TERM; ", kReady,
                                             "while :; do sleep 0.05; done"))),
              IsOk());
  EXPECT_EQ(source.Next().kind, Kind::kReady);
  EXPECT_EQ(source.Next().kind, Kind::kReady);
  supervisor.StopAll(0.2);
  EXPECT_FALSE(supervisor.running("good"));
  EXPECT_FALSE(supervisor.running("deaf"));
}

TEST(ProcessSupervisorTest, AMissingProgramIsAnErrorAtOnce) {
  ProcessSupervisor supervisor(RealClock());
  ProcessSpec spec;
  spec.name = "learner";
  spec.argv = {"/nowhere/kmyriad-learner"};
  EXPECT_THAT(supervisor.Start(spec), StatusIs(absl::StatusCode::kNotFound));
}

}  // namespace
}  // namespace kmyriad
