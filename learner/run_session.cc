#include "learner/run_session.h"

#include <utility>

#include "absl/status/status.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "common/base/digest.h"
#include "common/base/logging.h"
#include "common/base/status_macros.h"
#include "common/config/run_config.h"
#include "learner/algorithm/policy_optimizer.h"
#include "learner/checkpoint/safetensors.h"

namespace kmyriad {
namespace {

absl::StatusOr<std::vector<NamedTensor>> ReadInitial(
    const RunSessionOptions& options, const RunDirectory& directory,
    FileSystem& files) {
  const v1::Task& task = options.config.task();
  if (!task.has_initial_sha256()) return std::vector<NamedTensor>();
  const std::string path = JoinPath(options.run_dir, kInitialPolicyFile);
  const absl::StatusOr<std::string> read =
      files.Read(path, kMostInitialPolicyBytes);
  if (absl::IsNotFound(read.status()) &&
      !directory.head().checkpoint().empty()) {
    LogWarning(path, ": missing; the run goes on from ",
               directory.head().checkpoint(),
               " and does not report what its policies forget");
    return std::vector<NamedTensor>();
  }
  KMYRIAD_RETURN_IF_ERROR(read.status());
  const std::string& bytes = *read;
  if (ToHex(Sha256Of(bytes)) != task.initial_sha256()) {
    return absl::DataLossError(
        absl::StrCat(path, ": not the file that task.initial_sha256 = ",
                     task.initial_sha256(), " names; put it back"));
  }
  absl::StatusOr<SafetensorsContent> content = DecodeSafetensors(bytes);
  if (!content.ok()) {
    return absl::DataLossError(
        absl::StrCat(path, ": ", content.status().message()));
  }
  return std::move(content->tensors);
}

absl::StatusOr<RunSession> StartRun(const RunSessionOptions& options,
                                    RunSession session, const Clock& clock) {
  v1::RunManifest manifest;
  manifest.set_created_utc(absl::FormatTime(
      "%Y-%m-%dT%H:%M:%SZ", clock.WallTime(), absl::UTCTimeZone()));
  manifest.set_revision(options.revision);
  const uint32_t threads = options.config.learner().threads();
  manifest.set_learner_threads(
      threads == 0 ? static_cast<uint32_t>(options.cores) : threads);
  for (const auto& [key, value] : options.numerics) {
    (*manifest.mutable_numerics())[key] = value;
  }
  session.config = options.config;
  session.threads = static_cast<int>(manifest.learner_threads());
  KMYRIAD_RETURN_IF_ERROR(session.directory->Initialize(
      std::move(manifest), FormatRunConfig(options.config)));
  return session;
}

// Whether updates of such a run differ between two versions of the arithmetic
// (see kUpdateArithmetic).
bool ArithmeticConcerns(const v1::RunConfig& config, const std::string& before,
                        const std::string& now) {
  int from = 0;
  int to = 0;
  if (!absl::SimpleAtoi(before, &from) || !absl::SimpleAtoi(now, &to)) {
    return true;
  }
  if (from > to) std::swap(from, to);
  const auto between = [&](int version) {
    return from < version && version <= to;
  };
  return (config.task().has_goal() && between(2)) ||
         (config.objective().kind() == "iw_entropy" && between(3));
}

void CompareNumerics(const v1::RunManifest& manifest,
                     const RunSessionOptions& options,
                     std::vector<std::string>* recorded) {
  std::map<std::string, std::string> stored(manifest.numerics().begin(),
                                            manifest.numerics().end());
  stored.insert({kUpdateArithmetic, "1"});
  for (const auto& [key, value] : options.numerics) {
    const std::string before = stored[key];
    if (before == value) continue;
    if (key == kUpdateArithmetic &&
        !ArithmeticConcerns(options.config, before, value)) {
      continue;
    }
    recorded->push_back(absl::StrCat(key, " was \"", before, "\", is \"", value,
                                     "\": the bits of the update may "
                                     "change"));
  }
}

absl::StatusOr<RunSession> ResumeRun(const RunSessionOptions& options,
                                     RunSession session) {
  RunDirectory& directory = *session.directory;
  KMYRIAD_ASSIGN_OR_RETURN(
      const v1::RunConfig stored,
      ParseRunConfig(directory.config_text(),
                     JoinPath(directory.path(), "resolved.textproto")));
  const std::vector<ConfigDifference> differences =
      CompareRunConfigs(stored, options.config);
  KMYRIAD_RETURN_IF_ERROR(CheckResumable(differences));
  for (const ConfigDifference& difference : differences) {
    if (difference.effect != ConfigDifference::Effect::kRecorded) continue;
    session.recorded.push_back(
        absl::StrCat(difference.key, " was ", difference.stored, ", is ",
                     difference.wanted, ": the bits of the update may change"));
  }
  v1::RunManifest manifest = directory.manifest();
  CompareNumerics(manifest, options, &session.recorded);
  const uint32_t threads = options.config.learner().threads();
  if (threads != 0 && threads != manifest.learner_threads()) {
    session.recorded.push_back(
        absl::StrCat("the update used ", manifest.learner_threads(),
                     " threads, uses ", threads, " now"));
    manifest.set_learner_threads(threads);
  }
  manifest.clear_numerics();
  for (const auto& [key, value] : options.numerics) {
    (*manifest.mutable_numerics())[key] = value;
  }
  session.config = options.config;
  session.threads = static_cast<int>(manifest.learner_threads());
  session.resumed = true;
  KMYRIAD_RETURN_IF_ERROR(directory.WriteManifest(manifest));
  KMYRIAD_RETURN_IF_ERROR(
      directory.WriteConfig(FormatRunConfig(options.config)));
  return session;
}

}  // namespace

absl::StatusOr<ResumeMode> ParseResumeMode(const std::string& name) {
  if (name == "auto") return ResumeMode::kAuto;
  if (name == "never") return ResumeMode::kNever;
  if (name == "must") return ResumeMode::kMust;
  return absl::InvalidArgumentError(
      absl::StrCat("--resume = ", name, ": use auto, never or must"));
}

absl::StatusOr<RunSession> OpenRunSession(const RunSessionOptions& options,
                                          FileSystem& files,
                                          const Clock& clock) {
  if (options.resume == ResumeMode::kMust &&
      !IsRunDirectory(files, options.run_dir)) {
    return absl::FailedPreconditionError(
        absl::StrCat("--run-dir = ", options.run_dir,
                     ": no run to resume; check the name, or leave --resume "
                     "must away"));
  }
  RunSession session;
  KMYRIAD_ASSIGN_OR_RETURN(session.directory,
                           RunDirectory::Open(files, options.run_dir));
  KMYRIAD_ASSIGN_OR_RETURN(session.initial,
                           ReadInitial(options, *session.directory, files));
  if (!session.directory->exists()) {
    return StartRun(options, std::move(session), clock);
  }
  if (options.resume == ResumeMode::kNever) {
    return absl::FailedPreconditionError(
        absl::StrCat("--run-dir = ", options.run_dir,
                     ": holds a run already; choose another name, or leave "
                     "--resume never away"));
  }
  return ResumeRun(options, std::move(session));
}

}  // namespace kmyriad
