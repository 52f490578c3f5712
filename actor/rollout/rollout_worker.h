#ifndef KMYRIAD_ACTOR_ROLLOUT_ROLLOUT_WORKER_H_
#define KMYRIAD_ACTOR_ROLLOUT_ROLLOUT_WORKER_H_

#include <cstdint>
#include <memory>
#include <vector>

#include "actor/env/vector_env.h"
#include "actor/rollout/rollout_engine.h"
#include "common/base/environment_spec.h"
#include "common/base/segment.h"
#include "common/policy/policy_inference.h"

namespace kmyriad {

// Steps one block at a time with a vector environment of its own; takes
// PolicyInference.
class RolloutWorker final : public RolloutEngine {
 public:
  RolloutWorker(std::unique_ptr<VectorEnv> env, const EnvironmentSpec& spec);

  uint32_t batch() const override { return 1; }
  absl::Status Rollout(absl::Span<const RolloutRequest> requests,
                       const Progress& progress,
                       absl::Span<RolloutResult> results) override;

 private:
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
