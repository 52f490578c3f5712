#include "learner/collector/segment_assembler.h"

#include <algorithm>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"

namespace kmyriad {
namespace {

// Lane `lane` of a lane-major column of a batch, copied to its place.
void CopyColumn(absl::string_view column, uint32_t lane, size_t lane_bytes,
                void* target) {
  std::memcpy(target, column.data() + lane * lane_bytes, lane_bytes);
}

absl::Status Mismatch(absl::string_view field, const std::string& got,
                      const std::string& want) {
  return absl::FailedPreconditionError(absl::StrCat(
      "segment key: ", field, " = ", got, ", the learner wants ", want));
}

void SwapLanes(const SegmentShape& shape, const MutableLane& a,
               const MutableLane& b) {
  const size_t steps = shape.horizon;
  std::swap_ranges(a.observations, a.observations + steps * shape.obs_dim,
                   b.observations);
  std::swap_ranges(a.actions, a.actions + steps * shape.act_dim, b.actions);
  std::swap_ranges(a.log_probs, a.log_probs + steps, b.log_probs);
  std::swap_ranges(a.features, a.features + steps * shape.feature_dim,
                   b.features);
  std::swap_ranges(a.flags, a.flags + steps, b.flags);
}

std::unique_ptr<Segment> MakeStaged(const SegmentShape& shape) {
  auto segment = std::make_unique<Segment>();
  const size_t samples = static_cast<size_t>(shape.rows) * shape.horizon;
  segment->shape = shape;
  segment->observations.resize(samples * shape.obs_dim);
  segment->actions.resize(samples * shape.act_dim);
  segment->log_probs.resize(samples);
  segment->features.resize(samples * shape.feature_dim);
  segment->flags.resize(samples);
  return segment;
}

}  // namespace

SegmentAssembler::SegmentAssembler(const Uuid& run_uuid,
                                   const Digest& fingerprint,
                                   const EpochShape& shape)
    : run_uuid_(run_uuid),
      fingerprint_(fingerprint),
      shape_(shape),
      buffer_(shape) {}

void SegmentAssembler::StartEpoch(uint64_t epoch, const Digest& policy_hash) {
  absl::MutexLock lock(&mutex_);
  blocks_.clear();
  blocks_.resize(BlockCount(shape_.envs));
  staged_ = 0;
  epoch_ = epoch;
  policy_hash_ = policy_hash;
  counters_ = SegmentCounters();
  collecting_ = true;
}

void SegmentAssembler::EndEpoch() {
  absl::MutexLock lock(&mutex_);
  for (Block& block : blocks_) block.copies.clear();
  staged_ = 0;
  collecting_ = false;
}

absl::Status SegmentAssembler::CheckKey(const SegmentKey& key) const {
  if (key.run_uuid != run_uuid_) {
    return Mismatch("run_uuid", ToHex(key.run_uuid), ToHex(run_uuid_));
  }
  if (key.fingerprint != fingerprint_) {
    return Mismatch("fingerprint", ToHex(key.fingerprint), ToHex(fingerprint_));
  }
  if (!collecting_) {
    return Mismatch("epoch", absl::StrCat(key.epoch), "none at the moment");
  }
  if (key.epoch != epoch_) {
    return Mismatch("epoch", absl::StrCat(key.epoch), absl::StrCat(epoch_));
  }
  if (key.policy_hash != policy_hash_) {
    return Mismatch("policy_hash", ToHex(key.policy_hash), ToHex(policy_hash_));
  }
  return absl::OkStatus();
}

absl::Status SegmentAssembler::CheckShape(const BatchView& batch) const {
  if (batch.key.block >= BlockCount(shape_.envs)) {
    return absl::InvalidArgumentError(absl::StrCat("block = ", batch.key.block,
                                                   ": the run has ",
                                                   BlockCount(shape_.envs)));
  }
  const SegmentShape shape = shape_.segment(batch.key.block);
  if (batch.rows != shape.rows || batch.steps == 0 ||
      batch.steps > shape.horizon ||
      batch.first_step > shape.horizon - batch.steps) {
    return absl::InvalidArgumentError(absl::StrCat(
        "rows = ", batch.rows, ", first_step = ", batch.first_step,
        ", steps = ", batch.steps, ": block ", batch.key.block, " has ",
        shape.rows, " rows and ", shape.horizon, " steps"));
  }
  const size_t samples = static_cast<size_t>(batch.rows) * batch.steps;
  const size_t float_bytes = samples * sizeof(float);
  if (batch.observations.size() != float_bytes * shape.obs_dim ||
      batch.actions.size() != float_bytes * shape.act_dim ||
      batch.log_probs.size() != float_bytes ||
      batch.features.size() != float_bytes * shape.feature_dim ||
      batch.flags.size() != samples) {
    return absl::InvalidArgumentError(
        absl::StrCat("a column's length does not fit ", batch.rows, " rows of ",
                     batch.steps, " steps"));
  }
  return absl::OkStatus();
}

absl::Status SegmentAssembler::AddBatch(StreamId stream,
                                        const BatchView& batch) {
  absl::MutexLock lock(&mutex_);
  const absl::Status status = AddBatchLocked(stream, batch);
  if (!status.ok()) ++counters_.refused_batches;
  return status;
}

absl::Status SegmentAssembler::AddBatchLocked(StreamId stream,
                                              const BatchView& batch) {
  KMYRIAD_RETURN_IF_ERROR(CheckKey(batch.key));
  KMYRIAD_RETURN_IF_ERROR(CheckShape(batch));
  Block& block = blocks_[batch.key.block];
  if (batch.first_step == 0) {
    KMYRIAD_ASSIGN_OR_RETURN(Copy * copy, StartCopy(stream, block));
    Write(batch, *copy);
    return absl::OkStatus();
  }
  const auto found = block.copies.find(stream);
  const uint32_t expected =
      found == block.copies.end() ? 0 : found->second.next_step;
  if (batch.first_step != expected) {
    return absl::InvalidArgumentError(absl::StrCat(
        "first_step = ", batch.first_step, " of block ", batch.key.block,
        ": step ", expected, " comes next; start again at 0"));
  }
  Write(batch, found->second);
  return absl::OkStatus();
}

absl::StatusOr<SegmentAssembler::Copy*> SegmentAssembler::StartCopy(
    StreamId stream, Block& block) {
  const auto found = block.copies.find(stream);
  if (found != block.copies.end()) {
    found->second.next_step = 0;
    return &found->second;
  }
  const bool in_place = !block.applied && block.in_place == 0;
  if (!in_place && staged_ >= kMaxStagedCopies &&
      (block.applied || !DropSpareCopy())) {
    return absl::ResourceExhaustedError(absl::StrCat(
        "more than ", kMaxStagedCopies, " second copies of blocks at once"));
  }
  Copy& copy = block.copies[stream];
  if (in_place) {
    block.in_place = stream;
  } else {
    const auto index = static_cast<uint32_t>(&block - blocks_.data());
    copy.staged = MakeStaged(shape_.segment(index));
    ++staged_;
  }
  return &copy;
}

bool SegmentAssembler::DropSpareCopy() {
  for (Block& block : blocks_) {
    if (!block.applied || block.copies.empty()) continue;
    RemoveCopy(block.copies.begin()->first, block);
    return true;
  }
  return false;
}

void SegmentAssembler::RemoveCopy(StreamId stream, Block& block) {
  const auto found = block.copies.find(stream);
  if (found == block.copies.end()) return;
  if (found->second.staged != nullptr) --staged_;
  if (block.in_place == stream) block.in_place = 0;
  block.copies.erase(found);
}

MutableLane SegmentAssembler::LaneOf(uint32_t block, Copy& copy,
                                     uint32_t lane) {
  if (copy.staged == nullptr) return buffer_.Lane(block * kBlockLanes + lane);
  Segment& segment = *copy.staged;
  const SegmentShape& shape = segment.shape;
  const size_t row = static_cast<size_t>(lane) * shape.horizon;
  return {segment.observations.data() + row * shape.obs_dim,
          segment.actions.data() + row * shape.act_dim,
          segment.log_probs.data() + row,
          segment.features.data() + row * shape.feature_dim,
          segment.flags.data() + row};
}

void SegmentAssembler::Write(const BatchView& batch, Copy& copy) {
  const size_t first = batch.first_step;
  const size_t steps = batch.steps;
  for (uint32_t lane = 0; lane < batch.rows; ++lane) {
    const MutableLane to = LaneOf(batch.key.block, copy, lane);
    CopyColumn(batch.observations, lane, steps * shape_.obs_dim * sizeof(float),
               to.observations + first * shape_.obs_dim);
    CopyColumn(batch.actions, lane, steps * shape_.act_dim * sizeof(float),
               to.actions + first * shape_.act_dim);
    CopyColumn(batch.log_probs, lane, steps * sizeof(float),
               to.log_probs + first);
    CopyColumn(batch.features, lane, steps * shape_.feature_dim * sizeof(float),
               to.features + first * shape_.feature_dim);
    CopyColumn(batch.flags, lane, steps, to.flags + first);
  }
  copy.next_step = batch.first_step + batch.steps;
}

Digest SegmentAssembler::HashCopy(uint32_t block, Copy& copy) {
  const SegmentShape shape = shape_.segment(block);
  Sha256 hash;
  for (uint32_t lane = 0; lane < shape.rows; ++lane) {
    const MutableLane part = LaneOf(block, copy, lane);
    HashLane(shape,
             {part.observations, part.actions, part.log_probs, part.features,
              part.flags},
             hash);
  }
  return hash.Finish();
}

void SegmentAssembler::MoveInPlace(uint32_t block_index, StreamId stream,
                                   Copy& copy) {
  if (copy.staged == nullptr) return;
  Block& block = blocks_[block_index];
  const SegmentShape shape = shape_.segment(block_index);
  Copy place;
  for (uint32_t lane = 0; lane < shape.rows; ++lane) {
    SwapLanes(shape, LaneOf(block_index, place, lane),
              LaneOf(block_index, copy, lane));
  }
  // What was in place goes on in the staging copy.
  const auto other = block.copies.find(block.in_place);
  if (other != block.copies.end()) {
    other->second.staged = std::move(copy.staged);
  } else {
    --staged_;
  }
  copy.staged = nullptr;
  block.in_place = stream;
}

absl::StatusOr<SegmentOutcome> SegmentAssembler::Finish(
    StreamId stream, const std::string& actor, const SegmentKey& key,
    const Digest& sha256) {
  absl::MutexLock lock(&mutex_);
  if (key.block >= BlockCount(shape_.envs)) return SegmentOutcome::kDamaged;
  if (!CheckKey(key).ok()) {
    ++counters_.stale;
    counters_.stale_samples += Samples(key.block);
    return SegmentOutcome::kStale;
  }
  Block& block = blocks_[key.block];
  const auto found = block.copies.find(stream);
  const bool whole = found != block.copies.end() &&
                     found->second.next_step == shape_.horizon &&
                     HashCopy(key.block, found->second) == sha256;
  if (!whole) {
    RemoveCopy(stream, block);
    ++counters_.damaged;
    return SegmentOutcome::kDamaged;
  }
  if (!block.applied) {
    MoveInPlace(key.block, stream, found->second);
    RemoveCopy(stream, block);
    block.applied = true;
    block.sha256 = sha256;
    block.actor = actor;
    ++counters_.applied;
    counters_.applied_samples += Samples(key.block);
    return SegmentOutcome::kApplied;
  }
  RemoveCopy(stream, block);
  if (block.sha256 != sha256) {
    return absl::InternalError(
        absl::StrCat("determinism is broken: actors ", block.actor, " and ",
                     actor, " computed different segments of epoch ", key.epoch,
                     ", block ", key.block, " (sha256 ", ToHex(block.sha256),
                     " and ", ToHex(sha256), ")"));
  }
  ++counters_.duplicate;
  counters_.duplicate_samples += Samples(key.block);
  return SegmentOutcome::kDuplicate;
}

void SegmentAssembler::DropStream(StreamId stream) {
  absl::MutexLock lock(&mutex_);
  for (Block& block : blocks_) RemoveCopy(stream, block);
}

bool SegmentAssembler::complete() const {
  absl::MutexLock lock(&mutex_);
  return collecting_ && counters_.applied == blocks_.size();
}

SegmentCounters SegmentAssembler::counters() const {
  absl::MutexLock lock(&mutex_);
  return counters_;
}

uint64_t SegmentAssembler::Samples(uint32_t block) const {
  return uint64_t{BlockRows(shape_.envs, block)} * shape_.horizon;
}

}  // namespace kmyriad
