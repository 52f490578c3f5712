#include "learner/trainer/policy_store.h"

#include "common/base/status_macros.h"

namespace kmyriad {

absl::Status PolicyStore::Publish(uint64_t policy_version,
                                  PolicyWeights weights) {
  KMYRIAD_ASSIGN_OR_RETURN(PolicyHashes hashes, HashPolicy(weights));
  absl::MutexLock lock(&mutex_);
  policy_version_ = policy_version;
  weights_ = std::move(weights);
  hashes_ = std::move(hashes);
  parts_.clear();
  return absl::OkStatus();
}

uint64_t PolicyStore::policy_version() const {
  absl::MutexLock lock(&mutex_);
  return policy_version_;
}

Digest PolicyStore::policy_hash() const {
  absl::MutexLock lock(&mutex_);
  return hashes_.policy;
}

absl::StatusOr<std::shared_ptr<const PolicySnapshot>> PolicyStore::Snapshot(
    uint32_t first_agent, uint32_t agent_count) {
  absl::MutexLock lock(&mutex_);
  if (weights_.agent_count == 0) {
    return absl::FailedPreconditionError("no policy has been published yet");
  }
  std::shared_ptr<const PolicySnapshot>& part =
      parts_[{first_agent, agent_count}];
  if (part == nullptr) {
    KMYRIAD_ASSIGN_OR_RETURN(const PolicyWeights selected,
                             SelectAgents(weights_, first_agent, agent_count));
    part = std::make_shared<const PolicySnapshot>(
        PolicySnapshot{policy_version_, hashes_.policy, first_agent,
                       agent_count, EncodePolicySnapshot(selected, hashes_)});
  }
  return part;
}

}  // namespace kmyriad
