#ifndef KMYRIAD_DEPLOY_LAUNCHER_PROCESS_SUPERVISOR_H_
#define KMYRIAD_DEPLOY_LAUNCHER_PROCESS_SUPERVISOR_H_

#include <deque>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "common/base/clock.h"
#include "deploy/launcher/child_process.h"
#include "deploy/launcher/liveness_probe.h"
#include "deploy/launcher/restart_budget.h"

namespace kmyriad {

// A process to keep alive.
struct ProcessSpec {
  // "learner", "actor-0": unique.
  std::string name;
  // argv[0] is the program's path.
  std::vector<std::string> argv;
  // What the process writes to stderr is appended here; empty: dropped.
  std::string log_file;
  // Exit codes that are an answer, not an accident: no restart. The first set
  // holds always, the second only until the process was ready once.
  std::set<int> final_codes;
  std::set<int> final_codes_before_ready;
  // A process that is not ready after so many seconds is killed.
  double ready_seconds = 120;
  // One that was ready and does not answer for so long is, too.
  double silent_seconds = LivenessProbe::kDeafSeconds;
};

struct ProcessEvent {
  enum class Kind {
    kReady,       // its line on stdout came: text
    kRestarting,  // it ended (exit) and starts again after `seconds`
    kEnded,       // it ended with a final code (exit); text: last stderr lines
    kFailed,      // it ended too often, or cannot start: text says why
  };
  Kind kind = Kind::kReady;
  std::string process;
  std::string text;
  ProcessExit exit;
  double seconds = 0;
};

// Starts processes, reads their readiness lines, restarts those that die or
// stop answering, and stops them all. Works in Poll() alone, on the thread
// that made it, which must outlive the processes. Not thread-safe.
class ProcessSupervisor {
 public:
  explicit ProcessSupervisor(Clock& clock) : clock_(clock) {}
  // Kills what still runs.
  ~ProcessSupervisor() = default;

  absl::Status Start(ProcessSpec spec);

  // Waits until something happens, `wake_fd` is readable (-1: none) or
  // `seconds` are over; returns what happened.
  std::vector<ProcessEvent> Poll(double seconds, int wake_fd);

  void Signal(const std::string& name, int signal);
  // Starts a process that has ended with a final code.
  void StartAgain(const std::string& name);
  // No more restarts, of any process; the ends are still reported.
  void StopRestarting() { restarting_ = false; }
  // Terminates all; kills what is left after `grace_seconds`. Blocks.
  void StopAll(double grace_seconds);
  // Kills all at once. Blocks until they are gone.
  void KillAll();

  bool running(const std::string& name) const;

  // What is known of the processes, for endpoints.json.
  struct Info {
    std::string name;
    pid_t pid = -1;          // -1: not running
    std::string ready_line;  // empty: not ready
    int restarts = 0;
  };
  std::vector<Info> Processes() const;

 private:
  struct Process {
    ProcessSpec spec;
    std::unique_ptr<ChildProcess> child;  // null: not running
    RestartBudget budget;
    double started = 0;
    double restart_at = -1;  // < 0: no restart due
    bool was_ready = false;
    std::string ready_line;
    std::unique_ptr<LivenessProbe> probe;  // after readiness
    std::deque<std::string> last_errors;
    int restarts = 0;
  };

  absl::Status StartChild(Process& process);
  void ReadOutput(Process& process, std::vector<ProcessEvent>& events);
  void CheckTimes(Process& process, std::vector<ProcessEvent>& events);
  void OnExit(Process& process, const ProcessExit& exit,
              std::vector<ProcessEvent>& events);
  void WaitForInput(double seconds, int wake_fd) const;

  Clock& clock_;
  std::vector<std::unique_ptr<Process>> processes_;
  bool restarting_ = true;
};

}  // namespace kmyriad

#endif  // KMYRIAD_DEPLOY_LAUNCHER_PROCESS_SUPERVISOR_H_
