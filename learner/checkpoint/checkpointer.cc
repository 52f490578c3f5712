#include "learner/checkpoint/checkpointer.h"

#include <algorithm>
#include <map>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/strip.h"
#include "common/base/digest.h"
#include "common/base/logging.h"
#include "common/base/status_macros.h"
#include "learner/checkpoint/proto_json.h"
#include "learner/checkpoint/safetensors.h"
#include "learner/checkpoint/tensor_digest.h"

namespace kmyriad {
namespace {

constexpr absl::string_view kNamePrefix = "epoch_";
constexpr absl::string_view kTemporaryPrefix = ".saving_";
constexpr absl::string_view kRemovedPrefix = ".removed_";
constexpr absl::string_view kSetAside = "set_aside";
constexpr absl::string_view kManifestFile = "MANIFEST.json";
constexpr absl::string_view kCommitFile = "COMMIT";
// A manifest has a few kilobytes; the marker one line.
constexpr uint64_t kMaxManifestBytes = uint64_t{1} << 20;
constexpr uint64_t kMaxCommitBytes = 256;

// Files of a checkpoint and the tensors that they hold.
struct Group {
  absl::string_view file;
  std::vector<NamedTensor> CheckpointContent::*tensors;
};
constexpr Group kGroups[] = {
    {"policy.safetensors", &CheckpointContent::parameters},
    {"optimizer.safetensors", &CheckpointContent::optimizer},
    {"normalizer.safetensors", &CheckpointContent::normalizer},
    {"coverage.safetensors", &CheckpointContent::coverage},
};

absl::Status Damaged(const std::string& path, absl::string_view why) {
  return absl::DataLossError(absl::StrCat(path, ": ", why));
}

// Last part of a path.
std::string BaseName(const std::string& path) {
  const size_t slash = path.find_last_of('/');
  return slash == std::string::npos ? path : path.substr(slash + 1);
}

// A missing or overlong part of a committed checkpoint is damage.
absl::StatusOr<std::string> ReadPart(FileSystem& files, const std::string& path,
                                     uint64_t limit) {
  absl::StatusOr<std::string> content = files.Read(path, limit);
  if (content.ok()) return content;
  if (absl::IsNotFound(content.status()) ||
      absl::IsInvalidArgument(content.status())) {
    return Damaged(path, content.status().message());
  }
  return content.status();
}

absl::Status CheckDigests(const CheckpointContent& content,
                          const std::string& folder) {
  const v1::CheckpointManifest& manifest = content.manifest;
  if (ToHex(DigestTensors(content.parameters, content.normalizer)) !=
      manifest.parameters_sha256()) {
    return Damaged(folder, "parameters_sha256 does not match the tensors");
  }
  if (ToHex(DigestTensors(content.optimizer, {})) !=
      manifest.optimizer_sha256()) {
    return Damaged(folder, "optimizer_sha256 does not match the tensors");
  }
  return absl::OkStatus();
}

}  // namespace

std::string CheckpointName(uint64_t epoch) {
  return absl::StrFormat("%s%06d", kNamePrefix, epoch);
}

absl::optional<uint64_t> CheckpointEpoch(absl::string_view name) {
  uint64_t epoch = 0;
  absl::string_view digits = name;
  if (!absl::ConsumePrefix(&digits, kNamePrefix) ||
      !absl::SimpleAtoi(digits, &epoch) || CheckpointName(epoch) != name) {
    return absl::nullopt;
  }
  return epoch;
}

absl::StatusOr<CheckpointSummary> ReadCheckpointSummary(
    FileSystem& files, const std::string& folder) {
  const std::string commit_path = JoinPath(folder, kCommitFile);
  if (!files.Exists(commit_path)) {
    return absl::NotFoundError(
        absl::StrCat(folder, ": no committed checkpoint here"));
  }
  KMYRIAD_ASSIGN_OR_RETURN(const std::string commit,
                           ReadPart(files, commit_path, kMaxCommitBytes));
  const std::string manifest_path = JoinPath(folder, kManifestFile);
  KMYRIAD_ASSIGN_OR_RETURN(const std::string text,
                           ReadPart(files, manifest_path, kMaxManifestBytes));
  if (absl::StripSuffix(commit, "\n") != ToHex(Sha256Of(text))) {
    return Damaged(manifest_path, "its hash is not the one in COMMIT");
  }
  CheckpointSummary summary;
  KMYRIAD_RETURN_IF_ERROR(ParseJson(text, manifest_path, &summary.manifest));
  const v1::CheckpointManifest& manifest = summary.manifest;
  if (manifest.format_version() > kCheckpointFormat) {
    return absl::FailedPreconditionError(absl::StrCat(
        manifest_path, ": format_version = ", manifest.format_version(),
        " is newer than ", kCheckpointFormat, ": use a newer kmyriad"));
  }
  summary.name = BaseName(folder);
  summary.folder = folder;
  for (const v1::CheckpointFile& file : manifest.files()) {
    summary.bytes += file.bytes();
  }
  return summary;
}

absl::StatusOr<CheckpointContent> LoadCheckpoint(FileSystem& files,
                                                 const std::string& folder) {
  KMYRIAD_ASSIGN_OR_RETURN(CheckpointSummary summary,
                           ReadCheckpointSummary(files, folder));
  std::map<std::string, const v1::CheckpointFile*> listed;
  for (const v1::CheckpointFile& file : summary.manifest.files()) {
    listed[file.name()] = &file;
  }
  CheckpointContent content;
  for (const Group& group : kGroups) {
    const std::string path = JoinPath(folder, group.file);
    const auto entry = listed.find(std::string(group.file));
    if (entry == listed.end()) {
      return Damaged(path, "is not listed in MANIFEST.json");
    }
    KMYRIAD_ASSIGN_OR_RETURN(const std::string bytes,
                             ReadPart(files, path, entry->second->bytes()));
    if (bytes.size() != entry->second->bytes()) {
      return Damaged(path, absl::StrCat("has ", bytes.size(), " bytes, wants ",
                                        entry->second->bytes()));
    }
    if (ToHex(Sha256Of(bytes)) != entry->second->sha256()) {
      return Damaged(path, "its SHA-256 is not the one in MANIFEST.json");
    }
    absl::StatusOr<SafetensorsContent> parsed = DecodeSafetensors(bytes);
    if (!parsed.ok()) return Damaged(path, parsed.status().message());
    content.*group.tensors = std::move(parsed->tensors);
  }
  content.manifest = std::move(summary.manifest);
  KMYRIAD_RETURN_IF_ERROR(CheckDigests(content, folder));
  return content;
}

absl::StatusOr<CheckpointSummary> VerifyCheckpoint(FileSystem& files,
                                                   const std::string& folder) {
  KMYRIAD_RETURN_IF_ERROR(LoadCheckpoint(files, folder).status());
  return ReadCheckpointSummary(files, folder);
}

absl::StatusOr<std::vector<CheckpointSummary>> ListCheckpoints(
    FileSystem& files, const std::string& folder) {
  std::vector<CheckpointSummary> summaries;
  if (!files.Exists(folder)) return summaries;
  KMYRIAD_ASSIGN_OR_RETURN(const std::vector<std::string> names,
                           files.List(folder));
  for (const std::string& name : names) {
    if (!CheckpointEpoch(name).has_value()) continue;
    absl::StatusOr<CheckpointSummary> summary =
        ReadCheckpointSummary(files, JoinPath(folder, name));
    if (summary.ok()) {
      summaries.push_back(*std::move(summary));
    } else if (!absl::IsNotFound(summary.status())) {
      LogWarning("checkpoint left out: ", summary.status().message());
    }
  }
  // Names sort like epochs up to 999,999 epochs only.
  std::sort(summaries.begin(), summaries.end(),
            [](const CheckpointSummary& a, const CheckpointSummary& b) {
              return a.manifest.epoch() < b.manifest.epoch();
            });
  return summaries;
}

Checkpointer::Checkpointer(FileSystem& files, std::string folder,
                           std::string run_uuid)
    : files_(files),
      folder_(std::move(folder)),
      run_uuid_(std::move(run_uuid)) {}

std::string Checkpointer::Path(absl::string_view name) const {
  return JoinPath(folder_, name);
}

absl::Status Checkpointer::WriteFiles(const CheckpointContent& content,
                                      const std::string& temporary,
                                      v1::CheckpointManifest* manifest) {
  KMYRIAD_RETURN_IF_ERROR(files_.CreateFolders(temporary));
  const std::map<std::string, std::string> metadata = {
      {"kmyriad.format", absl::StrCat(kCheckpointFormat)},
      {"kmyriad.run_uuid", run_uuid_},
      {"kmyriad.epoch", absl::StrCat(manifest->epoch())}};
  for (const Group& group : kGroups) {
    KMYRIAD_ASSIGN_OR_RETURN(
        const std::string bytes,
        EncodeSafetensors({content.*group.tensors, metadata}));
    KMYRIAD_RETURN_IF_ERROR(
        files_.WriteAndSync(JoinPath(temporary, group.file), bytes));
    v1::CheckpointFile* file = manifest->add_files();
    file->set_name(std::string(group.file));
    file->set_bytes(bytes.size());
    file->set_sha256(ToHex(Sha256Of(bytes)));
  }
  return absl::OkStatus();
}

absl::Status Checkpointer::Commit(const std::string& temporary,
                                  const std::string& name,
                                  const v1::CheckpointManifest& manifest,
                                  bool* cleared) {
  const std::string text = FormatJson(manifest);
  KMYRIAD_RETURN_IF_ERROR(
      files_.WriteAndSync(JoinPath(temporary, kManifestFile), text));
  KMYRIAD_RETURN_IF_ERROR(files_.SyncFolder(temporary));
  const std::string folder = Path(name);
  const std::string commit_path = JoinPath(folder, kCommitFile);
  const std::string commit = absl::StrCat(ToHex(Sha256Of(text)), "\n");
  if (files_.Exists(commit_path)) {
    const absl::StatusOr<std::string> present =
        files_.Read(commit_path, kMaxCommitBytes);
    // The same checkpoint, of an attempt that failed only later.
    const bool same = present.ok() && *present == commit;
    KMYRIAD_RETURN_IF_ERROR(same ? Remove(name) : SetAside(name));
  } else {
    // Without its marker a folder was never a checkpoint.
    KMYRIAD_RETURN_IF_ERROR(files_.RemoveAll(folder));
  }
  *cleared = true;
  KMYRIAD_RETURN_IF_ERROR(files_.Rename(temporary, folder));
  KMYRIAD_RETURN_IF_ERROR(files_.AtomicReplace(commit_path, commit));
  return files_.SyncFolder(folder);
}

absl::StatusOr<CheckpointSummary> Checkpointer::Save(
    CheckpointContent content) {
  v1::CheckpointManifest manifest = content.manifest;
  manifest.set_format_version(kCheckpointFormat);
  manifest.set_run_uuid(run_uuid_);
  manifest.clear_files();
  manifest.set_parameters_sha256(
      ToHex(DigestTensors(content.parameters, content.normalizer)));
  manifest.set_optimizer_sha256(ToHex(DigestTensors(content.optimizer, {})));
  const std::string name = CheckpointName(manifest.epoch());
  const std::string temporary = Path(absl::StrCat(kTemporaryPrefix, name));
  KMYRIAD_RETURN_IF_ERROR(files_.RemoveAll(temporary));
  bool cleared = false;
  absl::Status status = WriteFiles(content, temporary, &manifest);
  if (status.ok()) status = Commit(temporary, name, manifest, &cleared);
  if (!status.ok()) {
    // What has its final name already goes, too: it would keep the room that
    // the next attempt needs. Renamed first, as in Remove.
    if (cleared && files_.Exists(Path(name))) {
      files_.Rename(Path(name), temporary).IgnoreError();
    }
    files_.RemoveAll(temporary).IgnoreError();
    return status;
  }
  return ReadCheckpointSummary(files_, Path(name));
}

absl::StatusOr<CheckpointContent> Checkpointer::Load(const std::string& name) {
  if (!CheckpointEpoch(name).has_value()) {
    return absl::NotFoundError(absl::StrCat(
        "checkpoint = ", name, ": no such name; names look like epoch_000012"));
  }
  KMYRIAD_ASSIGN_OR_RETURN(CheckpointContent content,
                           LoadCheckpoint(files_, Path(name)));
  if (content.manifest.run_uuid() != run_uuid_) {
    return absl::FailedPreconditionError(absl::StrCat(
        Path(name), ": belongs to run ", content.manifest.run_uuid(),
        ", not to ", run_uuid_, ": move the folder away"));
  }
  return content;
}

absl::StatusOr<std::vector<CheckpointSummary>> Checkpointer::List() {
  return ListCheckpoints(files_, folder_);
}

absl::Status Checkpointer::Prune(uint32_t keep, const std::string& head) {
  if (keep == 0) return absl::OkStatus();
  KMYRIAD_ASSIGN_OR_RETURN(const std::vector<CheckpointSummary> all, List());
  for (size_t i = 0; i + keep < all.size(); ++i) {
    if (all[i].name == head) continue;
    KMYRIAD_RETURN_IF_ERROR(Remove(all[i].name));
  }
  return absl::OkStatus();
}

absl::Status Checkpointer::Remove(const std::string& name) {
  // Renamed first, so that no half-removed folder looks committed.
  const std::string removed = Path(absl::StrCat(kRemovedPrefix, name));
  KMYRIAD_RETURN_IF_ERROR(files_.RemoveAll(removed));
  KMYRIAD_RETURN_IF_ERROR(files_.Rename(Path(name), removed));
  return files_.RemoveAll(removed);
}

absl::Status Checkpointer::SetAside(const std::string& name) {
  const std::string aside = Path(kSetAside);
  KMYRIAD_RETURN_IF_ERROR(files_.CreateFolders(aside));
  std::string target = JoinPath(aside, name);
  for (int i = 2; files_.Exists(target); ++i) {
    target = JoinPath(aside, absl::StrCat(name, "_", i));
  }
  return files_.Rename(Path(name), target);
}

absl::StatusOr<std::vector<std::string>> Checkpointer::SetAsideAfter(
    uint64_t epoch) {
  std::vector<std::string> moved;
  if (!files_.Exists(folder_)) return moved;
  KMYRIAD_ASSIGN_OR_RETURN(const std::vector<std::string> names,
                           files_.List(folder_));
  for (const std::string& name : names) {
    const absl::optional<uint64_t> found = CheckpointEpoch(name);
    if (!found.has_value() || *found <= epoch) continue;
    KMYRIAD_RETURN_IF_ERROR(SetAside(name));
    moved.push_back(name);
  }
  return moved;
}

absl::Status Checkpointer::RemoveLeftovers() {
  if (!files_.Exists(folder_)) return absl::OkStatus();
  KMYRIAD_ASSIGN_OR_RETURN(const std::vector<std::string> names,
                           files_.List(folder_));
  for (const std::string& name : names) {
    if (absl::StartsWith(name, kTemporaryPrefix) ||
        absl::StartsWith(name, kRemovedPrefix)) {
      KMYRIAD_RETURN_IF_ERROR(files_.RemoveAll(Path(name)));
    }
  }
  return absl::OkStatus();
}

}  // namespace kmyriad
