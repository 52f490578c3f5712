#include "learner/checkpoint/fork.h"

#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "learner/checkpoint/checkpointer.h"
#include "learner/checkpoint/run_directory.h"

namespace kmyriad {
namespace {

std::string BaseName(const std::string& path) {
  return path.substr(path.rfind('/') + 1);
}

std::string FolderOf(const std::string& path) {
  const size_t slash = path.rfind('/');
  return slash == std::string::npos ? "." : path.substr(0, slash);
}

// Fills the temporary folder; HEAD, which makes the checkpoint count, is last.
absl::Status FillFork(const ForkOptions& options, const RunRecord& source,
                      const std::string& temporary, CheckpointContent content,
                      FileSystem& files) {
  KMYRIAD_ASSIGN_OR_RETURN(const std::unique_ptr<RunDirectory> fork,
                           RunDirectory::Open(files, temporary));
  v1::RunManifest manifest;
  manifest.set_created_utc(options.created_utc);
  manifest.set_revision(options.revision);
  manifest.set_learner_threads(source.manifest.learner_threads());
  *manifest.mutable_numerics() = source.manifest.numerics();
  manifest.set_forked_from(absl::StrCat(source.manifest.name(), " ",
                                        source.manifest.run_uuid(), " epoch ",
                                        content.manifest.epoch()));
  KMYRIAD_RETURN_IF_ERROR(
      fork->Initialize(std::move(manifest), options.config_text));
  v1::RunManifest named = fork->manifest();
  named.set_name(BaseName(options.target));
  KMYRIAD_RETURN_IF_ERROR(fork->WriteManifest(named));
  for (const std::string& line : source.metrics) {
    if (fork->metrics_bytes() >= content.manifest.metrics_bytes()) break;
    KMYRIAD_RETURN_IF_ERROR(fork->AppendMetrics(line));
  }
  content.manifest.set_metrics_bytes(fork->metrics_bytes());
  const std::string name = CheckpointName(content.manifest.epoch());
  KMYRIAD_RETURN_IF_ERROR(
      fork->checkpoints().Save(std::move(content)).status());
  v1::RunHead head;
  head.set_checkpoint(name);
  return fork->WriteHead(head);
}

}  // namespace

absl::Status ForkRun(const ForkOptions& options, FileSystem& files) {
  if (files.Exists(options.target)) {
    return absl::AlreadyExistsError(
        absl::StrCat(options.target,
                     ": is there already; fork to another "
                     "name"));
  }
  KMYRIAD_ASSIGN_OR_RETURN(const RunRecord source,
                           ReadRunDirectory(files, options.source));
  const std::string name = options.checkpoint.empty() ? source.head.checkpoint()
                                                      : options.checkpoint;
  if (name.empty()) {
    return absl::NotFoundError(absl::StrCat(
        options.source, ": the run has no checkpoint yet; train it first"));
  }
  const std::string folder =
      JoinPath(JoinPath(options.source, "checkpoints"), name);
  KMYRIAD_ASSIGN_OR_RETURN(CheckpointContent content,
                           LoadCheckpoint(files, folder));
  if (content.manifest.run_uuid() != source.manifest.run_uuid()) {
    return absl::FailedPreconditionError(absl::StrCat(
        folder, ": belongs to run ", content.manifest.run_uuid(), ", not to ",
        source.manifest.run_uuid(), "; move it away"));
  }
  const std::string temporary =
      JoinPath(FolderOf(options.target),
               absl::StrCat(".fork-", BaseName(options.target)));
  KMYRIAD_RETURN_IF_ERROR(files.RemoveAll(temporary));
  absl::Status status =
      FillFork(options, source, temporary, std::move(content), files);
  if (status.ok()) status = files.Rename(temporary, options.target);
  if (!status.ok()) {
    files.RemoveAll(temporary).IgnoreError();
    return status;
  }
  return files.SyncFolder(FolderOf(options.target));
}

}  // namespace kmyriad
