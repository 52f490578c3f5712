#ifndef KMYRIAD_TESTS_TESTING_SIMULATED_DISK_H_
#define KMYRIAD_TESTS_TESTING_SIMULATED_DISK_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"
#include "common/base/file_system.h"

namespace kmyriad {

// What can be wrong with a disk.
enum class DiskFault {
  // Nothing more can be created or written (RESOURCE_EXHAUSTED); renaming,
  // truncating and removing go on.
  kFull,
  // Nothing can be changed (PERMISSION_DENIED).
  kReadOnly,
  // Synchronising fails (INTERNAL), and what was not durable by then never
  // becomes so unless it is written again, as on Linux.
  kSyncFails,
  // Every change fails (INTERNAL): the power is gone. Reboot() follows.
  kPowerCut,
};

// Which of the changes that were never synchronised a reboot finds.
struct CrashOutcome {
  enum Kind { kLost, kKept, kMixed } kind = kLost;
  // kMixed: which ones. Changes of names survive as a prefix, in order, as
  // with a journal; each file has its old or new content, a part of the new
  // one, or zeros behind a part; what was durable stays unless it was cut.
  uint64_t seed = 0;
};

// A file system in memory that knows what of its content is durable. Every
// change is made of steps: one byte that is written, or one entry that is
// made, renamed or removed, one truncation, one synchronisation, in the order
// in which PosixFileSystem makes them. A fault may strike at any step. All
// paths are absolute; "/" is there. Thread-safe.
class SimulatedDisk : public FileSystem {
 public:
  SimulatedDisk();
  ~SimulatedDisk() override = default;
  // Content, durable and not, without faults and locks.
  SimulatedDisk(const SimulatedDisk& other);
  SimulatedDisk& operator=(const SimulatedDisk&) = delete;

  // The fault strikes at the first step it concerns after `steps` more ones,
  // and `times` times in all.
  void Break(DiskFault fault, uint64_t steps, uint64_t times = ~uint64_t{0});
  // Ends the fault. What it destroyed stays destroyed.
  void Repair();
  // The machine starts again after a power cut; locks are gone, too.
  void Reboot(const CrashOutcome& outcome);
  // Room for content in all; FreeBytes counts it.
  void SetCapacity(uint64_t bytes);
  // Called, without a lock, before each synchronisation: a slow disk.
  void OnSync(std::function<void()> hook);
  // A disk that says it synchronised and did not.
  void LieAboutSync();

  // Steps made so far, and bytes of all files.
  uint64_t steps() const;
  uint64_t used() const;

  absl::StatusOr<std::string> Read(const std::string& path,
                                   uint64_t max_bytes) override;
  absl::Status WriteAndSync(const std::string& path,
                            absl::string_view content) override;
  absl::Status AtomicReplace(const std::string& path,
                             absl::string_view content) override;
  absl::Status AppendAndSync(const std::string& path,
                             absl::string_view content) override;
  absl::Status Truncate(const std::string& path, uint64_t bytes) override;
  absl::StatusOr<uint64_t> Size(const std::string& path) override;
  bool Exists(const std::string& path) override;
  absl::Status Rename(const std::string& from, const std::string& to) override;
  absl::Status CreateFolders(const std::string& path) override;
  absl::StatusOr<std::vector<std::string>> List(
      const std::string& folder) override;
  absl::Status RemoveAll(const std::string& path) override;
  absl::Status SyncFolder(const std::string& path) override;
  absl::StatusOr<uint64_t> FreeBytes(const std::string& path) override;
  absl::StatusOr<std::unique_ptr<FileLock>> Lock(
      const std::string& path) override;

 private:
  enum class Step { kCreate, kWrite, kChange, kSync };
  using NodeId = size_t;
  struct Node {
    bool folder = false;
    std::string content;
    std::map<std::string, NodeId> entries;
    // As on the platter.
    std::string durable_content;
    std::map<std::string, NodeId> durable_entries;
    // Bytes at the beginning that are durable and were not cut since.
    size_t durable_prefix = 0;
    // A synchronisation failed: `durable_content` stays until it is rewritten.
    bool lost = false;
  };
  // A change of names that is not durable: `node` leaves `from`, if that is
  // set, and is at `to`, if that is set.
  struct Move {
    NodeId from_folder = 0, to_folder = 0;
    std::string from, to;
    NodeId node = 0;
  };
  struct Place {
    NodeId folder = 0;
    std::string name;
  };
  class HeldLock;

  // Of `count` steps, how many go through, and why not all.
  uint64_t Take(Step step, uint64_t count, absl::Status* status)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::Status TakeOne(Step step) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // The folder that holds `path`.
  absl::StatusOr<Place> Find(const std::string& path) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::StatusOr<NodeId> FindNode(const std::string& path) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::StatusOr<NodeId> MakeNode(const Place& place, bool folder)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::Status WriteBytes(NodeId node, absl::string_view content)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::Status SyncNode(NodeId node) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::Status CutNode(NodeId node, uint64_t bytes)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::Status RenameLocked(const Place& from, const Place& to)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::Status Write(const std::string& path, absl::string_view content)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::Status Remove(const Place& place) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::Status MakeFolders(const std::string& path)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Persist(const Move& move) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  uint64_t UsedLocked() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  mutable absl::Mutex mutex_;
  // Never shrinks; node 0 is "/".
  std::vector<Node> nodes_ ABSL_GUARDED_BY(mutex_);
  std::vector<Move> pending_ ABSL_GUARDED_BY(mutex_);
  std::set<std::string> locks_ ABSL_GUARDED_BY(mutex_);
  uint64_t steps_ ABSL_GUARDED_BY(mutex_) = 0;
  uint64_t temporary_ ABSL_GUARDED_BY(mutex_) = 0;
  uint64_t capacity_ ABSL_GUARDED_BY(mutex_) = ~uint64_t{0};
  bool lies_ ABSL_GUARDED_BY(mutex_) = false;
  std::function<void()> on_sync_ ABSL_GUARDED_BY(mutex_);
  DiskFault fault_ ABSL_GUARDED_BY(mutex_) = DiskFault::kFull;
  // Step at which the fault begins, and how often it still strikes.
  uint64_t fault_begin_ ABSL_GUARDED_BY(mutex_) = 0;
  uint64_t fault_times_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace kmyriad

#endif  // KMYRIAD_TESTS_TESTING_SIMULATED_DISK_H_
