#ifndef KMYRIAD_LEARNER_TRAINER_POLICY_STORE_H_
#define KMYRIAD_LEARNER_TRAINER_POLICY_STORE_H_

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "common/base/digest.h"
#include "common/policy/policy_weights.h"

namespace kmyriad {

// A part of a policy as it goes over the wire (common/policy/policy_weights.h).
struct PolicySnapshot {
  uint64_t policy_version = 0;
  Digest policy_hash{};
  uint32_t first_agent = 0;
  uint32_t agent_count = 0;
  std::string bytes;
};

// The policy that the current epoch is collected with; between epochs, that of
// the next one. Parts are encoded when they are first asked for, and shared.
// Thread-safe.
class PolicyStore {
 public:
  // Replaces the policy. INVALID_ARGUMENT if heads are missing.
  absl::Status Publish(uint64_t policy_version, PolicyWeights weights);

  uint64_t policy_version() const;
  Digest policy_hash() const;

  // The part with the heads of `agent_count` agents. FAILED_PRECONDITION
  // before the first Publish, OUT_OF_RANGE if there are fewer agents.
  absl::StatusOr<std::shared_ptr<const PolicySnapshot>> Snapshot(
      uint32_t first_agent, uint32_t agent_count);

 private:
  mutable absl::Mutex mutex_;
  uint64_t policy_version_ ABSL_GUARDED_BY(mutex_) = 0;
  PolicyWeights weights_ ABSL_GUARDED_BY(mutex_);
  PolicyHashes hashes_ ABSL_GUARDED_BY(mutex_);
  std::map<std::pair<uint32_t, uint32_t>, std::shared_ptr<const PolicySnapshot>>
      parts_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace kmyriad

#endif  // KMYRIAD_LEARNER_TRAINER_POLICY_STORE_H_
