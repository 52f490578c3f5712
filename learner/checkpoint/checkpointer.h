#ifndef KMYRIAD_LEARNER_CHECKPOINT_CHECKPOINTER_H_
#define KMYRIAD_LEARNER_CHECKPOINT_CHECKPOINTER_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/optional.h"
#include "common/base/file_system.h"
#include "common/base/tensor.h"
#include "kmyriad/v1/checkpoint.pb.h"

namespace kmyriad {

// Newest format of checkpoint folders that this build reads and the one that
// it writes.
inline constexpr uint32_t kCheckpointFormat = 1;

// Particles of the epochs before, of runs with entropy.window > 1.
inline constexpr char kWindowFeatures[] = "window_features";
inline constexpr char kWindowMask[] = "window_mask";

// One consistent cut of a run. Groups of tensors become files:
// policy (trunk.*, heads.*, critic.*, embedding), optimizer (adam.*),
// normalizer (normalizer.*), coverage (cell_visits, cell_visits_total, and the
// window's).
struct CheckpointContent {
  // Save fills format_version, files and the two tensor digests.
  v1::CheckpointManifest manifest;
  std::vector<NamedTensor> parameters;
  std::vector<NamedTensor> optimizer;
  std::vector<NamedTensor> normalizer;
  std::vector<NamedTensor> coverage;
};

// A committed checkpoint, without its tensors.
struct CheckpointSummary {
  // Name of the folder, "epoch_000012".
  std::string name;
  // Path of the folder.
  std::string folder;
  v1::CheckpointManifest manifest;
  // Size of all files in the manifest.
  uint64_t bytes = 0;
};

// "epoch_000012" for 12.
std::string CheckpointName(uint64_t epoch);
// The epoch of such a name; empty for any other name.
absl::optional<uint64_t> CheckpointEpoch(absl::string_view name);

// The functions below only read, and take no lock. NOT_FOUND: no committed
// checkpoint in `folder`; DATA_LOSS: damaged, naming file and reason;
// FAILED_PRECONDITION: written by a newer format.

// Reads marker and manifest; other files are not opened.
absl::StatusOr<CheckpointSummary> ReadCheckpointSummary(
    FileSystem& files, const std::string& folder);
// Reads everything and verifies sizes and hashes.
absl::StatusOr<CheckpointContent> LoadCheckpoint(FileSystem& files,
                                                 const std::string& folder);
absl::StatusOr<CheckpointSummary> VerifyCheckpoint(FileSystem& files,
                                                   const std::string& folder);
// Committed checkpoints below `folder` by rising epoch. Those whose manifest
// cannot be read are left out, with a warning in the log.
absl::StatusOr<std::vector<CheckpointSummary>> ListCheckpoints(
    FileSystem& files, const std::string& folder);

// Writes the checkpoints of a run. A save goes to a temporary folder, which is
// fsynced and renamed; the marker COMMIT, which holds the manifest's hash,
// comes last. A crash or a failure at any point loses no older checkpoint. Not
// thread-safe; one writer per folder.
class Checkpointer {
 public:
  // `files` must outlive the object. `run_uuid` is hexadecimal.
  Checkpointer(FileSystem& files, std::string folder, std::string run_uuid);

  // Saves as CheckpointName(manifest.epoch). A committed checkpoint of that
  // name is set aside. On failure nothing is committed and the temporary
  // folder is removed, so that its room is free.
  absl::StatusOr<CheckpointSummary> Save(CheckpointContent content);

  // As LoadCheckpoint, and FAILED_PRECONDITION for another run's checkpoint.
  absl::StatusOr<CheckpointContent> Load(const std::string& name);

  absl::StatusOr<std::vector<CheckpointSummary>> List();

  // Removes all but the newest `keep` checkpoints and `head`; keep 0 = all
  // stay.
  absl::Status Prune(uint32_t keep, const std::string& head);

  // Moves a folder to set_aside/, under a name that is free there.
  absl::Status SetAside(const std::string& name);

  // Sets all checkpoints after `epoch` aside and answers their names.
  absl::StatusOr<std::vector<std::string>> SetAsideAfter(uint64_t epoch);

  // Removes what interrupted saves and removals left behind.
  absl::Status RemoveLeftovers();

 private:
  absl::Status WriteFiles(const CheckpointContent& content,
                          const std::string& temporary,
                          v1::CheckpointManifest* manifest);
  // `*cleared`: from here on what is called `name` is the new checkpoint.
  absl::Status Commit(const std::string& temporary, const std::string& name,
                      const v1::CheckpointManifest& manifest, bool* cleared);
  absl::Status Remove(const std::string& name);
  std::string Path(absl::string_view name) const;

  FileSystem& files_;
  const std::string folder_;
  const std::string run_uuid_;
};

}  // namespace kmyriad

#endif  // KMYRIAD_LEARNER_CHECKPOINT_CHECKPOINTER_H_
