#ifndef KMYRIAD_DEPLOY_LAUNCHER_TRAIN_SESSION_H_
#define KMYRIAD_DEPLOY_LAUNCHER_TRAIN_SESSION_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/types/optional.h"
#include "common/base/clock.h"
#include "common/base/file_system.h"
#include "deploy/launcher/control_client.h"
#include "deploy/launcher/process_supervisor.h"
#include "deploy/launcher/progress.h"
#include "deploy/launcher/run_folder.h"
#include "deploy/launcher/signal_source.h"

namespace kmyriad {

// What `kmyriad train` has decided before it starts anything.
struct TrainPlan {
  std::string run_name;
  std::string run_folder;
  uint64_t target_epochs = 0;
  int actors = 0;
  std::string learner_address;
  // Named "learner", "entropy", "actor-0", ...; started in this order.
  std::vector<ProcessSpec> processes;
};

// A training from the start of its processes to their end: supervises them,
// shows progress, passes signals on. Runs on one thread, which must be the one
// that made the signal source. Not thread-safe.
class TrainSession {
 public:
  TrainSession(TrainPlan plan, FileSystem& files, Clock& clock,
               SignalSource& signals);

  // Blocks until the training has ended, in whichever way, and all processes
  // are gone. Returns the exit code of `kmyriad train`; what went wrong was
  // said on stderr.
  int Run();

 private:
  absl::Status StartProcesses();
  void OnSignal();
  void OnEvent(const ProcessEvent& event);
  void OnEnded(const ProcessEvent& event);
  void OnLearnerEnded(const ProcessEvent& event);
  void RestartActors();
  void ShowNews();
  void UpdateState();
  void PublishEndpoints();
  int Finish();

  const TrainPlan plan_;
  FileSystem& files_;
  Clock& clock_;
  SignalSource& signals_;
  ProcessSupervisor supervisor_;
  ProgressDisplay display_;
  ProgressState state_;
  MetricsTail tail_;
  std::unique_ptr<ControlClient> client_;
  std::unique_ptr<EventWatcher> watcher_;
  absl::optional<int> exit_code_;
  bool learner_ready_ = false;
  bool draining_ = false;
  double drain_started_ = 0;
  double last_status_ = 0;
  // Actors that ended with code 0 while the learner runs, and when.
  std::vector<std::pair<std::string, double>> idle_actors_;
  // For the remaining time: epochs finished in this session, their seconds.
  double session_epochs_ = 0;
  double session_seconds_ = 0;
};

}  // namespace kmyriad

#endif  // KMYRIAD_DEPLOY_LAUNCHER_TRAIN_SESSION_H_
