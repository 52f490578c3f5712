#ifndef KMYRIAD_DEPLOY_LAUNCHER_EVALUATION_H_
#define KMYRIAD_DEPLOY_LAUNCHER_EVALUATION_H_

#include <cstdint>
#include <memory>
#include <vector>

#include "absl/status/statusor.h"
#include "actor/env/vector_env.h"
#include "common/base/goal_task.h"
#include "common/policy/policy_weights.h"
#include "deploy/launcher/episodes.h"

namespace kmyriad {

// States that agents are compared at (method.md 3).
inline constexpr uint32_t kMostStates = 2048;

// How one agent did at one goal.
struct GoalScore {
  uint32_t episodes = 0;
  uint32_t successes = 0;
  // Of the first step at the goal, from 1, over the successful episodes.
  uint64_t steps = 0;

  double success() const {
    return static_cast<double>(successes) / static_cast<double>(episodes);
  }
  // Mean; 0 without a success.
  double mean_steps() const {
    return successes == 0 ? 0 : static_cast<double>(steps) / successes;
  }
  void Add(const GoalScore& other) {
    episodes += other.episodes;
    successes += other.successes;
    steps += other.steps;
  }
};

// What a population did in fresh episodes.
struct Evaluation {
  // [agent][goal]
  std::vector<std::vector<GoalScore>> scores;
  // Reachable coverage cells that each agent, and that all together, hit.
  std::vector<uint64_t> cells;
  uint64_t cells_together = 0;
  uint64_t cells_reachable = 0;
  // METRA's number: distinct (floor x, floor y) of the samples, reachable or
  // not, for comparisons outside of this project (method.md 3).
  uint64_t unit_squares = 0;
  // Observations [count, obs_dim] of the first episodes, as many of each agent,
  // kMostStates at most (one per agent if there are more agents): where agents'
  // distributions are compared.
  std::vector<float> states;
  uint64_t env_steps = 0;
};

// Runs the episodes and scores them. Same arguments, same result.
absl::StatusOr<Evaluation> Evaluate(
    const std::shared_ptr<const EnvironmentModel>& model,
    const PolicyWeights& weights, const std::vector<GoalTask>& goals,
    const EpisodeOptions& options);

// The agents that succeeded at `goal`, best first (RankBySuccess).
std::vector<uint32_t> RankAgents(const Evaluation& evaluation, size_t goal);

}  // namespace kmyriad

#endif  // KMYRIAD_DEPLOY_LAUNCHER_EVALUATION_H_
