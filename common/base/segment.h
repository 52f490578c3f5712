#ifndef KMYRIAD_COMMON_BASE_SEGMENT_H_
#define KMYRIAD_COMMON_BASE_SEGMENT_H_

#include <cstdint>
#include <vector>

#include "common/base/digest.h"
#include "common/base/sample_flags.h"

namespace kmyriad {

// Environments per block: the unit of leasing, of SIMD lanes and of
// determinism (design section 3).
inline constexpr uint32_t kBlockLanes = 16;

// Blocks of a run with `envs` environments; the last one may be part empty.
inline uint32_t BlockCount(uint32_t envs) {
  return (envs + kBlockLanes - 1) / kBlockLanes;
}
// Environments of `block` that exist, 1..16.
inline uint32_t BlockRows(uint32_t envs, uint32_t block) {
  const uint32_t first = block * kBlockLanes;
  return envs - first < kBlockLanes ? envs - first : kBlockLanes;
}

// What identifies a segment (design section 2, rule 1).
struct SegmentKey {
  Uuid run_uuid{};
  uint64_t epoch = 0;
  uint32_t block = 0;
  Digest policy_hash{};
  Digest fingerprint{};
  bool operator==(const SegmentKey&) const = default;
};

// Sizes of a segment's columns.
struct SegmentShape {
  uint32_t rows = 0;
  uint32_t horizon = 0;
  uint32_t obs_dim = 0;
  uint32_t act_dim = 0;
  uint32_t feature_dim = 0;
  bool operator==(const SegmentShape&) const = default;
};

// A whole segment, columns lane-major: [rows, horizon, dim].
struct Segment {
  SegmentShape shape;
  std::vector<float> observations;
  std::vector<float> actions;
  std::vector<float> log_probs;
  std::vector<float> features;
  std::vector<uint8_t> flags;
  uint64_t nonfinite = 0;
};

// One environment's part of a segment; pointers into buffers owned elsewhere.
struct LaneView {
  const float* observations = nullptr;  // [horizon, obs_dim]
  const float* actions = nullptr;       // [horizon, act_dim]
  const float* log_probs = nullptr;     // [horizon]
  const float* features = nullptr;      // [horizon, feature_dim]
  const uint8_t* flags = nullptr;       // [horizon]
};

// Adds one lane to a segment's SHA-256: observations, actions,
// log-probabilities, features, flags. Lanes in order give the hash that
// SegmentDone carries.
inline void HashLane(const SegmentShape& shape, const LaneView& lane,
                     Sha256& hash) {
  const size_t steps = shape.horizon;
  hash.Update(lane.observations, steps * shape.obs_dim * sizeof(float));
  hash.Update(lane.actions, steps * shape.act_dim * sizeof(float));
  hash.Update(lane.log_probs, steps * sizeof(float));
  hash.Update(lane.features, steps * shape.feature_dim * sizeof(float));
  hash.Update(lane.flags, steps);
}

// SHA-256 of a whole segment.
inline Digest HashSegment(const Segment& segment) {
  Sha256 hash;
  const SegmentShape& s = segment.shape;
  for (uint32_t lane = 0; lane < s.rows; ++lane) {
    const size_t row = static_cast<size_t>(lane) * s.horizon;
    HashLane(s,
             {segment.observations.data() + row * s.obs_dim,
              segment.actions.data() + row * s.act_dim,
              segment.log_probs.data() + row,
              segment.features.data() + row * s.feature_dim,
              segment.flags.data() + row},
             hash);
  }
  return hash.Finish();
}

}  // namespace kmyriad

#endif  // KMYRIAD_COMMON_BASE_SEGMENT_H_
