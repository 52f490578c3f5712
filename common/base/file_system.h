#ifndef KMYRIAD_COMMON_BASE_FILE_SYSTEM_H_
#define KMYRIAD_COMMON_BASE_FILE_SYSTEM_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace kmyriad {

// Held lock on a file; destruction releases it.
class FileLock {
 public:
  virtual ~FileLock() = default;
};

// Files as a dependency: the lever through which tests inject faults.
// Thread-safe. Messages of errors name the path and the system's reason.
// Codes: NOT_FOUND (no such path), RESOURCE_EXHAUSTED (disk full, quota),
// PERMISSION_DENIED (rights, read-only), ALREADY_EXISTS, UNAVAILABLE (lock
// held by another process), INTERNAL (other I/O errors).
class FileSystem {
 public:
  virtual ~FileSystem() = default;

  // Whole content. INVALID_ARGUMENT, before anything is read, if the file is
  // larger than `max_bytes`.
  virtual absl::StatusOr<std::string> Read(const std::string& path,
                                           uint64_t max_bytes) = 0;
  // Creates or truncates `path` with `content` and fsyncs it. Not atomic.
  virtual absl::Status WriteAndSync(const std::string& path,
                                    absl::string_view content) = 0;
  // Replaces `path` so that after a crash it holds the old or the new content,
  // whole: temporary file (`path` + ".tmp-..."), fsync, rename, fsync of the
  // folder.
  virtual absl::Status AtomicReplace(const std::string& path,
                                     absl::string_view content) = 0;
  // Appends and fsyncs; on failure the file has its old length again if the
  // file system still allows that.
  virtual absl::Status AppendAndSync(const std::string& path,
                                     absl::string_view content) = 0;
  virtual absl::Status Truncate(const std::string& path, uint64_t bytes) = 0;
  virtual absl::StatusOr<uint64_t> Size(const std::string& path) = 0;
  virtual bool Exists(const std::string& path) = 0;
  // Renames a file or folder and fsyncs the parent folder.
  virtual absl::Status Rename(const std::string& from,
                              const std::string& to) = 0;
  // With parents; existing folders are fine.
  virtual absl::Status CreateFolders(const std::string& path) = 0;
  // Names (not paths) of the entries, sorted.
  virtual absl::StatusOr<std::vector<std::string>> List(
      const std::string& folder) = 0;
  // A missing path is fine.
  virtual absl::Status RemoveAll(const std::string& path) = 0;
  virtual absl::Status SyncFolder(const std::string& path) = 0;
  // Free bytes for this user on the volume that holds `path`.
  virtual absl::StatusOr<uint64_t> FreeBytes(const std::string& path) = 0;
  // Creates the file if needed and locks it without waiting. UNAVAILABLE if
  // another process holds it. The file's content is the holder's process id,
  // where there was room for it.
  virtual absl::StatusOr<std::unique_ptr<FileLock>> Lock(
      const std::string& path) = 0;
};

// The system's files. Never destroyed.
FileSystem& PosixFileSystem();

// "a/b" from "a" and "b".
std::string JoinPath(absl::string_view folder, absl::string_view name);

}  // namespace kmyriad

#endif  // KMYRIAD_COMMON_BASE_FILE_SYSTEM_H_
