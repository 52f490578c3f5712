#ifndef KMYRIAD_ACTOR_ROLLOUT_ROLLOUT_WORKER_H_
#define KMYRIAD_ACTOR_ROLLOUT_ROLLOUT_WORKER_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "actor/env/vector_env.h"
#include "common/base/environment_spec.h"
#include "common/base/segment.h"
#include "common/policy/policy_inference.h"

namespace kmyriad {

// Sizes of a run that say which environments and agents a block has.
struct PopulationShape {
  uint32_t envs = 0;     // n
  uint32_t agents = 0;   // m, divides n
  uint32_t horizon = 0;  // T

  uint32_t blocks() const { return BlockCount(envs); }
  // Agent of each of the block's 16 lanes; the padding lanes of the last
  // block take the last environment's.
  uint32_t AgentOf(uint32_t block, uint32_t lane) const;
};

// What a segment is a function of, besides the environment's model.
struct RolloutRequest {
  uint64_t seed = 0;
  uint32_t epoch = 0;
  uint32_t block = 0;
  PopulationShape population;
  // Holds the heads of the block's agents.
  const PolicyInference* policy = nullptr;
};

struct RolloutTimes {
  double physics_seconds = 0;
  double inference_seconds = 0;
};

// Steps one block at a time with a vector environment of its own. A segment is
// a pure function of the request: it depends neither on what the worker did
// before nor on the thread. One thread at a time.
class RolloutWorker {
 public:
  // Called after each step with the number of steps done so far; false
  // abandons the rollout.
  using Progress = std::function<bool(uint32_t steps)>;

  RolloutWorker(std::unique_ptr<VectorEnv> env, const EnvironmentSpec& spec);

  // Fills `segment`, whose buffers are reused, step by step: what `progress`
  // sees is final up to its step. False if `progress` abandoned it; the
  // segment is then not whole.
  bool Rollout(const RolloutRequest& request, const Progress& progress,
               Segment& segment, RolloutTimes& times);

 private:
  void PrepareSegment(const RolloutRequest& request, Segment& segment) const;
  // Moves one step from lane-minor to the segment's lane-major columns.
  void StoreStep(uint32_t step, Segment& segment) const;

  const std::unique_ptr<VectorEnv> env_;
  const uint32_t obs_dim_;
  const uint32_t act_dim_;
  const uint32_t feature_dim_;
  PolicyInference::Scratch scratch_;
  // One step, lane-minor: [dim, 16].
  std::vector<float> observations_;
  std::vector<float> mean_;
  std::vector<float> actions_;
  std::vector<float> squashed_;
  std::vector<float> features_;
  float log_probs_[kBlockLanes] = {};
  uint8_t flags_[kBlockLanes] = {};
};

}  // namespace kmyriad

#endif  // KMYRIAD_ACTOR_ROLLOUT_ROLLOUT_WORKER_H_
