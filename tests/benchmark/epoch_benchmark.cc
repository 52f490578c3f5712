#include "tests/benchmark/epoch_benchmark.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <map>
#include <memory>
#include <sstream>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "common/base/clock.h"
#include "common/base/file_system.h"
#include "common/base/status_macros.h"
#include "deploy/launcher/child_process.h"
#include "deploy/launcher/run_folder.h"

namespace kmyriad {
namespace {

constexpr char kRunName[] = "bench";
constexpr int kSampleMilliseconds = 20;
constexpr const char* kPhases[] = {"collect", "score", "update", "checkpoint"};

// Processor seconds of a process so far; < 0 if it is gone.
double CpuSeconds(int pid) {
  std::ifstream stream(absl::StrCat("/proc/", pid, "/stat"));
  std::stringstream text;
  text << stream.rdbuf();
  const std::string stat = text.str();
  // The name in parentheses may hold anything; user and system time are the
  // 12th and 13th field after it.
  const size_t name_end = stat.rfind(") ");
  if (name_end == std::string::npos) return -1;
  const std::vector<std::string> fields =
      absl::StrSplit(stat.substr(name_end + 2), ' ');
  double user = 0;
  double system = 0;
  if (fields.size() < 13 || !absl::SimpleAtod(fields[11], &user) ||
      !absl::SimpleAtod(fields[12], &system)) {
    return -1;
  }
  return (user + system) / static_cast<double>(sysconf(_SC_CLK_TCK));
}

// Text of http://127.0.0.1:PORT/metrics; empty on any failure.
std::string FetchMetrics(const std::string& address) {
  absl::string_view port_text = address;
  int port = 0;
  if (!absl::ConsumePrefix(&port_text, "127.0.0.1:") ||
      !absl::SimpleAtoi(port_text, &port)) {
    return "";
  }
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in peer{};
  peer.sin_family = AF_INET;
  peer.sin_port = htons(static_cast<uint16_t>(port));
  peer.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const timeval timeout{2, 0};
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout));
  std::string text;
  constexpr absl::string_view kRequest =
      "GET /metrics HTTP/1.0\r\nHost: localhost\r\n\r\n";
  if (connect(fd, reinterpret_cast<sockaddr*>(&peer), sizeof(peer)) == 0 &&
      send(fd, kRequest.data(), kRequest.size(), MSG_NOSIGNAL) > 0) {
    char buffer[4096];
    ssize_t bytes = 0;
    while ((bytes = recv(fd, buffer, sizeof(buffer), 0)) > 0) {
      text.append(buffer, static_cast<size_t>(bytes));
    }
  }
  close(fd);
  return text;
}

// Sum of a series over its labels.
double SeriesSum(const std::string& text, const std::string& name) {
  double sum = 0;
  for (const absl::string_view line : absl::StrSplit(text, '\n')) {
    if (!absl::StartsWith(line, name)) continue;
    const absl::string_view rest = line.substr(name.size());
    if (rest.empty() || (rest[0] != ' ' && rest[0] != '{')) continue;
    double value = 0;
    if (absl::SimpleAtod(rest.substr(rest.rfind(' ') + 1), &value)) {
      sum += value;
    }
  }
  return sum;
}

// Processor seconds by process at a moment.
struct Sample {
  double time = 0;
  std::map<std::string, double> cpu;
};

struct ActorSeconds {
  double physics = 0;
  double inference = 0;
  // Whole segments, sending included.
  double rollout = 0;
};

struct EpochEnd {
  double time = 0;
  nlohmann::json metrics;
  ActorSeconds actors;
};

class Recorder {
 public:
  explicit Recorder(std::string folder)
      : folder_(std::move(folder)), tail_(JoinPath(folder_, "metrics.jsonl")) {}

  void Take() {
    if (const auto endpoints = ReadEndpoints(PosixFileSystem(), folder_);
        endpoints.ok()) {
      endpoints_ = *endpoints;
    }
    Sample sample;
    sample.time = RealClock().MonotonicSeconds();
    for (const Endpoint& endpoint : endpoints_) {
      const double cpu = endpoint.pid > 0 ? CpuSeconds(endpoint.pid) : -1;
      if (cpu >= 0) sample.cpu[endpoint.process] = cpu;
    }
    for (nlohmann::json& metrics : tail_.Take()) {
      ends_.push_back({sample.time, std::move(metrics), AskActors()});
    }
    samples_.push_back(std::move(sample));
  }

  const std::vector<EpochEnd>& ends() const { return ends_; }

  // Processor seconds of `process` until `time`, between samples by straight
  // lines.
  double CpuAt(const std::string& process, double time) const {
    const Sample* before = nullptr;
    for (const Sample& sample : samples_) {
      if (sample.cpu.count(process) == 0) continue;
      const double cpu = sample.cpu.at(process);
      if (sample.time >= time) {
        if (before == nullptr || sample.time == before->time) return cpu;
        const double share =
            (time - before->time) / (sample.time - before->time);
        const double start = before->cpu.at(process);
        return start + share * (cpu - start);
      }
      before = &sample;
    }
    return before == nullptr ? 0 : before->cpu.at(process);
  }

  std::vector<std::string> processes() const {
    std::vector<std::string> names;
    for (const Endpoint& endpoint : endpoints_) {
      names.push_back(endpoint.process);
    }
    return names;
  }

