#ifndef KMYRIAD_LEARNER_COLLECTOR_LEASE_TABLE_H_
#define KMYRIAD_LEARNER_COLLECTOR_LEASE_TABLE_H_

#include <cstdint>
#include <deque>
#include <map>
#include <vector>

#include "absl/types/optional.h"
#include "common/base/clock.h"

namespace kmyriad {

// One stream of one actor process; never used again after it ended.
using StreamId = uint64_t;

struct LeaseOptions {
  uint32_t blocks = 0;
  // Shortest deadline of a lease.
  double min_lease_seconds = 0;
};

// Blocks given to an actor together.
struct LeaseGrant {
  std::vector<uint32_t> blocks;
  double deadline_seconds = 0;
  // How many of them are backups of leases that other actors hold.
  uint32_t backups = 0;
  // Those that had been leased before in this epoch and were lost.
  std::vector<uint32_t> recomputed;
};

// Who works on which block of an epoch. Schedules only: whether a segment
// counts is decided by what it is, not by who holds a lease. Unleased blocks
// go out first come, first served. When there are none left, a block whose
// leases are all past their deadline (three times the median time of a block)
// or held by suspects goes to one more actor, too. Not thread-safe.
class LeaseTable {
 public:
  // `clock` must outlive the table.
  LeaseTable(const Clock& clock, const LeaseOptions& options);

  // All blocks are wanted and unleased again.
  void StartEpoch();
  // No block is wanted.
  void EndEpoch();

  // Up to `capacity` blocks at a time.
  void AddActor(StreamId actor, uint32_t capacity);
  // Its blocks are unleased, unless others hold them.
  void RemoveActor(StreamId actor);
  // While suspected, an actor gets no lease and its blocks get backups.
  void SetSuspect(StreamId actor, bool suspect);

  // Blocks for the actor to begin now; empty if there is nothing for it.
  LeaseGrant Assign(StreamId actor);

  // The block's segment is applied: nobody needs it any more. Blocks that are
  // done or not wanted are passed over.
  void Complete(uint32_t block);
  // The actor's copy of the block ended, with or without use: it has room
  // again. A block that is still wanted is leased anew.
  void Release(StreamId actor, uint32_t block);

  // Actors that hold a lease of the block.
  std::vector<StreamId> Holders(uint32_t block) const;
  // Seconds since the block was leased to the actor; none if it does not hold
  // it.
  absl::optional<double> LeaseSeconds(StreamId actor, uint32_t block) const;
  // Seconds that a lease given now would have.
  double DeadlineSeconds() const;

  uint32_t done() const { return done_; }
  uint32_t leased() const;
  uint32_t suspects() const;
  uint32_t unleased() const { return static_cast<uint32_t>(queue_.size()); }

 private:
  struct Lease {
    double start = 0;
    double deadline = 0;
  };
  struct Block {
    bool done = true;
    bool lost_before = false;
    std::map<StreamId, Lease> leases;
  };
  struct Actor {
    uint32_t capacity = 0;
    uint32_t held = 0;
    bool suspect = false;
  };

  void Give(StreamId id, uint32_t block, double deadline_seconds);
  // Gives the lease up; true if it was held.
  bool Take(StreamId id, uint32_t block);
  bool NeedsBackup(const Block& block, StreamId candidate, double now) const;
  void RecordBlockTime(double seconds);

  const Clock& clock_;
  const LeaseOptions options_;
  std::vector<Block> blocks_;
  std::map<StreamId, Actor> actors_;
  // Wanted blocks without a lease.
  std::deque<uint32_t> queue_;
  // Durations of the latest finished leases.
  std::deque<double> block_times_;
  uint32_t done_ = 0;
};

}  // namespace kmyriad

#endif  // KMYRIAD_LEARNER_COLLECTOR_LEASE_TABLE_H_
