#ifndef KMYRIAD_ACTOR_ROLLOUT_ROLLOUT_ENGINE_H_
#define KMYRIAD_ACTOR_ROLLOUT_ROLLOUT_ENGINE_H_

#include <cstdint>
#include <functional>

#include "absl/status/status.h"
#include "absl/types/span.h"
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
  // Holds the heads of the block's agents; of the kind that the engine takes.
  const PreparedPolicy* policy = nullptr;
};

struct RolloutTimes {
  double physics_seconds = 0;
  double inference_seconds = 0;
};

struct RolloutResult {
  Segment segment;
  // False if the rollout was abandoned.
  bool whole = false;
  RolloutTimes times;
};

// Steps segments: on the host (RolloutWorker), or in a device's memory
// (cuda/DeviceRollout). A segment is a pure function of its request: it depends
// neither on what the engine did before nor on what is stepped beside it. One
// thread at a time.
class RolloutEngine {
 public:
  // `steps` of the result of request `index` are final; false abandons it.
  using Progress = std::function<bool(size_t index, uint32_t steps)>;

  virtual ~RolloutEngine() = default;

  // Most requests that are stepped side by side.
  virtual uint32_t batch() const = 0;

  // Steps requests of one policy, seed and epoch, 1 to batch() of them, into
  // `results` [requests], whose buffers are reused; calls `progress` with
  // 1, 2, ..., horizon for each request. An error is the device's, and no
  // result is then whole.
  virtual absl::Status Rollout(absl::Span<const RolloutRequest> requests,
                               const Progress& progress,
                               absl::Span<RolloutResult> results) = 0;
};

// Sizes the columns for the request's block; `shape` says the dimensions.
void ShapeSegment(const RolloutRequest& request, const SegmentShape& shape,
                  Segment& segment);

}  // namespace kmyriad

#endif  // KMYRIAD_ACTOR_ROLLOUT_ROLLOUT_ENGINE_H_
