#include "learner/collector/lease_table.h"

#include <algorithm>

namespace kmyriad {
namespace {

// A lease may last this many times the median block (design section 7).
constexpr double kDeadlineFactor = 3;
// Blocks over which the median goes: several epochs of a small run, one of a
// large one.
constexpr size_t kBlockTimes = 128;
// Deadline before any block has come back: long enough for a first block that
// waits for libraries to load on a busy machine.
constexpr double kFirstDeadlineSeconds = 60;

}  // namespace

LeaseTable::LeaseTable(const Clock& clock, const LeaseOptions& options)
    : clock_(clock), options_(options), blocks_(options.blocks) {}

void LeaseTable::StartEpoch() {
  EndEpoch();
  for (uint32_t i = 0; i < options_.blocks; ++i) {
    blocks_[i].done = false;
    queue_.push_back(i);
  }
  done_ = 0;
}

void LeaseTable::EndEpoch() {
  queue_.clear();
  for (Block& block : blocks_) block = Block();
  for (auto& [id, actor] : actors_) actor.held = 0;
}

void LeaseTable::AddActor(StreamId actor, uint32_t capacity) {
  actors_[actor].capacity = capacity;
}

void LeaseTable::RemoveActor(StreamId actor) {
  for (uint32_t i = 0; i < options_.blocks; ++i) Release(actor, i);
  actors_.erase(actor);
}

void LeaseTable::SetSuspect(StreamId actor, bool suspect) {
  const auto found = actors_.find(actor);
  if (found != actors_.end()) found->second.suspect = suspect;
}

LeaseGrant LeaseTable::Assign(StreamId id) {
  LeaseGrant grant;
  const auto found = actors_.find(id);
  if (found == actors_.end() || found->second.suspect) return grant;
  Actor& actor = found->second;
  grant.deadline_seconds = DeadlineSeconds();
  while (actor.held < actor.capacity && !queue_.empty()) {
    const uint32_t block = queue_.front();
    queue_.pop_front();
    if (blocks_[block].lost_before) grant.recomputed.push_back(block);
    Give(id, block, grant.deadline_seconds);
    grant.blocks.push_back(block);
  }
  const double now = clock_.MonotonicSeconds();
  for (uint32_t i = 0; i < options_.blocks && actor.held < actor.capacity;
       ++i) {
    if (!NeedsBackup(blocks_[i], id, now)) continue;
    Give(id, i, grant.deadline_seconds);
    grant.blocks.push_back(i);
    ++grant.backups;
  }
  return grant;
}

void LeaseTable::Complete(uint32_t block) {
  if (block >= options_.blocks || blocks_[block].done) return;
  blocks_[block].done = true;
  ++done_;
  queue_.erase(std::remove(queue_.begin(), queue_.end(), block), queue_.end());
}

void LeaseTable::Release(StreamId id, uint32_t block) {
  if (block >= options_.blocks || !Take(id, block)) return;
  Block& entry = blocks_[block];
  if (entry.done || !entry.leases.empty()) return;
  entry.lost_before = true;
  queue_.push_back(block);
}

std::vector<StreamId> LeaseTable::Holders(uint32_t block) const {
  std::vector<StreamId> holders;
  if (block >= options_.blocks) return holders;
  for (const auto& [id, lease] : blocks_[block].leases) holders.push_back(id);
  return holders;
}

absl::optional<double> LeaseTable::LeaseSeconds(StreamId id,
                                                uint32_t block) const {
  if (block >= options_.blocks) return absl::nullopt;
  const auto lease = blocks_[block].leases.find(id);
  if (lease == blocks_[block].leases.end()) return absl::nullopt;
  return clock_.MonotonicSeconds() - lease->second.start;
}

double LeaseTable::DeadlineSeconds() const {
  if (block_times_.empty()) {
    return std::max(options_.min_lease_seconds, kFirstDeadlineSeconds);
  }
  std::vector<double> times(block_times_.begin(), block_times_.end());
  const auto middle =
      times.begin() + static_cast<std::ptrdiff_t>(times.size() / 2);
  std::nth_element(times.begin(), middle, times.end());
  return std::max(options_.min_lease_seconds, kDeadlineFactor * *middle);
}

uint32_t LeaseTable::leased() const {
  return static_cast<uint32_t>(std::count_if(
      blocks_.begin(), blocks_.end(),
      [](const Block& block) { return !block.done && !block.leases.empty(); }));
}

uint32_t LeaseTable::suspects() const {
  return static_cast<uint32_t>(
      std::count_if(actors_.begin(), actors_.end(),
                    [](const auto& actor) { return actor.second.suspect; }));
}

void LeaseTable::Give(StreamId id, uint32_t block, double deadline_seconds) {
  const double now = clock_.MonotonicSeconds();
  blocks_[block].leases[id] = {now, now + deadline_seconds};
  ++actors_[id].held;
}

bool LeaseTable::Take(StreamId id, uint32_t block) {
  Block& entry = blocks_[block];
  const auto lease = entry.leases.find(id);
  if (lease == entry.leases.end()) return false;
  if (entry.done) {
    RecordBlockTime(clock_.MonotonicSeconds() - lease->second.start);
  }
  entry.leases.erase(lease);
  const auto actor = actors_.find(id);
  if (actor != actors_.end() && actor->second.held > 0) --actor->second.held;
  return true;
}

bool LeaseTable::NeedsBackup(const Block& block, StreamId candidate,
                             double now) const {
  if (block.done || block.leases.empty() || block.leases.count(candidate)) {
    return false;
  }
  return std::all_of(
      block.leases.begin(), block.leases.end(), [this, now](const auto& held) {
        const auto actor = actors_.find(held.first);
        const bool suspect = actor == actors_.end() || actor->second.suspect;
        return suspect || held.second.deadline <= now;
      });
}

void LeaseTable::RecordBlockTime(double seconds) {
  block_times_.push_back(seconds);
  if (block_times_.size() > kBlockTimes) block_times_.pop_front();
}

}  // namespace kmyriad
