#include "deploy/launcher/commands/eval.h"

#include <algorithm>
#include <cstdio>
#include <memory>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "common/base/file_system.h"
#include "common/base/goal_task.h"
#include "common/base/status_macros.h"
#include "common/policy/mean_actions.h"
#include "common/process/exit_codes.h"
#include "common/process/startup.h"
#include "deploy/launcher/command_output.h"
#include "deploy/launcher/evaluation.h"
#include "deploy/launcher/policy_distance.h"
#include "deploy/launcher/population_source.h"
#include "nlohmann/json.hpp"

namespace kmyriad {
namespace {

using Json = nlohmann::ordered_json;

// Sets of sampled and of mean actions draw from different streams.
constexpr uint32_t kSets = 2;
constexpr uint32_t kMostEpisodes = 100000;

absl::StatusOr<std::vector<GoalTask>> GoalsOf(const EvalOptions& options,
                                              const EnvironmentSpec& spec) {
  const float radius = options.radius.value_or(DefaultGoalRadius(spec.task));
  std::vector<std::string> names = options.goals;
  if (names.empty()) {
    for (const Goal& goal : spec.goals) names.push_back(goal.name);
  }
  std::vector<GoalTask> goals;
  for (const std::string& name : names) {
    KMYRIAD_ASSIGN_OR_RETURN(GoalTask goal, FindGoalTask(spec, name, radius));
    goals.push_back(goal);
  }
  return goals;
}

// One goal under one kind of actions: the four numbers of method.md 2.5.
Json GoalSummary(const Evaluation& evaluation, size_t goal,
                 double step_seconds) {
  GoalScore all;
  uint32_t reaching = 0;
  for (const auto& scores : evaluation.scores) {
    all.Add(scores[goal]);
    reaching += scores[goal].successes > 0;
  }
  Json summary = {{"success_mean", all.success()},
                  {"agents_with_success", reaching}};
  const std::vector<uint32_t> ranked = RankAgents(evaluation, goal);
  summary["best_agent"] = nullptr;
  summary["success_best"] = 0.0;
  summary["steps_mean"] = nullptr;
  if (!ranked.empty()) {
    const uint32_t best = ranked.front();
    summary["best_agent"] = best;
    summary["success_best"] = evaluation.scores[best][goal].success();
    summary["steps_mean"] = all.mean_steps();
    if (step_seconds > 0) {
      summary["seconds_mean"] = all.mean_steps() * step_seconds;
    }
  }
  return summary;
}

Json CoverageOf(const Evaluation& evaluation) {
  return {{"cells", evaluation.cells_together},
          {"reachable", evaluation.cells_reachable},
          {"coverage", static_cast<double>(evaluation.cells_together) /
                           static_cast<double>(std::max<uint64_t>(
                               1, evaluation.cells_reachable))},
          {"unit_squares", evaluation.unit_squares}};
}

absl::StatusOr<Json> DistanceSummary(const PolicyWeights& weights,
                                     const Evaluation& evaluation) {
  KMYRIAD_ASSIGN_OR_RETURN(const std::vector<float> means,
                           MeanActions(weights, evaluation.states));
  const PolicyDistances distances = DistancesOf(weights, means);
  return Json{{"states", evaluation.states.size() / weights.shape.obs_dim},
              {"mean", distances.mean},
              {"median", distances.median},
              {"nearest", distances.nearest}};
}

Json AgentRows(const Evaluation& sampled, const Evaluation& mean,
               const std::vector<GoalTask>& goals) {
  Json rows = Json::array();
  for (size_t agent = 0; agent < sampled.scores.size(); ++agent) {
    Json success = Json::object();
    for (size_t goal = 0; goal < goals.size(); ++goal) {
      success[goals[goal].goal.name] = {
          {"sampled", sampled.scores[agent][goal].success()},
          {"mean_actions", mean.scores[agent][goal].success()},
          {"sampled_steps", sampled.scores[agent][goal].mean_steps()}};
    }
    rows.push_back({{"agent", agent},
                    {"cells_sampled", sampled.cells[agent]},
                    {"cells_mean_actions", mean.cells[agent]},
                    {"goals", success}});
  }
  return rows;
}

absl::StatusOr<Json> Eval(const EvalOptions& options) {
  if (options.episodes < 1 || options.episodes > kMostEpisodes) {
    return absl::InvalidArgumentError(absl::StrCat(
        "--episodes = ", options.episodes, ": must be 1 to ", kMostEpisodes));
  }
  KMYRIAD_ASSIGN_OR_RETURN(
      const Population population,
      LoadPopulation(PosixFileSystem(), options.target, options.runs));
  KMYRIAD_ASSIGN_OR_RETURN(const std::shared_ptr<const EnvironmentModel> model,
                           EnvironmentOf(population));
  KMYRIAD_ASSIGN_OR_RETURN(const std::vector<GoalTask> goals,
                           GoalsOf(options, population.spec));
  EpisodeOptions episodes;
  episodes.run_seed = population.config.run().seed();
  episodes.epoch = static_cast<uint32_t>(population.epoch);
  episodes.episodes = options.episodes;
  episodes.threads = AvailableCores();
  episodes.set = 1 + kSets * options.set;
  KMYRIAD_ASSIGN_OR_RETURN(
      const Evaluation sampled,
      Evaluate(model, population.weights, goals, episodes));
  episodes.set += 1;
  episodes.mean_actions = true;
  KMYRIAD_ASSIGN_OR_RETURN(
      const Evaluation mean,
      Evaluate(model, population.weights, goals, episodes));
  KMYRIAD_ASSIGN_OR_RETURN(const Json distances,
                           DistanceSummary(population.weights, sampled));
  Json rows = Json::array();
  for (size_t goal = 0; goal < goals.size(); ++goal) {
    const Goal& place = goals[goal].goal;
    const double step = population.spec.step_seconds;
    rows.push_back({{"goal", place.name},
                    {"x", place.x},
                    {"y", place.y},
                    {"radius", goals[goal].radius},
                    {"geodesic_distance", place.geodesic_distance},
                    {"sampled", GoalSummary(sampled, goal, step)},
                    {"mean_actions", GoalSummary(mean, goal, step)}});
  }
  return Json{
      {"run", population.run_name},
      {"checkpoint", population.checkpoint},
      {"epoch", population.epoch},
      {"trained_env_steps", population.env_steps},
      {"policy_hash", ToHex(population.policy_hash)},
      {"task", population.spec.task},
      {"terrain", population.spec.terrain},
      {"horizon", model->options().horizon},
      {"episodes_per_agent", options.episodes},
      {"set", options.set},
      {"env_steps", sampled.env_steps + mean.env_steps},
      {"coverage",
       {{"sampled", CoverageOf(sampled)}, {"mean_actions", CoverageOf(mean)}}},
      {"policy_distance_nats", distances},
      {"goals", rows},
      {"agents", AgentRows(sampled, mean, goals)}};
}

void PrintGoals(const Json& result) {
  if (result["goals"].empty()) {
    std::printf("terrain %s names no goals\n",
                result["terrain"].get<std::string>().c_str());
    return;
  }
  std::printf("%-14s %8s | %-34s | %s\n", "", "", "sampled actions",
              "mean actions");
  std::printf("%-14s %8s | %8s %8s %8s %7s | %8s %8s\n", "goal", "distance",
              "mean", "best", "by agent", "steps", "mean", "best");
  for (const Json& row : result["goals"]) {
    const Json& sampled = row["sampled"];
    const Json& mean = row["mean_actions"];
    std::string agent = "-";
    std::string steps = "-";
    if (!sampled["best_agent"].is_null()) {
      agent = absl::StrCat(sampled["best_agent"].get<uint64_t>());
      steps = absl::StrFormat("%.1f", sampled["steps_mean"].get<double>());
    }
    std::printf("%-14s %8.2f | %8.3f %8.3f %8s %7s | %8.3f %8.3f\n",
                row["goal"].get<std::string>().c_str(),
                row["geodesic_distance"].get<double>(),
                sampled["success_mean"].get<double>(),
                sampled["success_best"].get<double>(), agent.c_str(),
                steps.c_str(), mean["success_mean"].get<double>(),
                mean["success_best"].get<double>());
  }
}

void PrintAgents(const Json& result) {
  std::printf("\n%-8s %8s", "agent", "cells");
  for (const Json& row : result["goals"]) {
    std::printf(" %11s", row["goal"].get<std::string>().c_str());
  }
  std::printf("     (success, sampled actions)\n");
  for (const Json& row : result["agents"]) {
    std::printf(
        "%-8llu %8llu",
        static_cast<unsigned long long>(row["agent"].get<uint64_t>()),
        static_cast<unsigned long long>(row["cells_sampled"].get<uint64_t>()));
    for (const auto& [name, scores] : row["goals"].items()) {
      std::printf(" %11.3f", scores["sampled"].get<double>());
    }
    std::printf("\n");
  }
}

void Print(const Json& result) {
  const Json& sampled = result["coverage"]["sampled"];
  std::printf(
      "run %s, %s: %llu fresh episodes of %u steps per agent, sampled and "
      "with mean actions\n",
      result["run"].get<std::string>().c_str(),
      result["checkpoint"].get<std::string>().c_str(),
      static_cast<unsigned long long>(
          result["episodes_per_agent"].get<uint64_t>()),
      result["horizon"].get<uint32_t>());
  std::printf(
      "coverage: %llu of %llu cells, %.1f %%; with mean actions %.1f %%; %llu "
      "unit squares (METRA)\n",
      static_cast<unsigned long long>(sampled["cells"].get<uint64_t>()),
      static_cast<unsigned long long>(sampled["reachable"].get<uint64_t>()),
      100 * sampled["coverage"].get<double>(),
      100 * result["coverage"]["mean_actions"]["coverage"].get<double>(),
      static_cast<unsigned long long>(sampled["unit_squares"].get<uint64_t>()));
  const Json& distance = result["policy_distance_nats"];
  std::printf(
      "agents' actions differ by %.3g nats (Jeffreys; median %.3g), from the "
      "nearest other agent's by %.3g\n\n",
      distance["mean"].get<double>(), distance["median"].get<double>(),
      distance["nearest"].get<double>());
  PrintGoals(result);
  PrintAgents(result);
}

}  // namespace

int RunEval(const EvalOptions& options) {
  const absl::StatusOr<Json> result = Eval(options);
  if (!result.ok()) return ReportError(result.status());
  if (options.json) {
    std::printf("%s\n", result->dump(2).c_str());
  } else {
    Print(*result);
  }
  return kExitDone;
}

}  // namespace kmyriad
