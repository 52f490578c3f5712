#include "actor/rollout/policy_cache.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"

namespace kmyriad {

PolicyCache::PolicyCache(const NetworkShape& shape, MakePolicy make_policy)
    : shape_(shape), make_policy_(std::move(make_policy)) {}

absl::Status PolicyCache::CheckChunk(const PolicyChunk& chunk) const {
  if (chunk.index != next_index_ || chunk.index >= chunk.count) {
    return absl::InvalidArgumentError(
        absl::StrCat("policy snapshot: chunk ", chunk.index, " of ",
                     chunk.count, " where ", next_index_, " was due"));
  }
  if (chunk.total_bytes > kMaxSnapshotBytes) {
    return absl::InvalidArgumentError(
        absl::StrCat("policy snapshot: total_bytes = ", chunk.total_bytes,
                     ", at most ", kMaxSnapshotBytes));
  }
  if (chunk.index > 0 && (chunk.count != expected_.count ||
                          chunk.total_bytes != expected_.total_bytes ||
                          chunk.policy_hash != expected_.policy_hash ||
                          chunk.policy_version != expected_.policy_version)) {
    return absl::InvalidArgumentError(absl::StrCat(
        "policy snapshot: chunk ", chunk.index, " is of another snapshot"));
  }
  const uint64_t held = bytes_.size() + chunk.data.size();
  const bool last = chunk.index + 1 == chunk.count;
  if (chunk.data.empty() || chunk.data.size() > kMaxChunkBytes ||
      held > chunk.total_bytes || (last && held != chunk.total_bytes)) {
    return absl::InvalidArgumentError(absl::StrCat(
        "policy snapshot: chunk ", chunk.index, " has ", chunk.data.size(),
        " bytes, after ", bytes_.size(), " of ", chunk.total_bytes));
  }
  return absl::OkStatus();
}

absl::StatusOr<bool> PolicyCache::Add(const PolicyChunk& chunk) {
  if (chunk.index == 0) {
    bytes_.clear();
    next_index_ = 0;
  }
  absl::Status status = CheckChunk(chunk);
  if (status.ok()) {
    expected_ = chunk;
    expected_.data = {};
    bytes_.append(chunk.data.data(), chunk.data.size());
    ++next_index_;
    if (next_index_ < chunk.count) return false;
    status = Finish(chunk);
  }
  std::string().swap(bytes_);
  next_index_ = 0;
  if (!status.ok()) return status;
  return true;
}

absl::Status PolicyCache::Finish(const PolicyChunk& last) {
  KMYRIAD_ASSIGN_OR_RETURN(const PolicyWeights weights,
                           DecodePolicySnapshot(bytes_, last.policy_hash));
  if (weights.shape != shape_) {
    return absl::InvalidArgumentError(
        "policy snapshot: its network has another shape than this actor's "
        "configuration");
  }
  KMYRIAD_ASSIGN_OR_RETURN(std::unique_ptr<PreparedPolicy> policy,
                           make_policy_(weights));
  if (policy_hash_ != last.policy_hash) parts_.clear();
  policy_hash_ = last.policy_hash;
  if (parts_.size() == kMaxParts) parts_.pop_front();
  parts_.push_back(
      {weights.first_agent, weights.agent_count, std::move(policy)});
  return absl::OkStatus();
}

std::shared_ptr<const PreparedPolicy> PolicyCache::Find(
    const Digest& policy_hash, uint32_t first_agent,
    uint32_t last_agent) const {
  if (policy_hash != policy_hash_) return nullptr;
  for (auto part = parts_.rbegin(); part != parts_.rend(); ++part) {
    if (first_agent >= part->first_agent &&
        last_agent - part->first_agent < part->agent_count) {
      return part->policy;
    }
  }
  return nullptr;
}

}  // namespace kmyriad
