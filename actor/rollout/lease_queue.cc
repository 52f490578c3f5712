#include "actor/rollout/lease_queue.h"

#include <algorithm>
#include <utility>

namespace kmyriad {

template <typename Predicate>
void LeaseQueue::AbandonIf(Predicate predicate) {
  std::erase_if(waiting_, [&](const std::shared_ptr<BlockTask>& task) {
    if (!predicate(*task)) return false;
    task->abandoned = true;
    return true;
  });
  for (const std::shared_ptr<BlockTask>& task : running_) {
    if (predicate(*task)) task->abandoned = true;
  }
}

void LeaseQueue::Add(std::shared_ptr<BlockTask> task) {
  AbandonIf([&task](const BlockTask& other) {
    return other.epoch != task->epoch || other.policy_hash != task->policy_hash;
  });
  const auto same = [&task](const std::shared_ptr<BlockTask>& other) {
    return other->block == task->block && !other->abandoned;
  };
  if (std::any_of(waiting_.begin(), waiting_.end(), same) ||
      std::any_of(running_.begin(), running_.end(), same)) {
    return;
  }
  waiting_.push_back(std::move(task));
}

void LeaseQueue::Revoke(const LeaseRevocation& revocation) {
  AbandonIf([&revocation](const BlockTask& task) {
    return task.epoch == revocation.epoch &&
           (revocation.all ||
            std::find(revocation.blocks.begin(), revocation.blocks.end(),
                      task.block) != revocation.blocks.end());
  });
}

void LeaseQueue::AbandonAll() {
  AbandonIf([](const BlockTask&) { return true; });
}

std::shared_ptr<BlockTask> LeaseQueue::Take() {
  std::shared_ptr<BlockTask> task = std::move(waiting_.front());
  waiting_.pop_front();
  running_.push_back(task);
  return task;
}

void LeaseQueue::Finish(const BlockTask& task) {
  std::erase_if(running_, [&task](const std::shared_ptr<BlockTask>& other) {
    return other.get() == &task;
  });
}

}  // namespace kmyriad
