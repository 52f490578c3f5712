#include "deploy/launcher/process_supervisor.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/base/status_macros.h"
#include "nlohmann/json.hpp"

namespace kmyriad {
namespace {

// Lines of stderr that are kept to tell why a process ended.
constexpr size_t kKeptErrorLines = 5;

void AppendLines(const std::string& file,
                 const std::vector<std::string>& lines) {
  if (file.empty() || lines.empty()) return;
  const int fd =
      open(file.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  if (fd < 0) return;
  const std::string text = absl::StrJoin(lines, "\n") + "\n";
  size_t done = 0;
  while (done < text.size()) {
    const ssize_t bytes = write(fd, text.data() + done, text.size() - done);
    if (bytes <= 0) break;
    done += static_cast<size_t>(bytes);
  }
  close(fd);
}

std::unique_ptr<LivenessProbe> ProbeOf(const std::string& ready_line,
                                       double now, double silent_seconds) {
  const auto json = nlohmann::json::parse(ready_line, nullptr, false);
  if (!json.is_object() || !json.contains("metrics") ||
      !json["metrics"].is_string()) {
    return nullptr;
  }
  return LivenessProbe::Create(json["metrics"].get<std::string>(), now,
                               silent_seconds);
}

bool IsReadyLine(const std::string& line) {
  const auto json = nlohmann::json::parse(line, nullptr, false);
  return json.is_object() && json.contains("role");
}

}  // namespace

absl::Status ProcessSupervisor::Start(ProcessSpec spec) {
  auto process = std::make_unique<Process>();
  process->spec = std::move(spec);
  KMYRIAD_RETURN_IF_ERROR(StartChild(*process));
  processes_.push_back(std::move(process));
  return absl::OkStatus();
}

absl::Status ProcessSupervisor::StartChild(Process& process) {
  process.restart_at = -1;
  process.ready_line.clear();
  process.probe.reset();
  process.last_errors.clear();
  process.started = clock_.MonotonicSeconds();
  KMYRIAD_ASSIGN_OR_RETURN(process.child,
                           ChildProcess::Start(process.spec.argv));
  return absl::OkStatus();
}

void ProcessSupervisor::ReadOutput(Process& process,
                                   std::vector<ProcessEvent>& events) {
  for (std::string& line : process.child->ReadStdout()) {
    if (!process.ready_line.empty() || !IsReadyLine(line)) continue;
    process.ready_line = line;
    process.was_ready = true;
    process.probe =
        ProbeOf(line, clock_.MonotonicSeconds(), process.spec.silent_seconds);
    events.push_back({ProcessEvent::Kind::kReady, process.spec.name,
                      std::move(line), ProcessExit(), 0});
  }
  const std::vector<std::string> errors = process.child->ReadStderr();
  AppendLines(process.spec.log_file, errors);
  for (const std::string& line : errors) {
    process.last_errors.push_back(line);
    if (process.last_errors.size() > kKeptErrorLines) {
      process.last_errors.pop_front();
    }
  }
}

void ProcessSupervisor::OnExit(Process& process, const ProcessExit& exit,
                               std::vector<ProcessEvent>& events) {
  ProcessEvent event;
  event.process = process.spec.name;
  event.exit = exit;
  event.text = absl::StrJoin(process.last_errors, "\n");
  process.child.reset();
  const ProcessSpec& spec = process.spec;
  const bool final_code =
      exit.signal == 0 &&
      (spec.final_codes.count(exit.code) > 0 ||
       (!process.was_ready && spec.final_codes_before_ready.count(exit.code)));
  if (!restarting_ || final_code) {
    event.kind = ProcessEvent::Kind::kEnded;
  } else {
    const double now = clock_.MonotonicSeconds();
    const auto wait = process.budget.OnDeath(!process.ready_line.empty(), now);
    if (wait) {
      event.kind = ProcessEvent::Kind::kRestarting;
      event.seconds = *wait;
      process.restart_at = now + *wait;
    } else {
      event.kind = ProcessEvent::Kind::kFailed;
      event.text = absl::StrCat(process.spec.name, " ended more than ",
                                RestartBudget::kRestartsPerMinute,
                                " times in a minute (", Describe(exit), ")",
                                event.text.empty() ? "" : ": ", event.text);
    }
  }
  events.push_back(std::move(event));
}

// Restarts what is due and kills what hangs.
void ProcessSupervisor::CheckTimes(Process& process,
                                   std::vector<ProcessEvent>& events) {
  const double now = clock_.MonotonicSeconds();
  if (process.child == nullptr) {
    if (!restarting_ || process.restart_at < 0 || now < process.restart_at) {
      return;
    }
    ++process.restarts;
    if (const absl::Status status = StartChild(process); !status.ok()) {
      events.push_back({ProcessEvent::Kind::kFailed, process.spec.name,
                        std::string(status.message()), ProcessExit(), 0});
    }
    return;
  }
  const bool late = process.ready_line.empty() &&
                    now - process.started > process.spec.ready_seconds;
  const bool deaf = process.probe != nullptr && !process.probe->Poll(now);
  if (late || deaf) {
    process.last_errors.push_back(
        late ? absl::StrCat(process.spec.name, " was not ready after ",
                            process.spec.ready_seconds, " s: killed")
             : absl::StrCat(process.spec.name, " has not answered for ",
                            process.spec.silent_seconds, " s: killed"));
    process.child->Signal(SIGKILL);
    process.probe.reset();
    process.started = now;
  }
}

void ProcessSupervisor::WaitForInput(double seconds, int wake_fd) const {
  std::vector<pollfd> fds;
  if (wake_fd >= 0) fds.push_back({wake_fd, POLLIN, 0});
  const double now = clock_.MonotonicSeconds();
  for (const auto& process : processes_) {
    if (process->child != nullptr) {
      for (const int fd :
           {process->child->stdout_fd(), process->child->stderr_fd()}) {
        if (fd >= 0) fds.push_back({fd, POLLIN, 0});
      }
    } else if (process->restart_at >= 0) {
      seconds = std::min(seconds, process->restart_at - now);
    }
  }
  // A closed pipe tells of an end, but waitpid may lag by a moment; a tenth
  // of a second bounds what that costs.
  const double bounded = std::max(0.0, std::min(seconds, 0.1));
  poll(fds.data(), fds.size(), static_cast<int>(bounded * 1000) + 1);
}

std::vector<ProcessEvent> ProcessSupervisor::Poll(double seconds, int wake_fd) {
  std::vector<ProcessEvent> events;
  const double end = clock_.MonotonicSeconds() + seconds;
  while (true) {
    for (const auto& process : processes_) {
      if (process->child != nullptr) {
        const auto exit = process->child->Poll();
        ReadOutput(*process, events);
        if (exit) OnExit(*process, *exit, events);
      }
      CheckTimes(*process, events);
    }
    const double left = end - clock_.MonotonicSeconds();
    if (!events.empty() || left <= 0) return events;
    WaitForInput(left, wake_fd);
    pollfd wake{wake_fd, POLLIN, 0};
    if (wake_fd >= 0 && poll(&wake, 1, 0) > 0) return events;
  }
}

void ProcessSupervisor::Signal(const std::string& name, int signal) {
  for (const auto& process : processes_) {
    if (process->spec.name == name && process->child != nullptr) {
      process->child->Signal(signal);
    }
  }
}

void ProcessSupervisor::StartAgain(const std::string& name) {
  for (const auto& process : processes_) {
    if (process->spec.name == name && process->child == nullptr) {
      process->restart_at = clock_.MonotonicSeconds();
    }
  }
}

void ProcessSupervisor::StopAll(double grace_seconds) {
  restarting_ = false;
  for (const auto& process : processes_) Signal(process->spec.name, SIGTERM);
  const double end = clock_.MonotonicSeconds() + grace_seconds;
  const auto any_left = [this] {
    return std::any_of(processes_.begin(), processes_.end(),
                       [](const auto& p) { return p->child != nullptr; });
  };
  while (any_left() && clock_.MonotonicSeconds() < end) {
    Poll(end - clock_.MonotonicSeconds(), -1);
  }
  KillAll();
}

void ProcessSupervisor::KillAll() {
  restarting_ = false;
  for (const auto& process : processes_) Signal(process->spec.name, SIGKILL);
  for (const auto& process : processes_) process->child.reset();
}

bool ProcessSupervisor::running(const std::string& name) const {
  for (const auto& process : processes_) {
    if (process->spec.name == name) return process->child != nullptr;
  }
  return false;
}

std::vector<ProcessSupervisor::Info> ProcessSupervisor::Processes() const {
  std::vector<Info> infos;
  for (const auto& process : processes_) {
    infos.push_back({process->spec.name,
                     process->child != nullptr ? process->child->pid() : -1,
                     process->ready_line, process->restarts});
  }
  return infos;
}

}  // namespace kmyriad
