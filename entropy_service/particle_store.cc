#include "entropy_service/particle_store.h"

#include <algorithm>
#include <utility>

namespace kmyriad {

void ParticleStore::Put(std::shared_ptr<const ScoredEpoch> epoch) {
  absl::MutexLock lock(&mutex_);
  const Uuid& run = epoch->request.run_uuid;
  epochs_.erase(std::remove_if(epochs_.begin(), epochs_.end(),
                               [&](const auto& other) {
                                 return other->request.run_uuid == run;
                               }),
                epochs_.end());
  epochs_.push_front(std::move(epoch));
  if (epochs_.size() > max_runs_) epochs_.pop_back();
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
