#include "learner/checkpoint/fork.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "learner/checkpoint/checkpointer.h"
#include "learner/checkpoint/run_directory.h"

namespace kmyriad {
namespace {

// Fills the temporary folder; HEAD, which makes the checkpoint count, is last.
absl::Status FillFork(const ForkOptions& options, const RunRecord& source,
                      const std::string& temporary, CheckpointContent content,
                      FileSystem& files) {
  KMYRIAD_ASSIGN_OR_RETURN(const std::unique_ptr<RunDirectory> fork,
                           RunDirectory::Open(files, temporary));
  v1::RunManifest manifest;
  manifest.set_name(options.name);
  manifest.set_created_utc(options.created_utc);
  manifest.set_revision(options.revision);
  manifest.set_learner_threads(source.manifest.learner_threads());
  *manifest.mutable_numerics() = source.manifest.numerics();
  manifest.set_forked_from(absl::StrCat(source.manifest.name(), " ",
                                        source.manifest.run_uuid(), " epoch ",
                                        content.manifest.epoch()));
  KMYRIAD_RETURN_IF_ERROR(
      fork->Initialize(std::move(manifest), options.config_text));
  const std::string initial = JoinPath(options.source, kInitialPolicyFile);
  if (files.Exists(initial)) {
    KMYRIAD_ASSIGN_OR_RETURN(const std::string bytes,
                             files.Read(initial, kMostInitialPolicyBytes));
    KMYRIAD_RETURN_IF_ERROR(
        files.WriteAndSync(JoinPath(fork->path(), kInitialPolicyFile), bytes));
  }
  std::string metrics;
  for (const std::string& line : source.metrics) {
    if (metrics.size() >= content.manifest.metrics_bytes()) break;
    absl::StrAppend(&metrics, line, "\n");
  }
  if (!metrics.empty()) {
    // The newline of the last line is appended with it.
    KMYRIAD_RETURN_IF_ERROR(fork->AppendMetrics(
        absl::string_view(metrics).substr(0, metrics.size() - 1)));
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
  const std::string target = JoinPath(options.runs, options.name);
  if (files.Exists(target)) {
    return absl::AlreadyExistsError(
        absl::StrCat(target, ": is there already; fork to another name"));
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
  if (options.empty_window) {
    content.coverage.erase(
        std::remove_if(content.coverage.begin(), content.coverage.end(),
                       [](const NamedTensor& tensor) {
                         return tensor.name == kWindowFeatures ||
                                tensor.name == kWindowMask;
                       }),
        content.coverage.end());
  }
  const std::string temporary =
      JoinPath(options.runs, absl::StrCat(".fork-", options.name));
  KMYRIAD_RETURN_IF_ERROR(files.RemoveAll(temporary));
  absl::Status status =
      FillFork(options, source, temporary, std::move(content), files);
  if (status.ok()) status = files.Rename(temporary, target);
  if (!status.ok()) {
    files.RemoveAll(temporary).IgnoreError();
    return status;
  }
  return files.SyncFolder(options.runs);
}

}  // namespace kmyriad