 private:
  ActorSeconds AskActors() const {
    ActorSeconds sum;
    for (const Endpoint& endpoint : endpoints_) {
      if (!absl::StartsWith(endpoint.process, "actor-")) continue;
      const std::string text = FetchMetrics(endpoint.metrics);
      sum.physics += SeriesSum(text, "kmyriad_actor_step_duration_seconds_sum");
      sum.inference +=
          SeriesSum(text, "kmyriad_actor_inference_duration_seconds_sum");
      sum.rollout +=
          SeriesSum(text, "kmyriad_actor_rollout_duration_seconds_sum");
    }
    return sum;
  }

  const std::string folder_;
  MetricsTail tail_;
  std::vector<Endpoint> endpoints_;
  std::vector<Sample> samples_;
  std::vector<EpochEnd> ends_;
};

double PhaseSeconds(const nlohmann::json& metrics, const std::string& phase) {
  const auto seconds = metrics.find("seconds");
  return seconds == metrics.end() ? 0 : NumberOr(*seconds, phase, 0);
}

nlohmann::json Summarise(const Recorder& recorder) {
  const auto& ends = recorder.ends();
  const size_t count = ends.size() - 1;
  std::map<std::string, std::map<std::string, double>> cpu;
  std::map<std::string, double> seconds;
  double total = 0;
  double work = 0;
  double actors = 0;
  for (size_t e = 1; e < ends.size(); ++e) {
    // The phases end one after the other, the last when the line is written.
    double end = ends[e].time;
    for (int p = 3; p >= 0; --p) {
      const double length = PhaseSeconds(ends[e].metrics, kPhases[p]);
      const double begin =
          p == 0 ? ends[e - 1].time : std::max(end - length, ends[e - 1].time);
      seconds[kPhases[p]] += length / static_cast<double>(count);
      for (const std::string& process : recorder.processes()) {
        const double used =
            recorder.CpuAt(process, end) - recorder.CpuAt(process, begin);
        cpu[process][kPhases[p]] += used;
        total += used;
        if (p <= 1) work += used;
        if (p <= 1 && absl::StartsWith(process, "actor-")) actors += used;
      }
      end = begin;
    }
    seconds["total"] +=
        PhaseSeconds(ends[e].metrics, "total") / static_cast<double>(count);
  }
  const double physics =
      ends.back().actors.physics - ends.front().actors.physics;
  const double inference =
      ends.back().actors.inference - ends.front().actors.inference;
  const double wall = ends.back().time - ends.front().time;
  const double steps = NumberOr(ends.back().metrics, "env_steps", 0) -
                       NumberOr(ends.front().metrics, "env_steps", 0);
  const double rollout =
      ends.back().actors.rollout - ends.front().actors.rollout;
  // The threads' wall time; where others take the cores from them, only its
  // share of the actors' processor time.
  const double share = rollout > 0 ? (physics + inference) / rollout : 0;
  const double useful = std::min(physics + inference, share * actors);
  const double overhead = work - useful;
  return {{"epochs", count},
          {"env_steps", steps},
          {"wall_seconds", wall},
          {"env_steps_per_second", steps / wall},
          {"seconds", seconds},
          {"cpu_seconds", cpu},
          {"cpu_total_seconds", total},
          {"physics_seconds", physics},
          {"inference_seconds", inference},
          {"rollout_seconds", rollout},
          {"rollout_cpu_seconds", useful},
          {"overhead_cpu_seconds", overhead},
          {"overhead_share", total > 0 ? overhead / total : 0}};
}

}  // namespace

absl::StatusOr<nlohmann::json> RunEpochBenchmark(
    const EpochBenchmarkOptions& options) {
  if (options.epochs < 2) {
    return absl::InvalidArgumentError(
        absl::StrCat("--epochs = ", options.epochs,
                     ": the first is warm-up; use 2 or more"));
  }
  char folder[] = "/tmp/kmyriad-bench-XXXXXX";
  if (mkdtemp(folder) == nullptr) {
    return absl::PermissionDeniedError("/tmp: cannot create a folder");
  }
  std::vector<std::string> argv = {
      options.kmyriad, "train",
      "--preset",      options.preset,
      "--name",        kRunName,
      "--runs",        folder,
      "--epochs",      absl::StrCat(options.epochs)};
  for (const std::string& text : options.overrides) {
    argv.insert(argv.end(), {"--set", text});
  }
  KMYRIAD_ASSIGN_OR_RETURN(std::unique_ptr<ChildProcess> child,
                           ChildProcess::Start(argv));
  Recorder recorder(JoinPath(folder, kRunName));
  std::string last_error;
  while (!child->Poll()) {
    recorder.Take();
    child->ReadStdout();
    for (std::string& line : child->ReadStderr()) last_error = line;
    poll(nullptr, 0, kSampleMilliseconds);
  }
  const ProcessExit exit = *child->Poll();
  for (std::string& line : child->ReadStderr()) last_error = line;
  recorder.Take();
  PosixFileSystem().RemoveAll(folder).IgnoreError();
  if (exit.signal != 0 || exit.code != 0 ||
      recorder.ends().size() != options.epochs) {
    return absl::InternalError(
        absl::StrCat("training ended with ", Describe(exit), ": ", last_error));
  }
  return Summarise(recorder);
}

}  // namespace kmyriad
