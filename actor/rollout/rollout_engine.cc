#include "actor/rollout/rollout_engine.h"

#include <algorithm>

namespace kmyriad {

uint32_t PopulationShape::AgentOf(uint32_t block, uint32_t lane) const {
  const uint32_t env = std::min(block * kBlockLanes + lane, envs - 1);
  return env / (envs / agents);
}

void ShapeSegment(const RolloutRequest& request, const SegmentShape& shape,
                  Segment& segment) {
  segment.shape = shape;
  segment.shape.rows = BlockRows(request.population.envs, request.block);
  segment.shape.horizon = request.population.horizon;
  const size_t samples = size_t{segment.shape.rows} * segment.shape.horizon;
  segment.observations.resize(samples * shape.obs_dim);
  segment.actions.resize(samples * shape.act_dim);
  segment.log_probs.resize(samples);
  segment.features.resize(samples * shape.feature_dim);
  segment.flags.resize(samples);
  segment.nonfinite = 0;
}

}  // namespace kmyriad
