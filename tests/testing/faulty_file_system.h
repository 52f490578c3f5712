#ifndef KMYRIAD_TESTS_TESTING_FAULTY_FILE_SYSTEM_H_
#define KMYRIAD_TESTS_TESTING_FAULTY_FILE_SYSTEM_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "absl/types/optional.h"
#include "common/base/file_system.h"

namespace kmyriad {

enum class FileOperation {
  kRead,
  kWriteAndSync,
  kAtomicReplace,
  kAppendAndSync,
  kTruncate,
  kSize,
  kRename,
  kCreateFolders,
  kList,
  kRemoveAll,
  kSyncFolder,
  kFreeBytes,
  kLock
};

// A failure to come: the first `skip` calls of `operation` on paths that
// contain `path` go through, the next `times` return `status`.
struct FileFault {
  FileOperation operation = FileOperation::kWriteAndSync;
  std::string path = "";
  absl::Status status = absl::ResourceExhaustedError("No space left on device");
  int skip = 0;
  int times = 1;
  // Bytes that a failing write or append still leaves in the file, as after a
  // crash; nothing is written if empty. A failing atomic replace leaves them
  // in a temporary file beside the path.
  absl::optional<size_t> torn_bytes = absl::nullopt;
};

// Files of another FileSystem, with faults in front. Thread-safe.
class FaultyFileSystem : public FileSystem {
 public:
  struct Call {
    FileOperation operation;
    std::string path;
  };

  // `base` must outlive this.
  explicit FaultyFileSystem(FileSystem& base) : base_(base) {}

  void AddFault(FileFault fault);
  void ClearFaults();
  // After `changes` more calls that change something every further one fails
  // (INTERNAL), the first of them torn in half: the power is cut. Reading goes
  // on, as it will after the restart.
  void CutPowerAfter(uint64_t changes);
  void RestorePower();
  // What FreeBytes says from now on.
  void SetFreeBytes(uint64_t bytes);
  // Every call so far, failed ones included; Exists is not recorded.
  std::vector<Call> calls() const;
  // Number of calls that changed something, failed ones not included.
  uint64_t changes() const;

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
  struct Verdict {
    absl::Status status;
    absl::optional<size_t> torn_bytes;
  };

  // Records a call and says whether it fails. `bytes` is what it would write.
  Verdict Judge(FileOperation operation, const std::string& path,
                size_t bytes = 0);
  absl::optional<Verdict> JudgePower(FileOperation operation, size_t bytes)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  FileSystem& base_;
  mutable absl::Mutex mutex_;
  std::vector<FileFault> faults_ ABSL_GUARDED_BY(mutex_);
  std::vector<Call> calls_ ABSL_GUARDED_BY(mutex_);
  uint64_t changes_ ABSL_GUARDED_BY(mutex_) = 0;
  absl::optional<uint64_t> changes_left_ ABSL_GUARDED_BY(mutex_);
  bool torn_ ABSL_GUARDED_BY(mutex_) = false;
  absl::optional<uint64_t> free_bytes_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace kmyriad

#endif  // KMYRIAD_TESTS_TESTING_FAULTY_FILE_SYSTEM_H_
