#include "deploy/launcher/train_session.h"

#include <signal.h>

#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "common/base/status_macros.h"
#include "common/process/exit_codes.h"

namespace kmyriad {
namespace {

// A learner that computes an epoch may answer late, but never this late.
constexpr double kStatusDeadline = 0.5;
constexpr double kStatusInterval = 0.25;
constexpr double kFrameSeconds = 0.125;
// Time that processes get between SIGTERM and SIGKILL.
constexpr double kGraceSeconds = 5;
// A learner that drains writes at most one checkpoint.
constexpr double kDrainSeconds = 120;
// An actor ends with 0 or 75 when the learner is done; if that still runs after
// this long, somebody else ended the actor.
constexpr double kIdleActorSeconds = 3;

std::string StateName(v1::RunState state) {
  switch (state) {
    case v1::RUN_STATE_STARTING:
      return "starting";
    case v1::RUN_STATE_RUNNING:
      return "running";
    case v1::RUN_STATE_PAUSED:
      return "paused";
    case v1::RUN_STATE_WAITING:
      return "waiting";
    case v1::RUN_STATE_DRAINING:
      return "draining";
    case v1::RUN_STATE_FINISHED:
      return "finished";
    case v1::RUN_STATE_FAILED:
      return "failed";
    default:
      return "unknown";
  }
}

std::string PhaseName(v1::RunPhase phase) {
  switch (phase) {
    case v1::RUN_PHASE_COLLECT:
      return "collect";
    case v1::RUN_PHASE_SCORE:
      return "score";
    case v1::RUN_PHASE_UPDATE:
      return "update";
    case v1::RUN_PHASE_CHECKPOINT:
      return "checkpoint";
    default:
      return "";
  }
}

bool IsActor(const std::string& process) {
  return absl::StartsWith(process, "actor-");
}

}  // namespace

TrainSession::TrainSession(TrainPlan plan, FileSystem& files, Clock& clock,
                           SignalSource& signals)
    : plan_(std::move(plan)),
      files_(files),
      clock_(clock),
      signals_(signals),
      supervisor_(clock),
      tail_(JoinPath(plan_.run_folder, "metrics.jsonl")) {
  state_.run_name = plan_.run_name;
  state_.state = "starting";
  state_.target_epochs = plan_.target_epochs;
  state_.expected_actors = plan_.actors;
}

int TrainSession::Run() {
  if (const absl::Status status = StartProcesses(); !status.ok()) {
    display_.Print(absl::StrCat("kmyriad: error: ", status.message()));
    supervisor_.KillAll();
    RemoveEndpoints(files_, plan_.run_folder);
    return kExitFailure;
  }
  while (!exit_code_) {
    const double wait = display_.in_place() ? kFrameSeconds : kStatusInterval;
    const std::vector<ProcessEvent> events =
        supervisor_.Poll(wait, signals_.fd());
    const size_t signals = signals_.Take().size();
    for (size_t i = 0; i < signals && !exit_code_; ++i) OnSignal();
    for (const ProcessEvent& event : events) OnEvent(event);
    if (exit_code_) break;
    if (!events.empty()) PublishEndpoints();
    RestartActors();
    UpdateState();
    ShowNews();
    if (draining_ &&
        clock_.MonotonicSeconds() - drain_started_ > kDrainSeconds) {
      display_.Print(absl::StrCat("the learner did not drain within ",
                                  kDrainSeconds, " s: killed"));
      exit_code_ = kExitInterrupted;
      supervisor_.KillAll();
    }
    display_.Draw(state_);
  }
  return Finish();
}

absl::Status TrainSession::StartProcesses() {
  for (const ProcessSpec& spec : plan_.processes) {
    KMYRIAD_RETURN_IF_ERROR(supervisor_.Start(spec));
  }
  PublishEndpoints();
  KMYRIAD_ASSIGN_OR_RETURN(
      client_, ControlClient::Create(plan_.learner_address, kStatusDeadline));
  return absl::OkStatus();
}

void TrainSession::OnSignal() {
  if (!draining_) {
    draining_ = true;
    drain_started_ = clock_.MonotonicSeconds();
    state_.state = "draining";
    display_.Print("draining; press Ctrl-C again to quit now");
    supervisor_.StopRestarting();
    supervisor_.Signal("learner", SIGTERM);
    if (!supervisor_.running("learner")) exit_code_ = kExitInterrupted;
    return;
  }
  display_.Print("quitting now");
  supervisor_.KillAll();
  exit_code_ = kExitInterrupted;
}

void TrainSession::OnEvent(const ProcessEvent& event) {
  if (exit_code_) return;
  switch (event.kind) {
    case ProcessEvent::Kind::kReady:
      if (event.process == "learner") {
        learner_ready_ = true;
        if (watcher_ == nullptr) {
          watcher_ = std::make_unique<EventWatcher>(*client_);
        }
      }
      return;
    case ProcessEvent::Kind::kRestarting:
      if (event.process == "learner") learner_ready_ = false;
      display_.Print(
          absl::StrFormat("%s ended (%s); starting it again in %.1f s%s%s",
                          event.process, Describe(event.exit), event.seconds,
                          event.text.empty() ? "" : ": ", event.text));
      return;
    case ProcessEvent::Kind::kFailed:
      display_.Print(absl::StrCat("kmyriad: error: ", event.text));
      display_.Print(
          absl::StrCat("kmyriad: logs: ", JoinPath(plan_.run_folder, "logs")));
      exit_code_ = kExitFailure;
      return;
    case ProcessEvent::Kind::kEnded:
      OnEnded(event);
      return;
  }
}

void TrainSession::OnEnded(const ProcessEvent& event) {
  if (event.process == "learner") {
    OnLearnerEnded(event);
    return;
  }
  if (draining_) return;
  if (IsActor(event.process) && event.exit.signal == 0 &&
      (event.exit.code == kExitDone || event.exit.code == kExitInterrupted)) {
    idle_actors_.emplace_back(event.process, clock_.MonotonicSeconds());
    return;
  }
  // It refused to start: it has said why.
  display_.Print(event.text.empty()
                     ? absl::StrCat("kmyriad: error: ", event.process,
                                    " ended at its start (",
                                    Describe(event.exit), ")")
                     : event.text);
  exit_code_ =
      event.exit.code == kExitConfiguration ? kExitConfiguration : kExitFailure;
}

void TrainSession::OnLearnerEnded(const ProcessEvent& event) {
  const ProcessExit& exit = event.exit;
  if (exit.signal == 0 && exit.code == kExitDone) {
    exit_code_ = kExitDone;
  } else if (exit.signal == 0 && exit.code == kExitInterrupted) {
    exit_code_ = kExitInterrupted;
  } else if (draining_) {
    display_.Print(absl::StrCat("the learner ended with ", Describe(exit), "; ",
                                "the run goes on from its last checkpoint"));
    exit_code_ = kExitInterrupted;
  } else {
    display_.Print(event.text.empty()
                       ? absl::StrCat("kmyriad: error: the learner ended (",
                                      Describe(exit), ")")
                       : event.text);
    exit_code_ =
        exit.code == kExitConfiguration ? kExitConfiguration : kExitFailure;
  }
}

void TrainSession::RestartActors() {
  const double now = clock_.MonotonicSeconds();
  while (!idle_actors_.empty() && !draining_ &&
         now - idle_actors_.front().second > kIdleActorSeconds) {
    const std::string name = idle_actors_.front().first;
    idle_actors_.erase(idle_actors_.begin());
    display_.Print(absl::StrCat(name, " ended; starting it again"));
    supervisor_.StartAgain(name);
    PublishEndpoints();
  }
}

void TrainSession::UpdateState() {
  const double now = clock_.MonotonicSeconds();
  if (!learner_ready_ || now - last_status_ < kStatusInterval) return;
  last_status_ = now;
  const auto status = client_->GetStatus();
  if (!status.ok()) return;
  state_.state = draining_ ? "draining" : StateName(status->state());
  state_.phase = PhaseName(status->phase());
  state_.phase_progress = status->phase_progress();
  state_.epoch = status->epoch();
  state_.target_epochs = status->target_epochs();
  state_.env_steps = status->env_steps();
  state_.steps_per_second = status->env_steps_per_second();
  state_.eta_seconds = status->eta_seconds();
  state_.checkpoint_age_seconds = status->last_checkpoint().empty()
                                      ? -1
                                      : status->last_checkpoint_age_seconds();
  state_.actors = static_cast<int>(status->actors());
  state_.message = status->message();
  if (state_.metrics.is_null() && !status->last_metrics_json().empty()) {
    state_.metrics =
        nlohmann::json::parse(status->last_metrics_json(), nullptr, false);
  }
}

// Finished epochs and the learner's events since the last call.
void TrainSession::ShowNews() {
  for (nlohmann::json& metrics : tail_.Take()) {
    const double epoch = NumberOr(metrics, "epoch", 0);
    const auto seconds = metrics.find("seconds");
    session_epochs_ += 1;
    session_seconds_ +=
        seconds != metrics.end() ? NumberOr(*seconds, "total", 0) : 0;
    if (!display_.in_place()) {
      const double left = static_cast<double>(plan_.target_epochs) - epoch;
      display_.Print(EpochLine(metrics, plan_.target_epochs,
                               left * session_seconds_ / session_epochs_));
    }
    state_.before = std::move(state_.metrics);
    state_.metrics = std::move(metrics);
  }
  if (watcher_ == nullptr) return;
  for (const v1::Event& event : watcher_->Take()) {
    if (event.kind() == v1::Event::EPOCH ||
        event.kind() == v1::Event::CHECKPOINT || event.message().empty()) {
      continue;
    }
    display_.Print(event.message());
  }
}

void TrainSession::PublishEndpoints() {
  std::vector<Endpoint> endpoints;
  for (const ProcessSupervisor::Info& info : supervisor_.Processes()) {
    endpoints.push_back(
        EndpointFromReadyLine(info.name, info.pid, info.ready_line));
    // The socket's path is known before the learner listens.
    if (info.name == "learner") {
      endpoints.back().listening = plan_.learner_address;
    }
  }
  const absl::Status status =
      WriteEndpoints(files_, plan_.run_folder, endpoints);
  if (!status.ok()) {
    display_.Print(absl::StrCat("warning: ", status.message()));
  }
}

int TrainSession::Finish() {
  watcher_.reset();
  supervisor_.StopAll(kGraceSeconds);
  ShowNews();
  if (exit_code_ == kExitDone) {
    state_.state = "finished";
    state_.epoch = plan_.target_epochs;
    state_.eta_seconds = 0;
    state_.message.clear();
    display_.Draw(state_);
  }
  RemoveEndpoints(files_, plan_.run_folder);
  return *exit_code_;
}

}  // namespace kmyriad
