#ifndef KMYRIAD_DEPLOY_LAUNCHER_EPISODES_H_
#define KMYRIAD_DEPLOY_LAUNCHER_EPISODES_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "absl/status/status.h"
#include "actor/env/vector_env.h"
#include "common/base/environment_spec.h"
#include "common/base/segment.h"
#include "common/policy/policy_weights.h"

namespace kmyriad {

// Fresh episodes of every agent of a policy, outside of any training.
struct EpisodeOptions {
  // Of the run; episodes draw from a seed of their own, which its evaluation
  // stream gives, so that they repeat nothing of the training.
  uint64_t run_seed = 0;
  // Tells evaluations of one run apart: epoch of the checkpoint, and which of
  // several sets of episodes this is.
  uint32_t epoch = 0;
  uint32_t set = 0;
  uint32_t episodes = 0;  // per agent, >= 1
  // Acts with tanh(mean) instead of a sample.
  bool mean_actions = false;
  int threads = 1;  // >= 1; no effect on the result
};

// One episode; pointers are valid during the call.
struct Episode {
  uint32_t agent = 0;
  uint32_t number = 0;  // among the agent's, from 0
  uint32_t steps = 0;
  LaneView view;
};

// Runs options.episodes episodes of each of the policy's agents for the
// model's horizon and calls `visit` once for each, from several threads at a
// time, in no particular order. What an episode holds is a function of
// (run_seed, epoch, set, agent, number, policy) alone. `weights` holds all
// heads. Errors of the model or the policy.
absl::Status RunEpisodes(std::shared_ptr<const EnvironmentModel> model,
                         const PolicyWeights& weights,
                         const EpisodeOptions& options,
                         const std::function<void(const Episode&)>& visit);

// Index of the coverage cell that holds a place, or -1 outside of the grid.
int64_t CoverageCellOf(const CoverageGrid& grid, float x, float y);

// Distinct reachable cells that some samples hit, samples that are masked left
// out.
class CellSet {
 public:
  explicit CellSet(const CoverageGrid& grid)
      : grid_(grid), hit_(grid.reachable.size()) {}
  void Add(const Episode& episode, uint32_t feature_dim);
  void Add(const CellSet& other);
  uint64_t reached() const;

 private:
  const CoverageGrid& grid_;
  std::vector<uint8_t> hit_;
};

}  // namespace kmyriad

#endif  // KMYRIAD_DEPLOY_LAUNCHER_EPISODES_H_
