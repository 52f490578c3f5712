#ifndef KMYRIAD_LEARNER_CHECKPOINT_RUN_DIRECTORY_H_
#define KMYRIAD_LEARNER_CHECKPOINT_RUN_DIRECTORY_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/optional.h"
#include "common/base/file_system.h"
#include "kmyriad/v1/checkpoint.pb.h"
#include "kmyriad/v1/learner.pb.h"
#include "learner/checkpoint/checkpointer.h"

namespace kmyriad {

// Newest format of run directories that this build reads and the one that it
// writes.
inline constexpr uint32_t kRunFormat = 1;
// In a run's folder: what its policy started from, if its configuration names
// it (task.initial_sha256).
inline constexpr char kInitialPolicyFile[] = "initial.safetensors";
inline constexpr uint64_t kMostInitialPolicyBytes = uint64_t{8} << 30;
// Answers to control calls that HEAD.json remembers, newest last.
inline constexpr int kMaxStoredAnswers = 128;

// What a run directory records, for readers (inspect, plot).
struct RunRecord {
  v1::RunManifest manifest;
  // Empty checkpoint: no epoch has been finished or even begun.
  v1::RunHead head;
  // resolved.textproto.
  std::string config_text;
  // Whole lines of metrics.jsonl, without newline.
  std::vector<std::string> metrics;
  // Committed checkpoints by rising epoch.
  std::vector<CheckpointSummary> checkpoints;
};

// Reads a run directory without locking it; a run may be going on. NOT_FOUND
// if there is none at `path`, DATA_LOSS if a record is damaged,
// FAILED_PRECONDITION for a newer format.
absl::StatusOr<RunRecord> ReadRunDirectory(FileSystem& files,
                                           const std::string& path);

// True if `path` holds a run.
bool IsRunDirectory(FileSystem& files, const std::string& path);

// One checkpoint, and all of a run, as operators see them.
v1::CheckpointInfo MakeInfo(const v1::CheckpointManifest& manifest,
                            uint64_t bytes, bool head);
v1::ListCheckpointsResponse MakeListing(
    const std::vector<CheckpointSummary>& checkpoints, const v1::RunHead& head);

// Appends an answer and drops the oldest ones beyond kMaxStoredAnswers.
void StoreAnswer(v1::StoredAnswer answer, v1::RunHead* head);

// The one writer of a run directory. Holds its lock. Every record is replaced
// atomically; after a failure the old one holds. Not thread-safe.
class RunDirectory {
 public:
  // Creates the folder if needed, locks it and reads the records that are
  // there. UNAVAILABLE if another process has the lock. `files` must outlive
  // the object.
  static absl::StatusOr<std::unique_ptr<RunDirectory>> Open(
      FileSystem& files, const std::string& path);

  // Whether it holds a run already.
  bool exists() const { return exists_; }
  // Makes the records of a new run; the manifest gets a fresh UUID, the format
  // version and, unless it has one, the name of the folder.
  absl::Status Initialize(v1::RunManifest manifest,
                          const std::string& config_text);

  const std::string& path() const { return path_; }
  const v1::RunManifest& manifest() const { return manifest_; }
  const v1::RunHead& head() const { return head_; }
  const std::string& config_text() const { return config_text_; }

  absl::Status WriteManifest(const v1::RunManifest& manifest);
  absl::Status WriteHead(const v1::RunHead& head);
  absl::Status WriteConfig(const std::string& config_text);

  // Bytes of metrics.jsonl that are known to be whole lines.
  uint64_t metrics_bytes() const { return metrics_bytes_; }
  // Appends `line`, or several with newlines between them, and a newline. May
  // be repeated after a failure.
  absl::Status AppendMetrics(absl::string_view line);
  // Cuts metrics.jsonl to `bytes`. A shorter file stays, with a warning. After
  // a failure the next append cuts it first.
  absl::Status TruncateMetrics(uint64_t bytes);
  // Last line; empty if there is none.
  absl::StatusOr<std::string> LastMetrics();

  // Valid once the directory holds a run.
  Checkpointer& checkpoints() { return *checkpoints_; }
  absl::StatusOr<uint64_t> FreeBytes() { return files_.FreeBytes(path_); }

 private:
  RunDirectory(FileSystem& files, std::string path,
               std::unique_ptr<FileLock> lock);
  absl::Status ReadRecords();
  // What replacements that were cut short left behind.
  absl::Status RemoveLeftovers();
  std::string Path(absl::string_view name) const;

  FileSystem& files_;
  const std::string path_;
  const std::unique_ptr<FileLock> lock_;
  bool exists_ = false;
  v1::RunManifest manifest_;
  v1::RunHead head_;
  std::string config_text_;
  uint64_t metrics_bytes_ = 0;
  // A failed append may have left a part of a line behind metrics_bytes_.
  bool metrics_dirty_ = false;
  absl::optional<Checkpointer> checkpoints_;
};

}  // namespace kmyriad

#endif  // KMYRIAD_LEARNER_CHECKPOINT_RUN_DIRECTORY_H_
