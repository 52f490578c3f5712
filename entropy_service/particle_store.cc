#include "entropy_service/particle_store.h"

#include <algorithm>
#include <utility>

namespace kmyriad {

size_t ScoredEpoch::bytes() const {
  return rewards.capacity() * sizeof(float) +
         cell_visits.capacity() * sizeof(uint32_t) +
         (agent_visits.coverage.capacity() +
          agent_visits.entropy_nats.capacity()) *
             sizeof(double) +
         (request.coverage ? request.coverage->reachable.capacity() : 0) +
         (pool == nullptr ? 0 : pool->bytes());
}

void ParticleStore::Put(std::shared_ptr<const ScoredEpoch> epoch) {
  absl::MutexLock lock(&mutex_);
  const Uuid& run = epoch->request.run_uuid;
  epochs_.erase(std::remove_if(epochs_.begin(), epochs_.end(),
                               [&](const auto& other) {
                                 return other->request.run_uuid == run;
                               }),
                epochs_.end());
  epochs_.push_front(std::move(epoch));
  size_t bytes = 0;
  for (const auto& kept : epochs_) bytes += kept->bytes();
  while (epochs_.size() > 1 &&
         (epochs_.size() > max_runs_ || bytes > max_bytes_)) {
    bytes -= epochs_.back()->bytes();
    epochs_.pop_back();
  }
}

std::shared_ptr<const ScoredEpoch> ParticleStore::Last(const Uuid& run_uuid) {
  absl::MutexLock lock(&mutex_);
  const auto found = std::find_if(
      epochs_.begin(), epochs_.end(),
      [&](const auto& epoch) { return epoch->request.run_uuid == run_uuid; });
  if (found == epochs_.end()) return nullptr;
  std::rotate(epochs_.begin(), found, found + 1);
  return epochs_.front();
}

std::shared_ptr<const ScoredEpoch> ParticleStore::Find(
    const ScoreRequest& request) {
  std::shared_ptr<const ScoredEpoch> last = Last(request.run_uuid);
  if (last == nullptr || last->request != request) return nullptr;
  return last;
}

}  // namespace kmyriad
