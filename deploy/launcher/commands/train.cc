#include "deploy/launcher/commands/train.h"

#include <signal.h>
#include <stdlib.h>

#include <algorithm>
#include <cstdio>
#include <memory>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "actor/rollout/run_environment.h"
#include "common/base/build_info.h"
#include "common/base/clock.h"
#include "common/base/digest.h"
#include "common/base/file_system.h"
#include "common/base/status_macros.h"
#include "common/config/run_config.h"
#include "common/process/exit_codes.h"
#include "common/process/startup.h"
#include "deploy/launcher/command_output.h"
#include "deploy/launcher/program_path.h"
#include "deploy/launcher/run_folder.h"
#include "deploy/launcher/train_session.h"
#include "entropy_service/score_request.h"
#include "learner/checkpoint/checkpointer.h"
#include "learner/checkpoint/fork.h"
#include "learner/checkpoint/run_directory.h"

namespace kmyriad {
namespace {

constexpr char kDefaultPreset[] = "ant-maze";
// Heartbeats for which a process may be silent: 30 s at the default of 2 s.
// Twice what its peers put up with, who lose less by giving it up.
constexpr double kSilentBeats = 15;

// A fresh folder for the sockets, removed at the end. Below /tmp, because a
// socket's path has room for 107 characters only.
class SocketFolder {
 public:
  static absl::StatusOr<std::unique_ptr<SocketFolder>> Create() {
    char path[] = "/tmp/kmyriad-XXXXXX";
    if (mkdtemp(path) == nullptr) {
      return absl::PermissionDeniedError(
          "/tmp: cannot create a folder for the sockets");
    }
    return std::unique_ptr<SocketFolder>(new SocketFolder(path));
  }
  ~SocketFolder() { PosixFileSystem().RemoveAll(path_).IgnoreError(); }
  SocketFolder(const SocketFolder&) = delete;
  SocketFolder& operator=(const SocketFolder&) = delete;
  const std::string& path() const { return path_; }

