#include "learner/checkpoint/run_directory.h"

#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/base/digest.h"
#include "common/base/logging.h"
#include "common/base/status_macros.h"
#include "google/protobuf/util/message_differencer.h"
#include "learner/checkpoint/proto_json.h"

namespace kmyriad {
namespace {

constexpr absl::string_view kLockFile = ".lock";
constexpr absl::string_view kManifestFile = "manifest.json";
constexpr absl::string_view kHeadFile = "HEAD.json";
constexpr absl::string_view kConfigFile = "resolved.textproto";
constexpr absl::string_view kMetricsFile = "metrics.jsonl";
constexpr absl::string_view kCheckpointsFolder = "checkpoints";
// What FileSystem::AtomicReplace appends for its temporary files.
constexpr absl::string_view kTemporarySuffix = ".tmp-";
// A manifest carries the terrain's boxes and cells; a head its answers.
constexpr uint64_t kMaxRecordBytes = uint64_t{256} << 20;
constexpr uint64_t kMaxMetricsBytes = uint64_t{1} << 30;

std::string BaseName(absl::string_view path) {
  while (path.size() > 1 && path.back() == '/') path.remove_suffix(1);
  const size_t slash = path.find_last_of('/');
  return std::string(slash == absl::string_view::npos ? path
                                                      : path.substr(slash + 1));
}

absl::Status ReadManifest(FileSystem& files, const std::string& folder,
                          v1::RunManifest* manifest) {
  const std::string path = JoinPath(folder, kManifestFile);
  KMYRIAD_ASSIGN_OR_RETURN(const std::string text,
                           files.Read(path, kMaxRecordBytes));
  KMYRIAD_RETURN_IF_ERROR(ParseJson(text, path, manifest));
  if (manifest->format_version() > kRunFormat) {
    return absl::FailedPreconditionError(
        absl::StrCat(path, ": format_version = ", manifest->format_version(),
                     " is newer than ", kRunFormat, ": use a newer kmyriad"));
  }
  const absl::StatusOr<Uuid> uuid =
      UuidFromHex(manifest->run_uuid(), "run_uuid");
  if (!uuid.ok()) {
    return absl::DataLossError(
        absl::StrCat(path, ": ", uuid.status().message()));
  }
  return absl::OkStatus();
}

// A missing head is that of a run which has not finished anything.
absl::Status ReadHead(FileSystem& files, const std::string& folder,
                      v1::RunHead* head) {
  const std::string path = JoinPath(folder, kHeadFile);
  if (!files.Exists(path)) return absl::OkStatus();
  KMYRIAD_ASSIGN_OR_RETURN(const std::string text,
                           files.Read(path, kMaxRecordBytes));
  return ParseJson(text, path, head);
}

// Whole lines of metrics.jsonl; a part of a line at the end is left out.
absl::StatusOr<std::vector<std::string>> ReadMetricsLines(
    FileSystem& files, const std::string& path) {
  if (!files.Exists(path)) return std::vector<std::string>();
  KMYRIAD_ASSIGN_OR_RETURN(const std::string text,
                           files.Read(path, kMaxMetricsBytes));
  std::vector<std::string> lines = absl::StrSplit(text, '\n');
  lines.pop_back();
  return lines;
}

}  // namespace

bool IsRunDirectory(FileSystem& files, const std::string& path) {
  return files.Exists(JoinPath(path, kManifestFile));
}

absl::StatusOr<RunRecord> ReadRunDirectory(FileSystem& files,
                                           const std::string& path) {
  if (!IsRunDirectory(files, path)) {
    return absl::NotFoundError(
        absl::StrCat(path, ": no run here (no ", kManifestFile, ")"));
  }
  RunRecord record;
  KMYRIAD_RETURN_IF_ERROR(ReadManifest(files, path, &record.manifest));
  KMYRIAD_RETURN_IF_ERROR(ReadHead(files, path, &record.head));
  KMYRIAD_ASSIGN_OR_RETURN(
      record.config_text,
      files.Read(JoinPath(path, kConfigFile), kMaxRecordBytes));
  KMYRIAD_ASSIGN_OR_RETURN(
      record.metrics, ReadMetricsLines(files, JoinPath(path, kMetricsFile)));
  KMYRIAD_ASSIGN_OR_RETURN(
      record.checkpoints,
      ListCheckpoints(files, JoinPath(path, kCheckpointsFolder)));
  return record;
}

v1::CheckpointInfo MakeInfo(const v1::CheckpointManifest& manifest,
                            uint64_t bytes, bool head) {
  v1::CheckpointInfo info;
  info.set_name(CheckpointName(manifest.epoch()));
  info.set_epoch(manifest.epoch());
  info.set_policy_version(manifest.policy_version());
  info.set_env_steps(manifest.env_steps());
  info.set_bytes(bytes);
  info.set_parameters_sha256(manifest.parameters_sha256());
  info.set_head(head);
  return info;
}

v1::ListCheckpointsResponse MakeListing(
    const std::vector<CheckpointSummary>& checkpoints,
    const v1::RunHead& head) {
  v1::ListCheckpointsResponse listing;
  for (const CheckpointSummary& summary : checkpoints) {
    *listing.add_checkpoints() = MakeInfo(summary.manifest, summary.bytes,
                                          summary.name == head.checkpoint());
  }
  return listing;
}

void StoreAnswer(v1::StoredAnswer answer, v1::RunHead* head) {
  *head->add_answers() = std::move(answer);
  const int excess = head->answers_size() - kMaxStoredAnswers;
  if (excess > 0) head->mutable_answers()->DeleteSubrange(0, excess);
}

RunDirectory::RunDirectory(FileSystem& files, std::string path,
                           std::unique_ptr<FileLock> lock)
    : files_(files), path_(std::move(path)), lock_(std::move(lock)) {}

std::string RunDirectory::Path(absl::string_view name) const {
  return JoinPath(path_, name);
}

absl::StatusOr<std::unique_ptr<RunDirectory>> RunDirectory::Open(
    FileSystem& files, const std::string& path) {
  KMYRIAD_RETURN_IF_ERROR(files.CreateFolders(path));
  KMYRIAD_ASSIGN_OR_RETURN(std::unique_ptr<FileLock> lock,
                           files.Lock(JoinPath(path, kLockFile)));
  std::unique_ptr<RunDirectory> run(
      new RunDirectory(files, path, std::move(lock)));
  KMYRIAD_RETURN_IF_ERROR(run->ReadRecords());
  return run;
}

absl::Status RunDirectory::ReadRecords() {
  KMYRIAD_RETURN_IF_ERROR(RemoveLeftovers());
  exists_ = IsRunDirectory(files_, path_);
  if (!exists_) return absl::OkStatus();
  KMYRIAD_RETURN_IF_ERROR(ReadManifest(files_, path_, &manifest_));
  KMYRIAD_RETURN_IF_ERROR(ReadHead(files_, path_, &head_));
  KMYRIAD_ASSIGN_OR_RETURN(config_text_,
                           files_.Read(Path(kConfigFile), kMaxRecordBytes));
  if (files_.Exists(Path(kMetricsFile))) {
    KMYRIAD_ASSIGN_OR_RETURN(metrics_bytes_, files_.Size(Path(kMetricsFile)));
  }
  checkpoints_.emplace(files_, Path(kCheckpointsFolder), manifest_.run_uuid());
  return checkpoints_->RemoveLeftovers();
}

absl::Status RunDirectory::RemoveLeftovers() {
  KMYRIAD_ASSIGN_OR_RETURN(const std::vector<std::string> names,
                           files_.List(path_));
  for (const std::string& name : names) {
    for (const absl::string_view record :
         {kManifestFile, kHeadFile, kConfigFile}) {
      if (absl::StartsWith(name, absl::StrCat(record, kTemporarySuffix))) {
        KMYRIAD_RETURN_IF_ERROR(files_.RemoveAll(Path(name)));
      }
    }
  }
  return absl::OkStatus();
}

absl::Status RunDirectory::Initialize(v1::RunManifest manifest,
                                      const std::string& config_text) {
  manifest.set_format_version(kRunFormat);
  manifest.set_run_uuid(ToHex(RandomUuid()));
  if (manifest.name().empty()) manifest.set_name(BaseName(path_));
  KMYRIAD_RETURN_IF_ERROR(files_.CreateFolders(Path(kCheckpointsFolder)));
  KMYRIAD_RETURN_IF_ERROR(WriteConfig(config_text));
  // What an earlier attempt left of a run that never came to be.
  KMYRIAD_RETURN_IF_ERROR(files_.RemoveAll(Path(kHeadFile)));
  KMYRIAD_RETURN_IF_ERROR(files_.RemoveAll(Path(kMetricsFile)));
  // Last: this file makes the folder a run.
  KMYRIAD_RETURN_IF_ERROR(WriteManifest(manifest));
  exists_ = true;
  checkpoints_.emplace(files_, Path(kCheckpointsFolder), manifest_.run_uuid());
  return absl::OkStatus();
}

absl::Status RunDirectory::WriteManifest(const v1::RunManifest& manifest) {
  // A resume that changes nothing needs no room.
  if (exists_ &&
      google::protobuf::util::MessageDifferencer::Equals(manifest, manifest_)) {
    return absl::OkStatus();
  }
  KMYRIAD_RETURN_IF_ERROR(
      files_.AtomicReplace(Path(kManifestFile), FormatJson(manifest)));
  manifest_ = manifest;
  return absl::OkStatus();
}

absl::Status RunDirectory::WriteHead(const v1::RunHead& head) {
  KMYRIAD_RETURN_IF_ERROR(
      files_.AtomicReplace(Path(kHeadFile), FormatJson(head)));
  head_ = head;
  return absl::OkStatus();
}

absl::Status RunDirectory::WriteConfig(const std::string& config_text) {
  if (exists_ && config_text == config_text_) return absl::OkStatus();
  KMYRIAD_RETURN_IF_ERROR(files_.AtomicReplace(Path(kConfigFile), config_text));
  config_text_ = config_text;
  return absl::OkStatus();
}

absl::Status RunDirectory::AppendMetrics(absl::string_view line) {
  const std::string path = Path(kMetricsFile);
  if (metrics_dirty_) {
    if (files_.Exists(path)) {
      KMYRIAD_RETURN_IF_ERROR(files_.Truncate(path, metrics_bytes_));
    }
    metrics_dirty_ = false;
  }
  const std::string text = absl::StrCat(line, "\n");
  const absl::Status status = files_.AppendAndSync(path, text);
  metrics_dirty_ = !status.ok();
  if (status.ok()) metrics_bytes_ += text.size();
  return status;
}

absl::Status RunDirectory::TruncateMetrics(uint64_t bytes) {
  const std::string path = Path(kMetricsFile);
  std::string text;
  if (files_.Exists(path)) {
    KMYRIAD_ASSIGN_OR_RETURN(text, files_.Read(path, kMaxMetricsBytes));
  }
  if (text.size() < bytes) {
    LogWarning(path, ": has ", text.size(), " bytes, the checkpoint knows of ",
               bytes, ": earlier lines are missing");
  }
  // Somebody may have cut the file in a line; the next is not glued to it.
  const absl::string_view kept = absl::string_view(text).substr(0, bytes);
  const size_t newline = kept.rfind('\n');
  metrics_bytes_ = newline == absl::string_view::npos ? 0 : newline + 1;
  metrics_dirty_ = text.size() > metrics_bytes_;
  if (!metrics_dirty_) return absl::OkStatus();
  KMYRIAD_RETURN_IF_ERROR(files_.Truncate(path, metrics_bytes_));
  metrics_dirty_ = false;
  return absl::OkStatus();
}

absl::StatusOr<std::string> RunDirectory::LastMetrics() {
  KMYRIAD_ASSIGN_OR_RETURN(std::vector<std::string> lines,
                           ReadMetricsLines(files_, Path(kMetricsFile)));
  return lines.empty() ? std::string() : std::move(lines.back());
}

}  // namespace kmyriad
