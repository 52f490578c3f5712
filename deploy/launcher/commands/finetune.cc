#include "deploy/launcher/commands/finetune.h"

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <memory>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/base/digest.h"
#include "common/base/file_system.h"
#include "common/base/goal_task.h"
#include "common/base/status_macros.h"
#include "common/config/run_config.h"
#include "common/process/startup.h"
#include "deploy/launcher/command_output.h"
#include "deploy/launcher/commands/train.h"
#include "deploy/launcher/evaluation.h"
#include "deploy/launcher/population_source.h"
#include "deploy/launcher/run_folder.h"
#include "learner/checkpoint/safetensors.h"
#include "nlohmann/json.hpp"

namespace kmyriad {
namespace {

using Json = nlohmann::ordered_json;

constexpr uint64_t kDefaultEpochs = 40;
// Of the source's settings, for a policy that is good already.
constexpr double kLearningRateShare = 0.3;
constexpr double kClipShare = 0.5;
constexpr double kMostKl = 0.03;
// Episodes that no evaluation repeats (EpisodeOptions::set).
constexpr uint32_t kSelectionSet = 0xFFFFFFFF;
constexpr uint32_t kMostSelectionEpisodes = 10000;
constexpr uint64_t kMaxRecordBytes = 64 << 20;
constexpr char kRecordFile[] = "finetune.json";

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
  return FindGoalTask(
      spec, task.goal,
      options.radius == 0 ? DefaultGoalRadius(spec.task) : options.radius);
}

// Which heads the new run has, and what choosing them cost.
struct Choice {
  std::string use;
  std::vector<uint32_t> agents;  // empty: none, a random start
  uint64_t env_steps = 0;
  std::vector<GoalScore> scores;  // of the selection, by agent
};

absl::StatusOr<Choice> ChooseHeads(const FinetuneOptions& options,
                                   const Population& population,
                                   const GoalTask& task) {
  Choice choice{options.use, {}, 0, {}};
  if (options.use == "random") return choice;
  const auto take_all = [&choice, &population] {
    for (uint32_t i = 0; i < population.weights.agent_count; ++i) {
      choice.agents.push_back(i);
    }
  };
  if (options.use == "joint") {
    take_all();
    return choice;
  }
  KMYRIAD_ASSIGN_OR_RETURN(const std::shared_ptr<const EnvironmentModel> model,
                           EnvironmentOf(population));
  EpisodeOptions episodes;
  episodes.run_seed = options.seed.value_or(population.config.run().seed());
  episodes.epoch = static_cast<uint32_t>(population.epoch);
  episodes.set = kSelectionSet;
  episodes.episodes = options.selection_episodes;
  episodes.threads = AvailableCores();
  KMYRIAD_ASSIGN_OR_RETURN(
      const Evaluation evaluation,
      Evaluate(model, population.weights, {task}, episodes));
  choice.env_steps = evaluation.env_steps;
  for (const auto& scores : evaluation.scores) {
    choice.scores.push_back(scores[0]);
  }
  const int best = BestAgent(evaluation, 0);
  if (best >= 0) {
    choice.agents = {static_cast<uint32_t>(best)};
    return choice;
  }
  std::fprintf(stderr,
               "finetune: no head came to %s in %u episodes each: all are "
               "trained (joint)\n",
               task.goal.name.c_str(), options.selection_episodes);
  choice.use = "joint";
  take_all();
  return choice;
}

NamedTensor Tensor(std::string name, std::vector<int64_t> shape,
                   const std::vector<float>& values) {
  NamedTensor tensor{
      std::move(name), TensorType::kFloat32, std::move(shape), {}};
  tensor.data.resize(values.size() * sizeof(float));
  std::memcpy(tensor.data.data(), values.data(), tensor.data.size());
  return tensor;
}

// Trunk, the chosen heads (which are one, or all) and normaliser, under the
// names and in the shapes of a checkpoint.
absl::StatusOr<std::string> EncodeInitial(const Population& population,
                                          const std::vector<uint32_t>& agents) {
  KMYRIAD_ASSIGN_OR_RETURN(const PolicyWeights part,
                           SelectAgents(population.weights, agents.front(),
                                        static_cast<uint32_t>(agents.size())));
  const int64_t count = part.agent_count;
  const int64_t act = part.shape.act_dim;
  SafetensorsContent content;
  content.tensors = population.normalizer;
  for (size_t l = 0; l < part.trunk.size(); ++l) {
    const DenseLayer& layer = part.trunk[l];
    content.tensors.push_back(Tensor(absl::StrCat("trunk.", l, ".weight"),
                                     {layer.out, layer.in}, layer.weight));
    content.tensors.push_back(
        Tensor(absl::StrCat("trunk.", l, ".bias"), {layer.out}, layer.bias));
  }
  content.tensors.push_back(Tensor(
      "heads.weight", {count, part.shape.trunk.back(), act}, part.head_weight));
  content.tensors.push_back(
      Tensor("heads.bias", {count, 1, act}, part.head_bias));
  content.tensors.push_back(
      Tensor("heads.log_std", {count, 1, act}, part.head_log_std));
  return EncodeSafetensors(content);
}

absl::StatusOr<v1::RunConfig> MakeConfig(const FinetuneOptions& options,
                                         const Population& population,
                                         const GoalTask& task,
                                         const Choice& choice,
                                         const std::string& initial) {
  v1::RunConfig config = population.config;
  const uint64_t epochs = options.epochs.value_or(kDefaultEpochs);
  config.mutable_run()->set_epochs(epochs);
  config.mutable_schedule()->set_epochs(epochs);
  if (options.seed) config.mutable_run()->set_seed(*options.seed);
  v1::Task& target = *config.mutable_task();
  target.Clear();
  target.set_goal(task.goal.name);
  target.set_radius(task.radius);
  target.set_critic_warmup(0);
  // The goal pays. The entropy is watched, and in the way that takes one agent.
  config.mutable_entropy()->set_reward("forward");
  const bool pretrained = !choice.agents.empty();
  config.mutable_population()->set_agents(
      pretrained ? static_cast<uint32_t>(choice.agents.size()) : 1);
  if (pretrained) {
    v1::Ppo& ppo = *config.mutable_ppo();
    ppo.set_learning_rate(ppo.learning_rate() * kLearningRateShare);
    ppo.set_clip(ppo.clip() * kClipShare);
    ppo.set_kl_stop(ppo.kl_stop() > 0 ? std::min(ppo.kl_stop(), kMostKl)
                                      : kMostKl);
    target.set_critic_warmup(options.critic_warmup);
    target.set_initial_sha256(ToHex(Sha256Of(initial)));
  }
  for (const std::string& text : options.overrides) {
    KMYRIAD_RETURN_IF_ERROR(ApplyOverride(text, &config));
  }
  KMYRIAD_RETURN_IF_ERROR(ValidateRunConfig(config));
  return config;
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
                 {"use_asked", options.use},
                 {"use", choice.use},
                 {"agents", choice.agents},
                 {"selection_env_steps", choice.env_steps}};
  Json scores = Json::array();
  for (const GoalScore& score : choice.scores) {
    scores.push_back({{"successes", score.successes},
                      {"episodes", score.episodes},
                      {"steps_mean", score.mean_steps()}});
  }
  record["selection"] = scores;
  return record;
}

