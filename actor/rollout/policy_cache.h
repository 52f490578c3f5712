#ifndef KMYRIAD_ACTOR_ROLLOUT_POLICY_CACHE_H_
#define KMYRIAD_ACTOR_ROLLOUT_POLICY_CACHE_H_

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "actor/rollout/learner_client.h"
#include "common/base/digest.h"
#include "common/policy/network_shape.h"
#include "common/policy/policy_inference.h"
#include "common/policy/policy_weights.h"

namespace kmyriad {

// Puts snapshots together and keeps those that the leases of the present need:
// parts of one policy, the newest. What is in use lives on through its
// pointer. Not thread-safe.
class PolicyCache {
 public:
  // Largest chunk and snapshot that are taken.
  static constexpr uint64_t kMaxChunkBytes = 1 << 20;
  static constexpr uint64_t kMaxSnapshotBytes = 256 << 20;
  // Parts of one policy that are kept; the oldest goes first.
  static constexpr size_t kMaxParts = 64;

  using MakePolicy =
      std::function<absl::StatusOr<std::unique_ptr<PreparedPolicy>>(
          const PolicyWeights&)>;

  // Snapshots must have this shape.
  PolicyCache(const NetworkShape& shape, MakePolicy make_policy);

  // Adds a chunk; chunks of a snapshot come in order. INVALID_ARGUMENT for a
  // chunk out of order or too large and for a snapshot of another shape,
  // DATA_LOSS for contents that are not what the hash is of; what has come of
  // the snapshot is then dropped. True when it is complete.
  absl::StatusOr<bool> Add(const PolicyChunk& chunk);

  // The part of the policy that holds agents [first_agent, last_agent]; null
  // if it never came.
  std::shared_ptr<const PreparedPolicy> Find(const Digest& policy_hash,
                                             uint32_t first_agent,
                                             uint32_t last_agent) const;

 private:
  struct Part {
    uint32_t first_agent = 0;
    uint32_t agent_count = 0;
    std::shared_ptr<const PreparedPolicy> policy;
  };

  absl::Status CheckChunk(const PolicyChunk& chunk) const;
  absl::Status Finish(const PolicyChunk& last);

  const NetworkShape shape_;
  const MakePolicy make_policy_;
  // Snapshot that is being put together: its first chunk's declarations.
  PolicyChunk expected_;
  uint32_t next_index_ = 0;
  std::string bytes_;
  // Parts of the policy with this hash, oldest first.
  Digest policy_hash_{};
  std::deque<Part> parts_;
};

}  // namespace kmyriad

#endif  // KMYRIAD_ACTOR_ROLLOUT_POLICY_CACHE_H_
