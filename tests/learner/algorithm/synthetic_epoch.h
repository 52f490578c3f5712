#ifndef KMYRIAD_TESTS_LEARNER_ALGORITHM_SYNTHETIC_EPOCH_H_
#define KMYRIAD_TESTS_LEARNER_ALGORITHM_SYNTHETIC_EPOCH_H_

#include <cstdint>
#include <functional>
#include <vector>

#include "common/policy/policy_weights.h"
#include "learner/algorithm/policy_optimizer.h"

namespace kmyriad {

// A small population: m = 4 agents, observations of 5, actions of 2.
PolicyOptimizerOptions SmallOptions();

// Samples with their buffers.
struct SyntheticEpoch {
  std::vector<float> observations;
  std::vector<float> actions;
  std::vector<float> log_probs;
  std::vector<float> rewards;
  EpochSamples View() const;
  uint32_t envs = 0;
  uint32_t horizon = 0;
};

// Mean action of one agent for one observation, computed in fp64 with plain
// loops: the reference for the network. [act_dim]
std::vector<double> ReferenceMean(const PolicyWeights& policy, uint32_t agent,
                                  const float* observation);

// Reward of a sample, from agent, observation and squashed action.
using RewardFunction =
    std::function<double(uint32_t, const float*, const float*)>;

// Acts with `policy` on random observations (a new one in each step); log
// probabilities of the squashed actions by the formula of method.md 1.1 in
// fp64. Different `draw` numbers give different samples.
SyntheticEpoch MakeEpoch(const PolicyWeights& policy, uint32_t envs,
                         uint32_t horizon, uint32_t draw,
                         const RewardFunction& reward);

}  // namespace kmyriad

#endif  // KMYRIAD_TESTS_LEARNER_ALGORITHM_SYNTHETIC_EPOCH_H_