// Fills the folder of a new run with what its learner starts from.
absl::Status Begin(const FinetuneOptions& options, const TaskName& name,
                   const std::string& folder, const std::string& config_file,
                   FileSystem& files) {
  KMYRIAD_ASSIGN_OR_RETURN(const Population population,
                           LoadPopulation(files, options.from, options.runs));
  KMYRIAD_ASSIGN_OR_RETURN(const GoalTask task,
                           FindTask(options, name, population));
  KMYRIAD_ASSIGN_OR_RETURN(const Choice choice,
                           ChooseHeads(options, population, task));
  std::string initial;
  if (!choice.agents.empty()) {
    KMYRIAD_ASSIGN_OR_RETURN(initial, EncodeInitial(population, choice.agents));
  }
  KMYRIAD_ASSIGN_OR_RETURN(
      const v1::RunConfig config,
      MakeConfig(options, population, task, choice, initial));
  if (choice.use == "select") {
    const uint32_t agent = choice.agents.front();
    std::fprintf(stderr, "finetune: head %u, %u of %u tries at %s\n", agent,
                 choice.scores[agent].successes, options.selection_episodes,
                 task.goal.name.c_str());
  }
  KMYRIAD_RETURN_IF_ERROR(files.CreateFolders(folder));
  if (!initial.empty()) {
    KMYRIAD_RETURN_IF_ERROR(
        files.WriteAndSync(JoinPath(folder, "initial.safetensors"), initial));
  }
  KMYRIAD_RETURN_IF_ERROR(
      files.WriteAndSync(config_file, FormatRunConfig(config)));
  return files.AtomicReplace(
      JoinPath(folder, kRecordFile),
      MakeRecord(options, population, task, choice).dump(2) + "\n");
}

// Whether the run that is there is the one that was asked for.
absl::Status CheckSame(const FinetuneOptions& options, const TaskName& task,
                       const std::string& folder, FileSystem& files) {
  const auto text = files.Read(JoinPath(folder, kRecordFile), kMaxRecordBytes);
  const auto record = text.ok() ? Json::parse(*text, nullptr, false) : Json();
  const auto value = [&record](const char* key) {
    return record.is_object() && record.contains(key) && record[key].is_string()
               ? record[key].get<std::string>()
               : std::string();
  };
  if (value("goal") == task.goal && value("use_asked") == options.use) {
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

absl::StatusOr<TrainOptions> Prepare(const FinetuneOptions& options) {
  FileSystem& files = PosixFileSystem();
  KMYRIAD_ASSIGN_OR_RETURN(const TaskName task, ParseTask(options.task));
  KMYRIAD_RETURN_IF_ERROR(CheckOverrides(options.overrides));
  if (options.selection_episodes < 1 ||
      options.selection_episodes > kMostSelectionEpisodes) {
    return absl::InvalidArgumentError(
        absl::StrCat("--selection-episodes = ", options.selection_episodes,
                     ": must be 1 to ", kMostSelectionEpisodes));
  }
  TrainOptions train;
  train.runs = options.runs;
  train.name = options.name.empty() ? DefaultName(options, task) : options.name;
  KMYRIAD_RETURN_IF_ERROR(CheckRunName(train.name));
  const std::string folder = JoinPath(options.runs, train.name);
  if (RunExists(files, folder)) {
    KMYRIAD_RETURN_IF_ERROR(CheckSame(options, task, folder, files));
    train.epochs = options.epochs;
    train.seed = options.seed;
    train.overrides = options.overrides;
    return train;
  }
  train.config_file = JoinPath(folder, "finetune.textproto");
  KMYRIAD_RETURN_IF_ERROR(
      Begin(options, task, folder, train.config_file, files));
  return train;
}

}  // namespace

int RunFinetune(const FinetuneOptions& options, SignalSource& signals) {
  const absl::StatusOr<TrainOptions> train = Prepare(options);
  if (!train.ok()) return ReportError(train.status());
  return RunTrain(*train, signals);
}

}  // namespace kmyriad
