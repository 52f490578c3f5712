#include "deploy/launcher/commands/finetune.h"

#include <algorithm>
#include <cstdio>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/base/digest.h"
#include "common/base/file_system.h"
#include "common/base/goal_task.h"
#include "common/base/status_macros.h"
#include "common/config/run_config.h"
#include "deploy/launcher/command_output.h"
#include "deploy/launcher/commands/train.h"
#include "deploy/launcher/head_choice.h"
#include "deploy/launcher/population_source.h"
#include "deploy/launcher/run_folder.h"
#include "learner/checkpoint/run_directory.h"
#include "nlohmann/json.hpp"

namespace kmyriad {
namespace {

using Json = nlohmann::ordered_json;

constexpr uint64_t kDefaultEpochs = 40;
constexpr uint32_t kDefaultSelectionEpisodes = 4;
constexpr uint32_t kDefaultCriticWarmup = 2;
// Of the source's settings, for a policy that is good already.
constexpr double kLearningRateShare = 0.3;
constexpr double kClipShare = 0.5;
constexpr double kMostKl = 0.03;
// Epochs without a success (method.md 2.3).
constexpr uint32_t kMigrateAfter = 5;
constexpr uint32_t kMostSelectionEpisodes = 10000;
constexpr uint64_t kMaxRecordBytes = 64 << 20;
constexpr char kRecordFile[] = "finetune.json";
constexpr char kConfigFile[] = "finetune.textproto";

uint32_t SelectionEpisodes(const FinetuneOptions& options) {
  return options.selection_episodes.value_or(kDefaultSelectionEpisodes);
}

uint32_t CriticWarmup(const FinetuneOptions& options) {
  return options.critic_warmup.value_or(kDefaultCriticWarmup);
}

struct TaskName {
  std::string terrain;
  std::string goal;
};

absl::StatusOr<TaskName> ParseTask(const std::string& task) {
  const size_t slash = task.rfind('/');
  if (slash == std::string::npos || slash == 0 || slash + 1 == task.size()) {
    return absl::InvalidArgumentError(absl::StrCat(
        "--task = ", task, ": must be TERRAIN/GOAL, for instance maze/G3"));
  }
  return TaskName{task.substr(0, slash), task.substr(slash + 1)};
}

// What the rollouts and the shapes of the population depend on stays.
absl::Status CheckOverrides(const std::vector<std::string>& overrides) {
  for (const std::string& text : overrides) {
    for (const char* group : {"env.", "population.", "network.",
                              "physics.backend", "task.", "entropy.features"}) {
      if (!absl::StartsWith(text, group)) continue;
      return absl::InvalidArgumentError(absl::StrCat(
          "--set ", text,
          ": fine-tuning keeps the robot, the world and the "
          "network that the population was trained with; leave it away"));
    }
  }
  return absl::OkStatus();
}

// A goal in the population's own world.
absl::StatusOr<GoalTask> FindTask(const FinetuneOptions& options,
                                  const TaskName& task,
                                  const Population& population) {
  const EnvironmentSpec& spec = population.spec;
  if (task.terrain != spec.terrain &&
      task.terrain != population.config.env().terrain()) {
    return absl::InvalidArgumentError(
        absl::StrCat("--task = ", options.task, ": run ", population.run_name,
                     " (", spec.task, ") was trained in terrain ", spec.terrain,
                     "; take one of its goals, or another --from"));
  }
  return FindGoalTask(spec, task.goal,
                      options.radius.value_or(DefaultGoalRadius(spec.task)));
}

// A run of a fine-tuning: the only one, or a round of halving.
struct Round {
  std::string name;
  uint64_t epochs = 0;
  // Run that the next one's heads come from; empty: the population.
  std::string after;
};

// Of the round's run, and of the tries that its heads are chosen by.
uint64_t SeedOf(const FinetuneOptions& options, const Population& population,
                const Round& round) {
  const uint64_t source = population.config.run().seed();
  return round.after.empty() ? options.seed.value_or(source)
                             : SeedOfNextRound(source);
}

// Heads of a new run, and how they are used.
struct Choice {
  std::string use;
  HeadChoice heads;
};

absl::StatusOr<Choice> ChooseHeads(const FinetuneOptions& options,
                                   const Population& population,
                                   const GoalTask& task, const Round& round) {
  Choice choice{options.use, {}};
  if (options.use == "random") return choice;
  const uint64_t seed = SeedOf(options, population, round);
  if (options.use != "select" && round.after.empty()) {
    KMYRIAD_ASSIGN_OR_RETURN(choice.heads, TakeAllHeads(population, seed));
    return choice;
  }
  const uint32_t all = population.weights.agent_count;
  const uint32_t keep =
      options.use == "select"
          ? 1
          : std::max(1u, HalfOf(all, population.config.env().count()));
  KMYRIAD_ASSIGN_OR_RETURN(
      choice.heads,
      TryHeads(population, task, seed, SelectionEpisodes(options), keep));
  const auto kept = static_cast<uint32_t>(choice.heads.agents.size());
  if (kept == all && all > 1) {
    std::fprintf(stderr,
                 "finetune: no head came to %s in %u episodes each: all are "
                 "trained\n",
                 task.goal.name.c_str(), SelectionEpisodes(options));
    if (options.use == "select") choice.use = "joint";
  } else if (kept == 1) {
    const uint32_t agent = choice.heads.agents.front();
    std::fprintf(stderr, "finetune: head %u, %u of %u tries at %s\n", agent,
                 choice.heads.scores[agent].successes,
                 SelectionEpisodes(options), task.goal.name.c_str());
  } else {
    std::fprintf(stderr, "finetune: %u of %u heads go on, in run %s\n", kept,
                 all, round.name.c_str());
  }
  return choice;
}

// Learning rate, clip and KL stop for a policy that is good already.
void ReduceSteps(v1::Ppo* ppo) {
  ppo->set_learning_rate(ppo->learning_rate() * kLearningRateShare);
  ppo->set_clip(ppo->clip() * kClipShare);
  ppo->set_kl_stop(ppo->kl_stop() > 0 ? std::min(ppo->kl_stop(), kMostKl)
                                      : kMostKl);
}

absl::StatusOr<v1::RunConfig> MakeConfig(const FinetuneOptions& options,
                                         const Population& population,
                                         const GoalTask& task,
                                         const Round& round,
                                         const Choice& choice,
                                         const std::string& initial) {
  v1::RunConfig config = population.config;
  config.mutable_run()->set_epochs(round.epochs);
  config.mutable_schedule()->set_epochs(round.epochs);
  config.mutable_run()->set_seed(SeedOf(options, population, round));
  const auto heads = static_cast<uint32_t>(choice.heads.agents.size());
  config.mutable_population()->set_agents(std::max(1u, heads));
  v1::Task& target = *config.mutable_task();
  target.clear_initial_sha256();
  if (heads > 0) target.set_initial_sha256(ToHex(Sha256Of(initial)));
  // The critic goes on, too.
  target.set_critic_warmup(0);
  if (round.after.empty()) {
    target.set_goal(task.goal.name);
    target.set_radius(task.radius);
    if (heads > 0) target.set_critic_warmup(CriticWarmup(options));
    // The source may have learnt a task with migration.
    target.clear_migrate_after();
    if (options.use == "migrate") target.set_migrate_after(kMigrateAfter);
    // The goal pays. The entropy is watched, and in the way that takes one
    // agent.
    config.mutable_entropy()->set_reward("forward");
    config.mutable_entropy()->clear_divergences();
    config.mutable_objective()->Clear();
    config.mutable_objective()->set_kind("ppo");
    if (heads > 0) ReduceSteps(config.mutable_ppo());
    for (const std::string& text : options.overrides) {
      KMYRIAD_RETURN_IF_ERROR(ApplyOverride(text, &config));
    }
  }
  KMYRIAD_RETURN_IF_ERROR(ValidateRunConfig(config));
  return config;
}

absl::StatusOr<Json> ReadRecord(const std::string& folder, FileSystem& files) {
  KMYRIAD_ASSIGN_OR_RETURN(
      const std::string text,
      files.Read(JoinPath(folder, kRecordFile), kMaxRecordBytes));
  Json record = Json::parse(text, nullptr, false);
  if (record.is_object()) return record;
  return absl::DataLossError(
      absl::StrCat(JoinPath(folder, kRecordFile), ": not a JSON object"));
}

Json MakeRecord(const FinetuneOptions& options, const Population& population,
                const GoalTask& task, const Choice& choice) {
  Json record = {{"from", population.run_name},
                 {"from_uuid", population.run_uuid},
                 {"checkpoint", population.checkpoint},
                 {"pretraining_env_steps", population.env_steps},
                 {"policy_hash", ToHex(population.policy_hash)},
                 {"terrain", population.spec.terrain},
                 {"goal", task.goal.name},
                 {"radius", task.radius},
                 {"selection_episodes", SelectionEpisodes(options)},
                 {"critic_warmup", CriticWarmup(options)},
                 {"use_asked", options.use},
                 {"use", choice.use},
                 {"agents", choice.heads.agents},
                 {"selection_env_steps", choice.heads.env_steps},
                 {"earlier_env_steps", 0}};
  Json scores = Json::array();
  for (const GoalScore& score : choice.heads.scores) {
    scores.push_back({{"successes", score.successes},
                      {"episodes", score.episodes},
                      {"steps_mean", score.mean_steps()}});
  }
  record["selection"] = scores;
  return record;
}

// A round's record says what the whole fine-tuning took from its population,
// and has cost by now.
absl::Status ContinueRecord(const Population& population, FileSystem& files,
                            Json* record) {
  KMYRIAD_ASSIGN_OR_RETURN(const Json before,
                           ReadRecord(population.run_folder, files));
  for (const char* key : {"from", "from_uuid", "checkpoint",
                          "pretraining_env_steps", "policy_hash"}) {
    (*record)[key] = before.value(key, Json());
  }
  const auto steps = [&before](const char* key) {
    return before.value(key, uint64_t{0});
  };
  Json& selection = (*record)["selection_env_steps"];
  selection = selection.get<uint64_t>() + steps("selection_env_steps");
  (*record)["earlier_env_steps"] =
      population.env_steps + steps("earlier_env_steps");
  return absl::OkStatus();
}

// Fills the folder of a new run with what its learner starts from.
absl::Status Begin(const FinetuneOptions& options, const TaskName& name,
                   const Round& round, const Json& plan, FileSystem& files) {
  const bool first = round.after.empty();
  KMYRIAD_ASSIGN_OR_RETURN(
      const Population population,
      LoadPopulation(files,
                     first ? options.from : JoinPath(options.runs, round.after),
                     options.runs));
  KMYRIAD_ASSIGN_OR_RETURN(const GoalTask task,
                           FindTask(options, name, population));
  KMYRIAD_ASSIGN_OR_RETURN(const Choice choice,
                           ChooseHeads(options, population, task, round));
  std::string initial;
  if (!choice.heads.agents.empty()) {
    KMYRIAD_ASSIGN_OR_RETURN(
        initial, first ? EncodeInitial(population, choice.heads)
                       : EncodeContinuation(files, population, choice.heads));
  }
  KMYRIAD_ASSIGN_OR_RETURN(
      const v1::RunConfig config,
      MakeConfig(options, population, task, round, choice, initial));
  Json record = MakeRecord(options, population, task, choice);
  if (!first) {
    KMYRIAD_RETURN_IF_ERROR(ContinueRecord(population, files, &record));
  }
  if (!plan.empty()) record["rounds"] = plan;
  const std::string folder = JoinPath(options.runs, round.name);
  KMYRIAD_RETURN_IF_ERROR(files.CreateFolders(folder));
  if (!initial.empty()) {
    KMYRIAD_RETURN_IF_ERROR(
        files.WriteAndSync(JoinPath(folder, kInitialPolicyFile), initial));
  }
  KMYRIAD_RETURN_IF_ERROR(files.WriteAndSync(JoinPath(folder, kConfigFile),
                                             FormatRunConfig(config)));
  return files.AtomicReplace(JoinPath(folder, kRecordFile),
                             record.dump(2) + "\n");
}

// Fails if `asked`, in the type that the record's number had when it was
// written, is not that number. What the record lacks is not compared.
template <typename Number>
absl::Status CheckNumber(const char* flag, const char* key,
                         const absl::optional<Number>& asked,
                         const std::string& folder, const Json& record) {
  if (!asked || !record.contains(key) || !record[key].is_number() ||
      record[key].get<Number>() == *asked) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(absl::StrCat(
      flag, " = ", *asked, ": ", folder, " was begun with ",
      record[key].get<Number>(), "; leave it away, or choose another --name"));
}

absl::Status CheckNumbers(const FinetuneOptions& options,
                          const std::string& folder, const Json& record) {
  KMYRIAD_RETURN_IF_ERROR(
      CheckNumber("--radius", "radius", options.radius, folder, record));
  KMYRIAD_RETURN_IF_ERROR(
      CheckNumber("--selection-episodes", "selection_episodes",
                  options.selection_episodes, folder, record));
  return CheckNumber("--critic-warmup", "critic_warmup", options.critic_warmup,
                     folder, record);
}

// Whether the run that is there is the one that was asked for.
absl::Status CheckSame(const FinetuneOptions& options, const TaskName& task,
                       const std::string& folder, FileSystem& files) {
  const Json record = ReadRecord(folder, files).value_or(Json::object());
  const auto value = [&record](const char* key) {
    return record.contains(key) && record[key].is_string()
               ? record[key].get<std::string>()
               : std::string();
  };
  if (value("goal") == task.goal && value("use_asked") == options.use) {
    KMYRIAD_RETURN_IF_ERROR(CheckNumbers(options, folder, record));
    // A run that goes on needs its source no more: it may be gone.
    const auto source = LoadPopulation(files, options.from, options.runs);
    if (!source.ok() || source->run_uuid == value("from_uuid")) {
      return absl::OkStatus();
    }
    return absl::InvalidArgumentError(absl::StrCat(
        "--from = ", options.from, ": ", folder, " started from another run, ",
        value("from"), "; choose another --name"));
  }
  return absl::InvalidArgumentError(absl::StrCat(
      "--name = ", folder, ": holds a run that ",
      value("goal").empty() ? "learns no task"
                            : absl::StrCat("learns ", value("goal"), " with ",
                                           value("use_asked")),
      "; choose another --name"));
}

std::string DefaultName(const FinetuneOptions& options, const TaskName& task) {
  std::string from = options.from;
  while (from.size() > 1 && from.back() == '/') from.pop_back();
  from = from.substr(from.rfind('/') + 1);
  return absl::StrCat(from, "-", task.goal, "-", options.use);
}

// Name of one of `count` rounds, from 0; the last has the name that was asked
// for.
std::string NameOfRound(const std::string& name, size_t round, size_t count) {
  return round + 1 == count ? name : absl::StrCat(name, "-round", round + 1);
}

// The runs that halving takes: as many as it halves the heads, and one.
// Epochs are shared out evenly.
absl::StatusOr<std::vector<Round>> PlanRounds(const FinetuneOptions& options,
                                              const std::string& name,
                                              FileSystem& files) {
  const uint64_t epochs = options.epochs.value_or(kDefaultEpochs);
  if (options.use != "halving") return std::vector<Round>{{name, epochs, ""}};
  KMYRIAD_ASSIGN_OR_RETURN(const Population population,
                           LoadPopulation(files, options.from, options.runs));
  const uint32_t envs = population.config.env().count();
  uint32_t count = 1;
  for (uint32_t heads = HalfOf(population.weights.agent_count, envs); heads > 0;
       heads = HalfOf(heads, envs)) {
    ++count;
  }
  if (epochs < count) {
    return absl::InvalidArgumentError(absl::StrCat(
        "--epochs = ", epochs, ": halving ", population.weights.agent_count,
        " heads takes ", count, " rounds, of one epoch at least"));
  }
  std::vector<Round> rounds;
  for (uint32_t i = 0; i < count; ++i) {
    Round round;
    round.name = NameOfRound(name, i, count);
    round.epochs = epochs * (i + 1) / count - epochs * i / count;
    if (i > 0) round.after = rounds.back().name;
    rounds.push_back(round);
  }
  return rounds;
}

// The plan of a halving that has been begun, from its first round's record.
absl::StatusOr<std::vector<Round>> ReadRounds(const FinetuneOptions& options,
                                              const std::string& name,
                                              const Json& record) {
  const Json plan = record.value("rounds", Json());
  std::vector<Round> rounds;
  uint64_t epochs = 0;
  for (size_t i = 0; plan.is_array() && i < plan.size(); ++i) {
    const Json entry = plan[i].is_object() ? plan[i] : Json::object();
    const Json length = entry.value("epochs", Json());
    const std::string run = NameOfRound(name, i, plan.size());
    if (entry.value("run", Json()) != run || !length.is_number_unsigned()) {
      rounds.clear();
      break;
    }
    rounds.push_back({run, length.get<uint64_t>(),
                      rounds.empty() ? "" : rounds.back().name});
    epochs += rounds.back().epochs;
  }
  if (rounds.empty()) {
    return absl::InvalidArgumentError(absl::StrCat(
        "--name = ", name, ": ", JoinPath(options.runs, name),
        "-round1 is not the first round of a halving of that name; choose "
        "another --name"));
  }
  if (options.epochs.value_or(epochs) == epochs) return rounds;
  return absl::InvalidArgumentError(
      absl::StrCat("--epochs = ", *options.epochs, ": the rounds of halving ",
                   "were cut for ", epochs, "; leave it away, or choose ",
                   "another --name"));
}

absl::Status CheckOptions(const FinetuneOptions& options) {
  KMYRIAD_RETURN_IF_ERROR(CheckOverrides(options.overrides));
  const uint32_t episodes = SelectionEpisodes(options);
  if (episodes < 1 || episodes > kMostSelectionEpisodes) {
    return absl::InvalidArgumentError(
        absl::StrCat("--selection-episodes = ", episodes, ": must be 1 to ",
                     kMostSelectionEpisodes));
  }
  return absl::OkStatus();
}

// Whether a round's run has come to its end. If the first has, which hands its
// configuration on to the others, nothing can be set any more.
absl::StatusOr<bool> Finished(const FinetuneOptions& options,
                              const Round& round, FileSystem& files) {
  const auto run =
      LoadPopulation(files, JoinPath(options.runs, round.name), options.runs);
  if (!run.ok() || run->epoch < run->config.run().epochs()) return false;
  if (!round.after.empty()) return true;
  v1::RunConfig wanted = run->config;
  if (options.seed) wanted.mutable_run()->set_seed(*options.seed);
  for (const std::string& text : options.overrides) {
    KMYRIAD_RETURN_IF_ERROR(ApplyOverride(text, &wanted));
  }
  const std::vector<ConfigDifference> differences =
      CompareRunConfigs(run->config, wanted);
  if (differences.empty()) return true;
  const ConfigDifference& first = differences.front();
  return absl::InvalidArgumentError(absl::StrCat(
      first.key, " = ", absl::CEscape(first.wanted), ": round ", round.name,
      " is finished and had ", absl::CEscape(first.stored),
      "; leave it away, or choose another --name"));
}

// Makes the run of a round, or makes sure that the one that is there is it.
absl::StatusOr<TrainOptions> Prepare(const FinetuneOptions& options,
                                     const TaskName& task, const Round& round,
                                     const Json& plan, FileSystem& files) {
  TrainOptions train;
  train.runs = options.runs;
  train.name = round.name;
  const std::string folder = JoinPath(options.runs, round.name);
  if (RunExists(files, folder)) {
    KMYRIAD_RETURN_IF_ERROR(CheckSame(options, task, folder, files));
    if (plan.empty()) train.epochs = options.epochs;
    // Later rounds have them from the first one.
    if (round.after.empty()) {
      train.seed = options.seed;
      train.overrides = options.overrides;
    }
    return train;
  }
  KMYRIAD_RETURN_IF_ERROR(Begin(options, task, round, plan, files));
  train.config_file = JoinPath(folder, kConfigFile);
  return train;
}

absl::StatusOr<int> Finetune(const FinetuneOptions& options,
                             SignalSource& signals) {
  FileSystem& files = PosixFileSystem();
  KMYRIAD_ASSIGN_OR_RETURN(const TaskName task, ParseTask(options.task));
  KMYRIAD_RETURN_IF_ERROR(CheckOptions(options));
  const std::string name =
      options.name.empty() ? DefaultName(options, task) : options.name;
  KMYRIAD_RETURN_IF_ERROR(CheckRunName(name));
  // A halving that has been begun stays as it was planned.
  const auto begun =
      ReadRecord(JoinPath(options.runs, absl::StrCat(name, "-round1")), files);
  const bool goes_on = options.use == "halving" && begun.ok();
  KMYRIAD_ASSIGN_OR_RETURN(const std::vector<Round> rounds,
                           goes_on ? ReadRounds(options, name, *begun)
                                   : PlanRounds(options, name, files));
  Json plan = Json::array();
  for (const Round& round : rounds) {
    if (rounds.size() == 1) break;
    plan.push_back({{"run", round.name}, {"epochs", round.epochs}});
  }
  for (const Round& round : rounds) {
    KMYRIAD_ASSIGN_OR_RETURN(const TrainOptions train,
                             Prepare(options, task, round, plan, files));
    if (&round != &rounds.back()) {
      KMYRIAD_ASSIGN_OR_RETURN(const bool finished,
                               Finished(options, round, files));
      if (finished) continue;
    }
    const int code = RunTrain(train, signals);
    if (code != 0) return code;
  }
  return 0;
}

}  // namespace

int RunFinetune(const FinetuneOptions& options, SignalSource& signals) {
  const absl::StatusOr<int> code = Finetune(options, signals);
  return code.ok() ? *code : ReportError(code.status());
}

}  // namespace kmyriad
