#ifndef KMYRIAD_ACTOR_ROLLOUT_LEASE_QUEUE_H_
#define KMYRIAD_ACTOR_ROLLOUT_LEASE_QUEUE_H_

#include <atomic>
#include <cstdint>
#include <deque>
#include <memory>
#include <vector>

#include "actor/rollout/learner_client.h"
#include "common/base/digest.h"
#include "common/policy/policy_inference.h"

namespace kmyriad {

// One leased block. Shared by the queue and the worker that steps it.
struct BlockTask {
  uint64_t epoch = 0;
  uint64_t policy_version = 0;
  Digest policy_hash{};
  uint32_t block = 0;
  std::shared_ptr<const PreparedPolicy> policy;
  // The segment is no longer wanted; checked between steps.
  std::atomic<bool> abandoned{false};
};

// Blocks that the learner has leased to this actor, in the order in which they
// came: waiting or being stepped. Holds blocks of one epoch and policy only.
// Not thread-safe.
class LeaseQueue {
 public:
  // Adds a block, unless it is already held for the same epoch and policy.
  // Blocks of another epoch or policy are abandoned: their samples could not
  // be applied any more.
  void Add(std::shared_ptr<BlockTask> task);
  // Abandons the blocks that `revocation` names.
  void Revoke(const LeaseRevocation& revocation);
  void AbandonAll();

  bool has_waiting() const { return !waiting_.empty(); }
  // Whether the next block is stepped by this very policy.
  bool next_takes(const PreparedPolicy* policy) const {
    return has_waiting() && waiting_.front()->policy.get() == policy;
  }
  // Next block to step; there must be one. It counts as held until Finish.
  std::shared_ptr<BlockTask> Take();
  // The block is stepped or given up; again has no effect.
  void Finish(const BlockTask& task);
  size_t held() const { return waiting_.size() + running_.size(); }

 private:
  template <typename Predicate>
  void AbandonIf(Predicate predicate);

  std::deque<std::shared_ptr<BlockTask>> waiting_;
  std::vector<std::shared_ptr<BlockTask>> running_;
};

}  // namespace kmyriad

#endif  // KMYRIAD_ACTOR_ROLLOUT_LEASE_QUEUE_H_
