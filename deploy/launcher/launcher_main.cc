// kmyriad: the one command. Every subcommand parses its flags here, fills an
// options struct and calls the function that does it; exit codes are those of
// common/process/exit_codes.h.

#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "CLI/CLI.hpp"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/base/build_info.h"
#include "common/config/run_config.h"
#include "common/process/exit_codes.h"
#include "common/process/process_flags.h"
#include "deploy/launcher/command_output.h"
#include "deploy/launcher/commands/certs.h"
#include "deploy/launcher/commands/ctl.h"
#include "deploy/launcher/commands/doctor.h"
#include "deploy/launcher/commands/entropy.h"
#include "deploy/launcher/commands/eval.h"
#include "deploy/launcher/commands/export.h"
#include "deploy/launcher/commands/finetune.h"
#include "deploy/launcher/commands/inspect.h"
#include "deploy/launcher/commands/plot.h"
#include "deploy/launcher/commands/render.h"
#include "deploy/launcher/commands/study.h"
#include "deploy/launcher/commands/train.h"
#include "deploy/launcher/library_versions.h"
#include "deploy/launcher/program_path.h"
#include "deploy/launcher/run_folder.h"
#include "deploy/launcher/signal_source.h"

namespace kmyriad {
namespace {

struct AllOptions {
  TrainOptions train;
  CtlOptions ctl;
  InspectOptions inspect;
  ExportOptions exported;
  EntropyCommandOptions entropy;
  EvalOptions eval;
  FinetuneOptions finetune;
  PlotOptions plot;
  RenderOptions render;
  StudyOptions study;
  CertsOptions certs;
  std::string doctor_runs = kRunsFolder;
  bool json = false;
};

void AddRuns(CLI::App* command, std::string* runs) {
  *runs = kRunsFolder;
  command->add_option("--runs", *runs, "Folder of the runs")
      ->capture_default_str();
}

// What `inspect`, `export`, `eval` and `render` look at.
void AddTarget(CLI::App* command, std::string* target, std::string* runs) {
  command
      ->add_option("target", *target,
                   "Name or folder of a run, or folder of a checkpoint")
      ->required();
  AddRuns(command, runs);
}

void AddOverrides(CLI::App* command, std::vector<std::string>* overrides) {
  command
      ->add_option("--set", *overrides,
                   "Override one key, group.key=value; repeatable")
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
}

void AddRadius(CLI::App* command, absl::optional<float>* radius) {
  command
      ->add_option_function<float>(
          "--radius", [radius](float value) { *radius = value; },
          "How near a goal counts (0.5 m, PointMass 0.3 cells)")
      ->check(CLI::PositiveNumber);
}

void AddTrain(CLI::App& app, TrainOptions& options) {
  CLI::App* command = app.add_subcommand(
      "train", "Train on this machine, or go on with a run of that name");
  auto* preset = command->add_option("--preset", options.preset,
                                     "Built-in configuration (ant-maze)");
  command->add_option("--config", options.config_file, "Configuration file")
      ->excludes(preset);
  AddOverrides(command, &options.overrides);
  command->add_option_function<uint64_t>(
      "--epochs", [&options](uint64_t value) { options.epochs = value; },
      "Epochs in all, also after a resume");
  command->add_option_function<uint64_t>(
      "--seed", [&options](uint64_t value) { options.seed = value; },
      "Seed of every random number");
  command->add_option_function<uint32_t>(
      "--actors", [&options](uint32_t value) { options.actors = value; },
      "Actor processes; no effect on the result");
  command->add_option("--name", options.name,
                      "Name of the run (that of preset or file)");
  AddRuns(command, &options.runs);
  auto* resume =
      command->add_option("--resume", options.resume, "auto, never or must")
          ->check(CLI::IsMember({"auto", "never", "must"}))
          ->capture_default_str();
  auto* fork = command->add_option(
      "--fork", options.fork,
      "Train a new run of this name, from a checkpoint of the run --name");
  fork->excludes(resume);
  command
      ->add_option("--fork-at", options.fork_at,
                   "The checkpoint to fork from, folder name or epoch (HEAD's)")
      ->needs(fork);
  command
      ->add_option("--entropy-replicas", options.entropy_replicas,
                   "Entropy services that share the search; no effect on the "
                   "result")
      ->capture_default_str();
}

void AddCtl(CLI::App& app, CtlOptions& options) {
  CLI::App* command = app.add_subcommand("ctl", "Talk to a running learner");
  command->require_subcommand(1);
  const std::vector<std::pair<const char*, const char*>> verbs = {
      {"status", "What it is doing"},
      {"watch", "Its events, until Ctrl-C"},
      {"events", "What it has reported lately"},
      {"pause", "Stop handing out work"},
      {"resume", "Go on after a pause"},
      {"checkpoint", "Persist the last finished epoch now"},
      {"list", "Checkpoints of the run"},
      {"restore", "Move the run to a checkpoint"},
      {"stop", "Checkpoint and end"}};
  for (const auto& [verb, help] : verbs) {
    CLI::App* sub = command->add_subcommand(verb, help);
    sub->callback(
        [&options, verb = std::string(verb)] { options.verb = verb; });
    auto* learner =
        sub->add_option("--learner", options.learner, "HOST:PORT or unix:PATH");
    sub->add_option("--name", options.name, "Name of a run that is going on")
        ->excludes(learner);
    AddRuns(sub, &options.runs);
    sub->add_flag("--json", options.json, "Answer as JSON");
    sub->add_option("--deadline", options.deadline_seconds,
                    "Seconds to wait for the learner")
        ->check(CLI::PositiveNumber)
        ->capture_default_str();
    sub->add_option("--request-id", options.request_id,
                    "Repeating a call with its id has no further effect");
    AddTlsFlags(*sub, options.tls);
    if (std::string(verb) == "events") {
      sub->add_option("--last", options.last, "How many of them")
          ->check(CLI::Range(1, 256))
          ->capture_default_str();
    }
    if (std::string(verb) == "restore") {
      sub->add_option("checkpoint", options.checkpoint,
                      "Folder name or epoch number")
          ->required();
      sub->add_flag("--dry-run", options.dry_run,
                    "Say what would happen, change nothing");
    }
  }
}

void AddExport(CLI::App& app, ExportOptions& options) {
  CLI::App* command =
      app.add_subcommand("export", "Write agents' policies for other programs");
  AddTarget(command, &options.target, &options.runs);
  command
      ->add_option("--agents", options.agents,
                   "all, best:N by cells reached, or numbers such as 0,4")
      ->capture_default_str();
  command->add_option("--format", options.formats, "safetensors, onnx")
      ->delimiter(',')
      ->default_str("safetensors,onnx");
  command->add_option("--out", options.out,
                      "Folder to write (RUN/export/CHECKPOINT)");
}

void AddEntropy(CLI::App& app, EntropyCommandOptions& options) {
  CLI::App* command = app.add_subcommand(
      "entropy", "Entropy, rewards and diversity of an array of samples");
  command
      ->add_option("file", options.file,
                   "Samples [rows, columns], .npy or .safetensors")
      ->required();
  command->add_option("--tensor", options.tensor,
                      "Which tensor of a .safetensors file");
  command->add_option("--k", options.k, "Neighbour index")
      ->capture_default_str();
  command->add_option("--features", options.features,
                      "Columns that count, such as 0,1,5 (all)");
  command
      ->add_option("--agents", options.agents,
                   "Agents, each with as many consecutive rows")
      ->capture_default_str();
  command
      ->add_option("--reward", options.reward,
                   "What a sample is paid for, as entropy.reward names it")
      ->capture_default_str();
  command
      ->add_option("--floor", options.floor,
                   "Floor of neighbour distances, in the array's unit")
      ->capture_default_str();
  command
      ->add_option("--theiler", options.theiler,
                   "Rows of an agent so far apart are no neighbours yet")
      ->capture_default_str();
  command->add_option("--periods", options.periods,
                      "Period of each column, 0 for none, such as 0,6.2832");
  command
      ->add_option("--engine", options.engine,
                   "How neighbours are sought, as entropy.engine names it")
      ->capture_default_str();
  command->add_option("--out", options.out,
                      "File for the rewards [rows], .npy or .safetensors");
  command
      ->add_option("--threads", options.threads,
                   "Threads of the search; 0: one per core")
      ->check(CLI::Range(0, 1024))
      ->capture_default_str();
  command->add_flag("--json", options.json, "As JSON");
}

void AddEval(CLI::App& app, EvalOptions& options) {
  CLI::App* command = app.add_subcommand(
      "eval", "What a population does in fresh episodes: goals and coverage");
  AddTarget(command, &options.target, &options.runs);
  command
      ->add_option("--goal", options.goals,
                   "Goal of the terrain; repeatable (all)")
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  command
      ->add_option("--episodes", options.episodes,
                   "Episodes per agent, for sampled and mean actions each")
      ->capture_default_str();
  AddRadius(command, &options.radius);
  command
      ->add_option("--set", options.set, "Another set of episodes: 0, 1, ...")
      ->capture_default_str();
  command->add_flag("--json", options.json, "As JSON");
}

void AddFinetune(CLI::App& app, FinetuneOptions& options) {
  CLI::App* command = app.add_subcommand(
      "finetune", "Learn to reach a goal, from a pretrained population");
  command
      ->add_option("--from", options.from,
                   "Name or folder of a run, or folder of a checkpoint")
      ->required();
  command->add_option("--task", options.task, "TERRAIN/GOAL, e.g. maze/G3")
      ->required();
  command
      ->add_option("--use", options.use,
                   "select: the best head; joint: all; halving: the better "
                   "half, again and again; migrate: all, the failing copying "
                   "others; random: none of it")
      ->check(
          CLI::IsMember({"select", "joint", "halving", "migrate", "random"}))
      ->capture_default_str();
  command->add_option("--name", options.name,
                      "Name of the new run (SOURCE-GOAL-USE)");
  AddRuns(command, &options.runs);
  command->add_option_function<uint64_t>(
      "--epochs", [&options](uint64_t value) { options.epochs = value; },
      "Epochs in all, also after a resume (40)");
  command->add_option_function<uint64_t>(
      "--seed", [&options](uint64_t value) { options.seed = value; },
      "Seed of every random number (the source's)");
  AddRadius(command, &options.radius);
  command->add_option_function<uint32_t>(
      "--selection-episodes",
      [&options](uint32_t value) { options.selection_episodes = value; },
      "Episodes of every head that select and halving try (4)");
  command->add_option_function<uint32_t>(
      "--critic-warmup",
      [&options](uint32_t value) { options.critic_warmup = value; },
      "First epochs in which the critic alone learns (2)");
  AddOverrides(command, &options.overrides);
}

void AddRender(CLI::App& app, RenderOptions& options) {
  CLI::App* command = app.add_subcommand(
      "render", "A film of agents in fresh episodes, drawn by MuJoCo");
  AddTarget(command, &options.target, &options.runs);
  command->add_option("--agents", options.agents,
                      "all, best:N by cells reached, or numbers such as 0,4 "
                      "(best:8)");
  command->add_option("--width", options.width, "Pixels, 16 to 4096")
      ->capture_default_str();
  command->add_option("--height", options.height, "Pixels, 16 to 4096")
      ->capture_default_str();
  command
      ->add_option("--seconds", options.seconds,
                   "Of the episode, from its start; 0: all of it")
      ->capture_default_str();
  command->add_option("--set", options.set, "Another episode: 0, 1, ...")
      ->capture_default_str();
  command->add_flag("--mean", options.mean_actions,
                    "Act with the mean, without noise");
  command->add_option("--out", options.out,
                      "File to write (RUN/videos/CHECKPOINT-AGENTS.png)");
}

void AddStudy(CLI::App& app, StudyOptions& options) {
  CLI::App* command = app.add_subcommand(
      "study", "Run, go on with and sum up a grid of experiments");
  command->add_option("file", options.file, "Study file")->required();
  command->add_option("--rows", options.rows,
                      "File of the raw rows (FILE's name with .jsonl)");
  AddRuns(command, &options.runs);
  command->add_option("--jobs", options.jobs, "Trainings at a time")
      ->check(CLI::Range(1, 64))
      ->capture_default_str();
  command
      ->add_option("--minutes", options.minutes,
                   "End after so long, resumable; 0: when all is measured")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  command->add_flag("--tables-only", options.tables_only,
                    "Run nothing, sum up the rows");
  command->add_option("--report", options.report,
                      "Document whose tables of this study to write anew");
}

void AddOthers(CLI::App& app, AllOptions& all) {
  CLI::App* inspect = app.add_subcommand(
      "inspect", "Verify a checkpoint and say what it holds");
  AddTarget(inspect, &all.inspect.target, &all.inspect.runs);
  inspect->add_flag("--json", all.inspect.json, "As JSON");

  CLI::App* plot =
      app.add_subcommand("plot", "Draw a run's coverage and curves as PNG");
  plot->add_option("--name", all.plot.name, "Name of the run")->required();
  AddRuns(plot, &all.plot.runs);
  plot->add_flag("--csv", all.plot.csv, "Also write the curves as CSV");

  CLI::App* doctor = app.add_subcommand(
      "doctor", "What this machine has, and what it means for a run");
  AddRuns(doctor, &all.doctor_runs);
  doctor->add_flag("--json", all.json, "As JSON");

  CLI::App* certs = app.add_subcommand(
      "certs", "Make an authority and certificates for a test cluster");
  certs->add_option("folder", all.certs.folder, "Folder to write them to")
      ->required();
  certs->add_option("--authority", all.certs.authority,
                    "Folder of the authority to issue with (ca.crt, ca.key); "
                    "else a new one is made");
  certs
      ->add_option("--host", all.certs.names,
                   "Further name or address of a host; repeatable")
      ->allow_extra_args(false);
  certs->add_option("--days", all.certs.days, "Days that they are good for")
      ->check(CLI::Range(1, 3650))
      ->capture_default_str();

  CLI::App* bench = app.add_subcommand(
      "bench", "Measure: physics, policy, knn, rpc, score, update or epoch");
  bench->prefix_command();
  bench->set_help_flag();

  CLI::App* health =
      app.add_subcommand("health", "Ask a process whether it lives, or serves");
  health->prefix_command();
  health->set_help_flag();

  CLI::App* version = app.add_subcommand("version", "Version and revision");
  version->add_flag("--json", all.json, "As JSON");
}

// Hands over to a program of its own: kmyriad-bench links what is measured,
// kmyriad-health next to nothing, so that small images can carry it.
int HandOver(const std::string& program,
             const std::vector<std::string>& arguments) {
  std::vector<std::string> argv = {ProgramPath(program)};
  argv.insert(argv.end(), arguments.begin(), arguments.end());
  std::vector<char*> pointers;
  for (std::string& argument : argv) pointers.push_back(argument.data());
  pointers.push_back(nullptr);
  execv(pointers[0], pointers.data());
  return ReportError(absl::NotFoundError(
      absl::StrCat(argv[0], ": not built; build the target ", program)));
}

int RunVersion(bool json) {
  nlohmann::json object = {{"version", BuildVersion()},
                           {"revision", BuildRevision()},
                           {"libraries", LibraryVersions()}};
  if (json) {
    std::printf("%s\n", object.dump(2).c_str());
  } else {
    std::printf("kmyriad %s (%s)\n", BuildVersion().c_str(),
                BuildRevision().c_str());
  }
  return kExitDone;
}

// A first word that is no command; the parser itself only misses a command.
bool SaysUnknownCommand(const CLI::App& app, int argc, char** argv) {
  if (argc < 2 || argv[1][0] == '-') return false;
  std::vector<std::string> names;
  for (const CLI::App* command : app.get_subcommands(nullptr)) {
    if (command->get_name() == argv[1]) return false;
    names.push_back(command->get_name());
  }
  const std::string near = NearestName(argv[1], names);
  std::fprintf(stderr,
               "kmyriad: error: %s: no such command; %s%s%suse one of %s\n",
               argv[1], near.empty() ? "" : "did you mean ", near.c_str(),
               near.empty() ? "" : "? or ", absl::StrJoin(names, ", ").c_str());
  return true;
}

int Main(int argc, char** argv) {
  CLI::App app("Unsupervised pretraining of populations of robot policies",
               "kmyriad");
  app.require_subcommand(1);
  app.fallthrough(false);
  AllOptions all;
  AddTrain(app, all.train);
  AddCtl(app, all.ctl);
  AddExport(app, all.exported);
  AddEntropy(app, all.entropy);
  AddEval(app, all.eval);
  AddFinetune(app, all.finetune);
  AddStudy(app, all.study);
  AddRender(app, all.render);
  AddOthers(app, all);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    if (SaysUnknownCommand(app, argc, argv)) return kExitUsage;
    return app.exit(error) == 0 ? kExitDone : kExitUsage;
  }
  const std::string command = app.get_subcommands().front()->get_name();
  if (command == "bench" || command == "health") {
    return HandOver("kmyriad-" + command,
                    app.get_subcommands().front()->remaining());
  }
  if (command == "certs") return RunCerts(all.certs);
  if (command == "entropy") return RunEntropy(all.entropy);
  if (command == "inspect") return RunInspect(all.inspect);
  if (command == "plot") return RunPlot(all.plot);
  if (command == "render") return RunRender(all.render);
  if (command == "export") return RunExport(all.exported);
  if (command == "eval") return RunEval(all.eval);
  if (command == "doctor") return RunDoctor(all.doctor_runs, all.json);
  if (command == "version") return RunVersion(all.json);
  // The other processes are forked: gRPC's own fork handlers would only warn.
  setenv("GRPC_ENABLE_FORK_SUPPORT", "0", 1);
  SignalSource signals;
  if (command == "ctl") return RunCtl(all.ctl, signals);
  // Its processes meet over sockets of their own, in plaintext: an identity
  // that the user has for a cluster is none of theirs.
  for (const char* name :
       {"KMYRIAD_TLS_CERTIFICATE", "KMYRIAD_TLS_KEY", "KMYRIAD_TLS_CA"}) {
    unsetenv(name);
  }
  if (command == "finetune") return RunFinetune(all.finetune, signals);
  if (command == "study") return RunStudy(all.study, signals);
  return RunTrain(all.train, signals);
}

}  // namespace
}  // namespace kmyriad

int main(int argc, char** argv) { return kmyriad::Main(argc, argv); }
