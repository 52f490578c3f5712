#ifndef KMYRIAD_LEARNER_COLLECTOR_SEGMENT_ASSEMBLER_H_
#define KMYRIAD_LEARNER_COLLECTOR_SEGMENT_ASSEMBLER_H_

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"
#include "common/base/digest.h"
#include "common/base/segment.h"
#include "learner/collector/epoch_buffer.h"
#include "learner/collector/lease_table.h"

namespace kmyriad {

// A slice of a segment as it came: columns lane-major, [rows, steps, dim],
// little-endian bytes at any alignment. Views into the caller's message.
struct BatchView {
  SegmentKey key;
  uint32_t first_step = 0;
  uint32_t steps = 0;
  uint32_t rows = 0;
  absl::string_view observations;
  absl::string_view actions;
  absl::string_view log_probs;
  absl::string_view features;
  absl::string_view flags;
};

enum class SegmentOutcome {
  kApplied,
  // The block had been applied before, with the same hash.
  kDuplicate,
  // Of another run, epoch, policy or fingerprint.
  kStale,
  // Not whole, or not the bytes that the hash is of.
  kDamaged,
};

// Segments and samples since the epoch began.
struct SegmentCounters {
  uint64_t applied = 0;
  uint64_t duplicate = 0;
  uint64_t stale = 0;
  uint64_t damaged = 0;
  // The same in samples (rows x horizon).
  uint64_t applied_samples = 0;
  uint64_t duplicate_samples = 0;
  uint64_t stale_samples = 0;
  // Batches that were refused.
  uint64_t refused_batches = 0;
};

// Puts segments together and applies each block of an epoch exactly once.
//
// The first stream that sends a block writes straight into the epoch buffer;
// what other streams send of the same block goes to a staging copy of its own,
// so that columns of two copies never mix. The first copy that is whole, and
// whose bytes have the hash that its SegmentDone names, is applied. A later
// whole copy is compared by hash: an unequal one means that rollouts are not
// pure functions (design section 2, rule 2), which ends the run.
//
// Thread-safe; calls of one stream come one after the other.
class SegmentAssembler {
 public:
  // Copies beside the ones in place; what exceeds them is refused, and
  // computed again if it is needed.
  static constexpr size_t kMaxStagedCopies = 64;

  SegmentAssembler(const Uuid& run_uuid, const Digest& fingerprint,
                   const EpochShape& shape);

  // Forgets everything of the epoch before; the buffer is written anew.
  void StartEpoch(uint64_t epoch, const Digest& policy_hash);
  // From now on everything is stale.
  void EndEpoch();

  // Keeps a slice. A batch with first_step 0 starts the stream's copy of the
  // block anew; others continue it without gaps. On failure nothing of it is
  // kept: FAILED_PRECONDITION for a key that does not match (naming the
  // field), INVALID_ARGUMENT for a shape or a step out of turn,
  // RESOURCE_EXHAUSTED for too many copies at once.
  absl::Status AddBatch(StreamId stream, const BatchView& batch);

  // Ends the stream's copy of a segment. `actor` names the sender in
  // messages. INTERNAL, naming both actors, if determinism is broken.
  absl::StatusOr<SegmentOutcome> Finish(StreamId stream,
                                        const std::string& actor,
                                        const SegmentKey& key,
                                        const Digest& sha256);

  // Forgets the unfinished copies of a stream.
  void DropStream(StreamId stream);

  bool complete() const;
  SegmentCounters counters() const;
  // To be read between complete() and the next StartEpoch only.
  const EpochBuffer& buffer() const { return buffer_; }

 private:
  // Where a copy of a block stands.
  struct Copy {
    // Null: in place in the epoch buffer.
    std::unique_ptr<Segment> staged;
    uint32_t next_step = 0;
  };
  struct Block {
    bool applied = false;
    Digest sha256{};
    std::string actor;
    // Stream whose copy is in place; 0 = none.
    StreamId in_place = 0;
    std::map<StreamId, Copy> copies;
  };

  absl::Status CheckKey(const SegmentKey& key) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::Status CheckShape(const BatchView& batch) const;
  absl::Status AddBatchLocked(StreamId stream, const BatchView& batch)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::StatusOr<Copy*> StartCopy(StreamId stream, Block& block)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Makes room: forgets a copy of a block that is applied, whose sender has
  // most likely been told to leave off. False if there is none.
  bool DropSpareCopy() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void RemoveCopy(StreamId stream, Block& block)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Write(const BatchView& batch, Copy& copy)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // The lane's columns in a copy, to be written.
  MutableLane LaneOf(uint32_t block, Copy& copy, uint32_t lane)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  Digest HashCopy(uint32_t block, Copy& copy)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Exchanges a staged copy with the one in place.
  void MoveInPlace(uint32_t block_index, StreamId stream, Copy& copy)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  uint64_t Samples(uint32_t block) const;

  const Uuid run_uuid_;
  const Digest fingerprint_;
  const EpochShape shape_;
  mutable absl::Mutex mutex_;
  // Written under mutex_; read without it once complete.
  EpochBuffer buffer_;
  bool collecting_ ABSL_GUARDED_BY(mutex_) = false;
  uint64_t epoch_ ABSL_GUARDED_BY(mutex_) = 0;
  Digest policy_hash_ ABSL_GUARDED_BY(mutex_){};
  std::vector<Block> blocks_ ABSL_GUARDED_BY(mutex_);
  size_t staged_ ABSL_GUARDED_BY(mutex_) = 0;
  SegmentCounters counters_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace kmyriad

#endif  // KMYRIAD_LEARNER_COLLECTOR_SEGMENT_ASSEMBLER_H_
