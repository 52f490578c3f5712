#ifndef KMYRIAD_LEARNER_COLLECTOR_EPOCH_BUFFER_H_
#define KMYRIAD_LEARNER_COLLECTOR_EPOCH_BUFFER_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "common/base/segment.h"

namespace kmyriad {

// Sizes of an epoch's samples.
struct EpochShape {
  uint32_t envs = 0;
  uint32_t horizon = 0;
  uint32_t obs_dim = 0;
  uint32_t act_dim = 0;
  uint32_t feature_dim = 0;

  uint64_t samples() const { return uint64_t{envs} * horizon; }
  // Of all columns.
  uint64_t bytes() const {
    return samples() *
           (sizeof(float) * (obs_dim + act_dim + 1 + feature_dim) + 1);
  }
  // Shape of a block's segment.
  SegmentShape segment(uint32_t block) const {
    return {BlockRows(envs, block), horizon, obs_dim, act_dim, feature_dim};
  }
};

// One environment's part, to be written.
struct MutableLane {
  float* observations = nullptr;  // [horizon, obs_dim]
  float* actions = nullptr;       // [horizon, act_dim]
  float* log_probs = nullptr;     // [horizon]
  float* features = nullptr;      // [horizon, feature_dim]
  uint8_t* flags = nullptr;       // [horizon]
};

// All samples of an epoch in columns, environment-major, [envs, horizon, dim].
// Allocated once per run; plain memory, no locking.
struct EpochBuffer {
  explicit EpochBuffer(const EpochShape& epoch_shape)
      : shape(epoch_shape),
        observations(shape.samples() * shape.obs_dim),
        actions(shape.samples() * shape.act_dim),
        log_probs(shape.samples()),
        features(shape.samples() * shape.feature_dim),
        flags(shape.samples()) {}

  MutableLane Lane(uint32_t env) {
    const size_t row = static_cast<size_t>(env) * shape.horizon;
    return {observations.data() + row * shape.obs_dim,
            actions.data() + row * shape.act_dim, log_probs.data() + row,
            features.data() + row * shape.feature_dim, flags.data() + row};
  }

  const EpochShape shape;
  std::vector<float> observations;
  std::vector<float> actions;
  std::vector<float> log_probs;
  std::vector<float> features;
  std::vector<uint8_t> flags;
};

}  // namespace kmyriad

#endif  // KMYRIAD_LEARNER_COLLECTOR_EPOCH_BUFFER_H_
