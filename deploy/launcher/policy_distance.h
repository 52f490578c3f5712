#ifndef KMYRIAD_DEPLOY_LAUNCHER_POLICY_DISTANCE_H_
#define KMYRIAD_DEPLOY_LAUNCHER_POLICY_DISTANCE_H_

#include <cstdint>
#include <vector>

#include "common/policy/policy_weights.h"

namespace kmyriad {

// How far the agents' action distributions are from each other, nats
// (reference/method.md 3). Noise that leads nowhere counts too: read it next to
// the agents' divergence in states.
struct PolicyDistances {
  // [agents, agents]: mean over states of KL(i, j) + KL(j, i), Jeffreys'
  // divergence; symmetric, 0 on the diagonal.
  std::vector<double> matrix;
  // Over pairs of different agents; 0 with a single agent.
  double mean = 0;
  double median = 0;
  // Mean over agents of the distance to the nearest other: 0 says that there
  // are duplicates.
  double nearest = 0;
};

// Closed form between the agents' Gaussians with `means` [agents, count,
// act_dim] (common/policy/mean_actions.h) and the heads' deviations, count
// >= 1. The square is expanded, so that the pairs are matrix products over
// (state, action), in double.
PolicyDistances DistancesOf(const PolicyWeights& weights,
                            const std::vector<float>& means);

}  // namespace kmyriad

#endif  // KMYRIAD_DEPLOY_LAUNCHER_POLICY_DISTANCE_H_