 private:
  explicit SocketFolder(std::string path) : path_(std::move(path)) {}
  const std::string path_;
};

// "maze-fast" from "configs/maze-fast.textproto".
std::string StemOf(absl::string_view path) {
  const size_t slash = path.rfind('/');
  if (slash != absl::string_view::npos) path.remove_prefix(slash + 1);
  const size_t dot = path.find('.');
  return std::string(path.substr(0, dot));
}

std::string NameOf(const TrainOptions& options) {
  if (!options.name.empty()) return options.name;
  if (!options.config_file.empty()) return StemOf(options.config_file);
  return options.preset.empty() ? kDefaultPreset : options.preset;
}

absl::StatusOr<v1::RunConfig> ResolveConfig(const TrainOptions& options,
                                            bool exists,
                                            const std::string& folder) {
  ConfigSource source;
  source.preset = options.preset;
  source.file = options.config_file;
  if (source.preset.empty() && source.file.empty()) {
    if (exists) {
      source.file = JoinPath(folder, "resolved.textproto");
    } else {
      source.preset = kDefaultPreset;
    }
  }
  source.overrides = options.overrides;
  const auto add = [&source](const char* key, auto value) {
    if (value) source.overrides.push_back(absl::StrCat(key, "=", *value));
  };
  add("run.epochs", options.epochs);
  add("run.seed", options.seed);
  add("actors.count", options.actors);
  return LoadRunConfig(source);
}

// Makes the environment as the actors will: a wrong terrain, or a backend that
// this machine does not have, is refused before there is a folder.
absl::Status CheckEnvironment(const v1::RunConfig& config) {
  const absl::Status status = EnvironmentOfRun(config).status();
  // Of a configuration, whichever of the two it is.
  if (absl::IsNotFound(status) || absl::IsFailedPrecondition(status)) {
    return absl::InvalidArgumentError(status.message());
  }
  return status;
}

// The checkpoint counts visits to cells of a terrain, whose file may hold
// another one by now. Unknown until an actor has named it.
absl::Status CheckSameTerrain(const v1::RunConfig& config,
                              const v1::RunManifest& manifest) {
  KMYRIAD_ASSIGN_OR_RETURN(const auto environment, EnvironmentOfRun(config));
  if (!manifest.has_environment() ||
      manifest.environment().terrain_hash() ==
          ToBytes(environment->spec().terrain_hash)) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(
      absl::StrCat("env.terrain = ", config.env().terrain(),
                   ": the file has changed since the run began; a fork keeps "
                   "the terrain; bring the file back, or start a new run"));
}

// The entropy service is started on this machine: a search that it cannot make
// is refused here, not when the first epoch is in.
absl::Status CheckEngine(const v1::RunConfig& config) {
  const std::string& engine = config.entropy().engine();
  const absl::Status status = CheckScoreEngine(engine);
  if (status.ok()) return status;
  return absl::InvalidArgumentError(
      absl::StrCat("entropy.engine = ", engine, ": ", status.message()));
}

// Refuses a run that another process is working on.
absl::Status CheckUnused(FileSystem& files, const std::string& folder) {
  const auto lock = files.Lock(JoinPath(folder, ".lock"));
  if (lock.ok()) return absl::OkStatus();
  if (!absl::IsUnavailable(lock.status())) return lock.status();
  const auto holder = files.Read(JoinPath(folder, ".lock"), 64);
  return absl::FailedPreconditionError(
      absl::StrCat("--name = ", folder, ": the run is in use by process ",
                   holder.ok() ? absl::StripAsciiWhitespace(*holder) : "?",
                   "; stop it, or train under another --name"));
}

TrainPlan MakePlan(const TrainOptions& options, const std::string& name,
                   const std::string& folder, const v1::RunConfig& config,
                   const std::string& sockets) {
  TrainPlan plan;
  plan.run_name = name;
  plan.run_folder = folder;
  plan.target_epochs = config.run().epochs();
  plan.actors = static_cast<int>(config.actors().count());
  plan.learner_address = absl::StrCat("unix:", sockets, "/learner.sock");
  const std::string config_file = JoinPath(sockets, "config.textproto");
  const auto log = [&folder](absl::string_view process) {
    return absl::StrCat(folder, "/logs/", process, ".log");
  };
  const auto add = [&](const std::string& process,
                       std::vector<std::string> argv, std::set<int> final_codes,
                       std::set<int> before_ready) {
    argv.insert(argv.end(),
                {"--metrics", "127.0.0.1:0", "--log", log(process)});
    plan.processes.push_back({process, std::move(argv), log(process),
                              std::move(final_codes), std::move(before_ready),
                              ProcessSpec().ready_seconds,
                              kSilentBeats * config.rpc().heartbeat_seconds()});
  };
  const std::set<int> refusals = {kExitFailure, kExitUsage, kExitConfiguration};
  // Replicas share the cores, too.
  const uint32_t replicas = options.entropy_replicas;
  const uint32_t threads =
      std::max(1u, static_cast<uint32_t>(AvailableCores()) / replicas);
  std::vector<std::string> entropy;
  for (uint32_t i = 0; i < replicas; ++i) {
    const std::string process =
        replicas == 1 ? "entropy" : absl::StrCat("entropy-", i);
    entropy.push_back(absl::StrCat("unix:", sockets, "/", process, ".sock"));
    add(process,
        {ProgramPath("kmyriad-entropy"), "--listen", entropy.back(),
         "--threads", absl::StrCat(threads)},
        {}, refusals);
  }
  add("learner",
      {ProgramPath("kmyriad-learner"), "--run-dir", folder, "--resume",
       options.resume, "--listen", plan.learner_address, "--entropy",
       absl::StrJoin(entropy, ","), "--config", config_file},
      {kExitDone, kExitFailure, kExitUsage, kExitInterrupted,
       kExitConfiguration},
      {});
  for (int i = 0; i < plan.actors; ++i) {
    add(absl::StrCat("actor-", i),
        {ProgramPath("kmyriad-actor"), "--learner", plan.learner_address,
         "--config", config_file},
        {kExitDone, kExitInterrupted}, refusals);
  }
  return plan;
}

// Other rewards are the first replica's work, on its share of the cores.
absl::Status CheckReplicas(const TrainOptions& options,
                           const v1::RunConfig& config) {
  const std::string& reward = config.entropy().reward();
  if (options.entropy_replicas == 1) return absl::OkStatus();
  if (config.objective().kind() == "iw_entropy") {
    return absl::InvalidArgumentError(absl::StrCat(
        "--entropy-replicas = ", options.entropy_replicas,
        ": replicas share no search whose neighbours are kept, as for "
        "objective.kind = iw_entropy; leave it out"));
  }
  if (config.entropy().divergences()) {
    return absl::InvalidArgumentError(absl::StrCat(
        "--entropy-replicas = ", options.entropy_replicas,
        ": replicas do not share the searches of entropy.divergences = true; "
        "leave one of the two out"));
  }
  if (reward == "forward" || reward == "shuffled") return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(
      "--entropy-replicas = ", options.entropy_replicas,
      ": replicas share the search for entropy.reward = forward alone, and "
      "this run's is ",
      reward, "; leave it out"));
}

void PrintEnd(int code, const TrainOptions& options, const std::string& name,
              const std::string& folder) {
  if (code != kExitDone && code != kExitInterrupted) return;
  std::string target = absl::StrCat(" --name ", name);
  // The total that the printed command goes on to: twice as far.
  double further = 0;
  if (options.runs != kRunsFolder) {
    absl::StrAppend(&target, " --runs ", ShellWord(options.runs));
  }
  const auto metrics = ReadMetrics(PosixFileSystem(), folder);
  if (metrics.ok() && !metrics->empty()) {
    const nlohmann::json& last = metrics->back();
    further = 2 * NumberOr(last, "epoch", 0);
    std::printf(
        "run %s: %s after %.0f epochs, %s env steps: entropy %.3f nats, "
        "coverage %.1f %%, ever %.1f %%\n",
        name.c_str(), code == kExitDone ? "finished" : "interrupted",
        NumberOr(last, "epoch", 0),
        FormatCount(NumberOr(last, "env_steps", 0)).c_str(),
        NumberOr(last, "entropy_nats", 0), 100 * NumberOr(last, "coverage", 0),
        100 * NumberOr(last, "coverage_ever", 0));
    if (last.contains("success")) {
      std::printf(
          "success: %.3f of the last epoch's episodes, best agent %.3f\n",
          NumberOr(last, "success", 0), NumberOr(last, "success_best", 0));
    }
  }
  const std::string command = CommandName();
  std::printf("results: %s\n", folder.c_str());
  if (code == kExitDone) {
    std::printf("go on:   %s train%s --epochs %.0f\n", command.c_str(),
                target.c_str(), further);
  } else {
    std::printf("resume:  %s train%s\n", command.c_str(), target.c_str());
  }
  std::printf("plot:    %s plot%s\n", command.c_str(), target.c_str());
}

// What the tensors of a checkpoint are made for.
bool ShapesTensors(const ConfigDifference& difference) {
  const std::string& key = difference.key;
  // Migration has tensors, which do not depend on the number of epochs.
  const bool migrates = difference.stored.empty() != difference.wanted.empty();
  return absl::StartsWith(key, "population.") ||
         absl::StartsWith(key, "network.") || key == "env.task" ||
         key == "env.terrain" || key == "objective.kind" ||
         (key == "task.migrate_after" && migrates);
}

// What the particles of entropy.window are made for.
bool ShapesParticles(const ConfigDifference& difference) {
  return difference.key == "env.count" || difference.key == "env.horizon" ||
         difference.key == "entropy.features";
}

// Makes the run options.fork from a checkpoint of the run `name`. Any key may
// differ but those that the tensors hang on; what does is said.
absl::Status Fork(const TrainOptions& options, const std::string& name,
                  FileSystem& files) {
  KMYRIAD_RETURN_IF_ERROR(CheckRunName(options.fork));
  ForkOptions fork;
  fork.source = JoinPath(options.runs, name);
  fork.runs = options.runs;
  fork.name = options.fork;
  if (!RunExists(files, fork.source)) {
    return absl::InvalidArgumentError(
        absl::StrCat("--fork = ", options.fork, ": there is no run in ",
                     fork.source, " to fork from; correct --name or --runs"));
  }
  ConfigSource stored_source;
  stored_source.file = JoinPath(fork.source, "resolved.textproto");
  KMYRIAD_ASSIGN_OR_RETURN(const v1::RunConfig stored,
                           LoadRunConfig(stored_source));
  KMYRIAD_ASSIGN_OR_RETURN(const v1::RunConfig config,
                           ResolveConfig(options, true, fork.source));
  KMYRIAD_RETURN_IF_ERROR(CheckEnvironment(config));
  for (const ConfigDifference& difference : CompareRunConfigs(stored, config)) {
    if (ShapesTensors(difference)) {
      return absl::InvalidArgumentError(
          absl::StrCat(difference.key, " = ", difference.wanted,
                       " (the run has ", difference.stored,
                       "): a fork keeps its tensors and their shapes; "
                       "leave it out, or start a new run"));
    }
    std::fprintf(stderr, "fork %s: %s is %s, was %s in %s\n",
                 options.fork.c_str(), difference.key.c_str(),
                 difference.wanted.c_str(), difference.stored.c_str(),
                 name.c_str());
    fork.empty_window |= ShapesParticles(difference);
  }
  KMYRIAD_ASSIGN_OR_RETURN(const RunRecord record,
                           ReadRunDirectory(files, fork.source));
  KMYRIAD_RETURN_IF_ERROR(CheckSameTerrain(config, record.manifest));
  fork.empty_window &= stored.entropy().window() > 1;
  if (fork.empty_window && config.entropy().window() > 1) {
    std::fprintf(stderr,
                 "fork %s: entropy.window begins empty: its particles were of "
                 "another env.count, env.horizon or entropy.features\n",
                 options.fork.c_str());
  }
  uint64_t epoch = 0;
  fork.checkpoint = absl::SimpleAtoi(options.fork_at, &epoch)
                        ? CheckpointName(epoch)
                        : options.fork_at;
  fork.config_text = FormatRunConfig(config);
  fork.created_utc = absl::FormatTime(
      "%Y-%m-%dT%H:%M:%SZ", RealClock().WallTime(), absl::UTCTimeZone());
  fork.revision = BuildRevision();
  return ForkRun(fork, files);
}

absl::StatusOr<int> Train(const TrainOptions& options, SignalSource& signals) {
  FileSystem& files = PosixFileSystem();
  if (options.entropy_replicas < 1 || options.entropy_replicas > 16) {
    return absl::InvalidArgumentError(absl::StrCat(
        "--entropy-replicas = ", options.entropy_replicas, ": use 1 to 16"));
  }
  if (!options.name.empty()) {
    KMYRIAD_RETURN_IF_ERROR(CheckRunName(options.name));
  }
  std::string name = NameOf(options);
  if (!options.fork.empty()) {
    KMYRIAD_RETURN_IF_ERROR(Fork(options, name, files));
    name = options.fork;
  }
  const std::string folder = JoinPath(options.runs, name);
  const bool exists = RunExists(files, folder);
  KMYRIAD_ASSIGN_OR_RETURN(const v1::RunConfig config,
                           ResolveConfig(options, exists, folder));
  if (!CheckRunName(name).ok()) {
    return absl::InvalidArgumentError(
        absl::StrCat("--config = ", options.config_file,
                     ": a run cannot be named after this file; give it a name "
                     "with --name"));
  }
  if (!exists && options.resume == "must") {
    return absl::InvalidArgumentError(
        absl::StrCat("--resume = must: there is no run in ", folder,
                     "; correct --name or --runs, or use --resume auto"));
  }
  if (exists && options.resume == "never") {
    return absl::InvalidArgumentError(
        absl::StrCat("--resume = never: ", folder,
                     " holds a run; use another --name, or --resume auto"));
  }
  KMYRIAD_RETURN_IF_ERROR(CheckEnvironment(config));
  KMYRIAD_RETURN_IF_ERROR(CheckEngine(config));
  KMYRIAD_RETURN_IF_ERROR(CheckReplicas(options, config));
  if (const absl::Status made = files.CreateFolders(JoinPath(folder, "logs"));
      !made.ok()) {
    return absl::Status(
        made.code(),
        absl::StrCat("--runs = ", options.runs, ": ", made.message(),
                     "; choose a folder that you may write to"));
  }
  KMYRIAD_RETURN_IF_ERROR(CheckUnused(files, folder));
  // Held to the end: logs and endpoints have one writer, too.
  KMYRIAD_ASSIGN_OR_RETURN(const std::unique_ptr<FileLock> lock,
                           files.Lock(JoinPath(folder, "logs/.lock")));
  KMYRIAD_ASSIGN_OR_RETURN(const std::unique_ptr<SocketFolder> sockets,
                           SocketFolder::Create());
  KMYRIAD_RETURN_IF_ERROR(files.WriteAndSync(
      JoinPath(sockets->path(), "config.textproto"), FormatRunConfig(config)));
  std::fprintf(stderr,
               "run %s: %s in %s, %u environments, %u agents, horizon %u, %s "
               "%llu epochs, %u actors; %s\n",
               name.c_str(), config.env().task().c_str(),
               config.env().terrain().c_str(), config.env().count(),
               config.population().agents(), config.env().horizon(),
               exists ? "resumed, to" : "new,",
               static_cast<unsigned long long>(config.run().epochs()),
               config.actors().count(), folder.c_str());
  TrainSession session(MakePlan(options, name, folder, config, sockets->path()),
                       files, RealClock(), signals);
  const int code = session.Run();
  PrintEnd(code, options, name, folder);
  return code;
}

}  // namespace

int RunTrain(const TrainOptions& options, SignalSource& signals) {
  // Ctrl-C ends the `tee` behind a pipe, too: the run drains all the same.
  signal(SIGPIPE, SIG_IGN);
  const absl::StatusOr<int> code = Train(options, signals);
  if (code.ok()) return *code;
  return ReportError(code.status());
}

}  // namespace kmyriad
