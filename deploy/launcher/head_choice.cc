#include "deploy/launcher/head_choice.h"

#include <algorithm>
#include <memory>
#include <numeric>
#include <utility>

#include "absl/strings/match.h"
#include "common/base/status_macros.h"
#include "common/base/tensor.h"
#include "common/math/philox.h"
#include "common/policy/forgetting_monitor.h"
#include "common/process/startup.h"
#include "learner/checkpoint/run_directory.h"
#include "learner/checkpoint/safetensors.h"

namespace kmyriad {
namespace {

// Episodes that no evaluation repeats (EpisodeOptions::set).
constexpr uint32_t kSelectionSet = 0xFFFFFFFF;
constexpr uint32_t kFewestHeads = 4;
// Seeds of evaluations are drawn at step 0.
constexpr uint32_t kRoundStep = 1;
// Pairs of state and head that a run's policies are compared at after each
// epoch: fewer states for very large populations.
constexpr size_t kMostComparisons = 65536;

absl::StatusOr<Evaluation> TryAll(const Population& population,
                                  std::vector<GoalTask> goals, uint64_t seed,
                                  uint32_t episodes) {
  KMYRIAD_ASSIGN_OR_RETURN(const std::shared_ptr<const EnvironmentModel> model,
                           EnvironmentOf(population));
  EpisodeOptions options;
  options.run_seed = seed;
  options.epoch = static_cast<uint32_t>(population.epoch);
  options.set = kSelectionSet;
  options.episodes = episodes;
  options.threads = AvailableCores();
  return Evaluate(model, population.weights, goals, options);
}

std::vector<uint32_t> AllAgents(const Population& population) {
  std::vector<uint32_t> agents(population.weights.agent_count);
  std::iota(agents.begin(), agents.end(), 0u);
  return agents;
}

PolicyWeights TakeHeads(const PolicyWeights& weights,
                        const std::vector<uint32_t>& agents) {
  const size_t m = weights.agent_count;
  PolicyWeights part = weights;
  part.agent_count = static_cast<uint32_t>(agents.size());
  part.shape.agents = part.agent_count;
  part.head_weight = TakeRows(weights.head_weight, m, agents);
  part.head_bias = TakeRows(weights.head_bias, m, agents);
  part.head_log_std = TakeRows(weights.head_log_std, m, agents);
  return part;
}

NamedTensor TakeRowsOf(const NamedTensor& tensor, size_t m,
                       const std::vector<uint32_t>& agents) {
  NamedTensor part = tensor;
  part.shape[0] = static_cast<int64_t>(agents.size());
  part.data = TakeRows(tensor.data, m, agents);
  return part;
}

bool IsOfCritic(const NamedTensor& tensor) {
  return absl::StartsWith(tensor.name, "critic.") || tensor.name == "embedding";
}

// The checkpoint's tensors for the agents alone.
std::vector<NamedTensor> TensorsOf(const Population& population,
                                   const std::vector<uint32_t>& agents,
                                   bool with_critic) {
  std::vector<NamedTensor> tensors = population.normalizer;
  for (const NamedTensor& tensor : population.parameters) {
    if (IsOfCritic(tensor) && !with_critic) continue;
    const bool of_agents =
        absl::StartsWith(tensor.name, "heads.") || tensor.name == "embedding";
    tensors.push_back(
        of_agents ? TakeRowsOf(tensor, population.weights.agent_count, agents)
                  : tensor);
  }
  return tensors;
}

}  // namespace

absl::StatusOr<HeadChoice> TakeAllHeads(const Population& population,
                                        uint64_t seed) {
  KMYRIAD_ASSIGN_OR_RETURN(Evaluation evaluation,
                           TryAll(population, {}, seed, 1));
  HeadChoice choice;
  choice.agents = AllAgents(population);
  choice.states = std::move(evaluation.states);
  return choice;
}

absl::StatusOr<HeadChoice> TryHeads(const Population& population,
                                    const GoalTask& task, uint64_t seed,
                                    uint32_t episodes, uint32_t keep) {
  KMYRIAD_ASSIGN_OR_RETURN(Evaluation evaluation,
                           TryAll(population, {task}, seed, episodes));
  HeadChoice choice;
  choice.env_steps = evaluation.env_steps;
  for (const auto& scores : evaluation.scores) {
    choice.scores.push_back(scores[0]);
  }
  choice.states = std::move(evaluation.states);
  choice.agents = RankAgents(evaluation, 0);
  if (choice.agents.empty()) {
    choice.agents = AllAgents(population);
    return choice;
  }
  for (const uint32_t agent : AllAgents(population)) {
    if (choice.scores[agent].successes == 0) choice.agents.push_back(agent);
  }
  choice.agents.resize(std::min<size_t>(keep, choice.agents.size()));
  std::sort(choice.agents.begin(), choice.agents.end());
  return choice;
}

uint32_t HalfOf(uint32_t agents, uint32_t envs) {
  for (uint32_t half = agents / 2; half >= kFewestHeads; --half) {
    if (envs % half == 0) return half;
  }
  return 0;
}

uint64_t SeedOfNextRound(uint64_t before) {
  const PhiloxBlock random = RunRandom(before, RandomStream::kEvaluation, 0, 0,
                                       kRoundStep, /*draw=*/0);
  return (uint64_t{random.word[1]} << 32) | random.word[0];
}

absl::StatusOr<std::string> EncodeInitial(const Population& population,
                                          const HeadChoice& choice) {
  const PolicyWeights part = TakeHeads(population.weights, choice.agents);
  SafetensorsContent content;
  content.tensors = TensorsOf(population, choice.agents, /*with_critic=*/false);
  const size_t obs = part.shape.obs_dim;
  const size_t count = choice.states.size() / obs;
  const size_t kept =
      std::clamp<size_t>(kMostComparisons / part.agent_count, 1, count);
  std::vector<float> states;
  for (size_t i = 0; i < kept; ++i) {
    const auto first = choice.states.begin() +
                       static_cast<std::ptrdiff_t>(i * count / kept * obs);
    states.insert(states.end(), first,
                  first + static_cast<std::ptrdiff_t>(obs));
  }
  KMYRIAD_ASSIGN_OR_RETURN(std::vector<NamedTensor> monitor,
                           ForgettingMonitor::MakeTensors(part, states));
  std::move(monitor.begin(), monitor.end(),
            std::back_inserter(content.tensors));
  return EncodeSafetensors(content);
}

absl::StatusOr<std::string> EncodeContinuation(FileSystem& files,
                                               const Population& population,
                                               const HeadChoice& choice) {
  SafetensorsContent content;
  content.tensors = TensorsOf(population, choice.agents, /*with_critic=*/true);
  const std::string path = JoinPath(population.run_folder, kInitialPolicyFile);
  KMYRIAD_ASSIGN_OR_RETURN(const std::string bytes,
                           files.Read(path, kMostInitialPolicyBytes));
  KMYRIAD_ASSIGN_OR_RETURN(const SafetensorsContent before,
                           DecodeSafetensors(bytes));
  KMYRIAD_ASSIGN_OR_RETURN(
      std::vector<NamedTensor> monitor,
      ForgettingMonitor::SelectAgents(before.tensors, population.weights.shape,
                                      choice.agents));
  std::move(monitor.begin(), monitor.end(),
            std::back_inserter(content.tensors));
  return EncodeSafetensors(content);
}

}  // namespace kmyriad
