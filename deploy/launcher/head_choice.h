#ifndef KMYRIAD_DEPLOY_LAUNCHER_HEAD_CHOICE_H_
#define KMYRIAD_DEPLOY_LAUNCHER_HEAD_CHOICE_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/base/file_system.h"
#include "common/base/goal_task.h"
#include "deploy/launcher/evaluation.h"
#include "deploy/launcher/population_source.h"

namespace kmyriad {

// Heads of a population that a task is learnt with, and what choosing them
// cost.
struct HeadChoice {
  std::vector<uint32_t> agents;  // rising; empty: none, a random start
  uint64_t env_steps = 0;
  std::vector<GoalScore> scores;  // of the tries, by agent; empty: no tries
  // Where the new run's policies are compared with these, [count, obs_dim].
  std::vector<float> states;
};

// All heads; a first episode of each gives the states.
absl::StatusOr<HeadChoice> TakeAllHeads(const Population& population,
                                        uint64_t seed);

// Tries every head in `episodes` episodes and keeps the best `keep`, those with
// a success (RankAgents) before the others; all of them if none has one.
absl::StatusOr<HeadChoice> TryHeads(const Population& population,
                                    const GoalTask& task, uint64_t seed,
                                    uint32_t episodes, uint32_t keep);

// How many heads are kept of `agents` when the better half goes on: the most
// that divide `envs`, so that every head gets as many; 0 if they would be fewer
// than 4 (reference/method.md 2.3).
uint32_t HalfOf(uint32_t agents, uint32_t envs);

// Seed of the round of halving that follows one with seed `before`. Epochs of
// every round count from 1: with one seed all would repeat the first one's
// start states and action noise.
uint64_t SeedOfNextRound(uint64_t before);

// initial.safetensors of a run that starts from the chosen heads: trunk, heads
// and normaliser under the names of a checkpoint, and what ForgettingMonitor
// reads.
absl::StatusOr<std::string> EncodeInitial(const Population& population,
                                          const HeadChoice& choice);
// The same for a run that goes on with another one's task: with the critic, and
// compared with what that one is compared with.
absl::StatusOr<std::string> EncodeContinuation(FileSystem& files,
                                               const Population& population,
                                               const HeadChoice& choice);

}  // namespace kmyriad

#endif  // KMYRIAD_DEPLOY_LAUNCHER_HEAD_CHOICE_H_
