#include "entropy_service/index/neighbor_collector.h"

#include <algorithm>

#include "entropy_service/index/top_k.h"

namespace kmyriad {
namespace {

// Losses that are handed over together.
constexpr size_t kBatchLosses = size_t{1} << 15;
// Most queries need no more of the later neighbours than these, which are
// picked out one by one.
constexpr size_t kFewLater = 8;
// Bit of a count: some of the later ones that are sorted are the agent's, too.
constexpr uint32_t kIsLater = uint32_t{1} << 31;

}  // namespace

bool KthCollector::Take(size_t index, absl::Span<uint64_t> keys, bool /*all*/) {
  out_[index] = KeyDistance(keys[k_ - 1]);
  return true;
}

bool NearestCollector::Take(size_t index, absl::Span<uint64_t> keys,
                            bool /*all*/) {
  std::sort(keys.begin(), keys.begin() + k_);
  Neighbor* out = &out_[index * k_];
  for (const uint64_t key : keys.first(k_)) {
    *out++ = {ids_[KeyRow(key)], KeyDistance(key)};
  }
  return true;
}

WithoutAgentsCollector::WithoutAgentsCollector(
    uint32_t k, absl::Span<const uint32_t> rows,
    const std::vector<uint32_t>& ids, uint32_t particles_per_agent,
    const std::function<void(const KthWithoutAgents&)>& visit)
    : k_(k),
      rows_(rows),
      ids_(ids),
      particles_per_agent_(particles_per_agent),
      visit_(visit),
      counts_(AgentOf(static_cast<uint32_t>(ids.size() - 1)) + size_t{1}) {}

void WithoutAgentsCollector::CountOthers(absl::Span<const uint64_t> nearest,
                                         uint32_t own) {
  others_.clear();
  for (const uint64_t key : nearest) {
    const uint32_t agent = AgentOf(KeyRow(key));
    if (agent != own && counts_[agent]++ == 0) others_.push_back(agent);
  }
}

void WithoutAgentsCollector::SortLater(absl::Span<uint64_t> later) {
  const size_t begin = later_agents_.size();
  size_t end = begin + 1;
  if (begin < kFewLater) {
    std::iter_swap(later.begin() + begin,
                   std::min_element(later.begin() + begin, later.end()));
  } else {
    std::sort(later.begin() + begin, later.end());
    end = later.size();
  }
  for (size_t i = begin; i < end; ++i) {
    const uint32_t agent = AgentOf(KeyRow(later[i]));
    later_agents_.push_back(agent);
    if (counts_[agent] != 0) counts_[agent] |= kIsLater;
  }
}

size_t WithoutAgentsCollector::ReplacementWithout(uint32_t agent,
                                                  absl::Span<uint64_t> later) {
  const uint32_t count = counts_[agent];
  // Most often none of the first few is the agent's own.
  if (count <= later_agents_.size()) return count - 1;
  uint32_t missing = count & ~kIsLater;
  for (size_t i = 0; i < later.size(); ++i) {
    if (i == later_agents_.size()) SortLater(later);
    if (later_agents_[i] != agent && --missing == 0) return i;
  }
  return later.size();
}

bool WithoutAgentsCollector::Take(size_t index, absl::Span<uint64_t> keys,
                                  bool all) {
  const uint32_t row = rows_[index];
  const absl::Span<const uint64_t> nearest = keys.first(k_);
  const absl::Span<uint64_t> later = keys.subspan(k_);
  CountOthers(nearest, AgentOf(row));
  later_agents_.clear();
  size_t needed = 0;
  bool enough = true;
  for (const uint32_t agent : others_) {
    const size_t place = ReplacementWithout(agent, later);
    if (place < later.size()) {
      found_.losses.push_back({agent, KeyDistance(later[place])});
      needed = std::max(needed, place + 1);
    } else if (!all) {
      enough = false;
      break;
    }
  }
  for (const uint32_t agent : others_) counts_[agent] = 0;
  if (!enough) {
    found_.losses.resize(found_.offsets.back());
    return false;
  }
  later_mean_ += (static_cast<double>(needed) - later_mean_) / 16;
  found_.rows.push_back(row);
  found_.squared_distances.push_back(KeyDistance(nearest.back()));
  found_.offsets.push_back(found_.losses.size());
  if (found_.losses.size() >= kBatchLosses) Finish();
  return true;
}

void WithoutAgentsCollector::Finish() {
  if (found_.rows.empty()) return;
  visit_(found_);
  found_.rows.clear();
  found_.squared_distances.clear();
  found_.offsets.resize(1);
  found_.losses.clear();
}

}  // namespace kmyriad
