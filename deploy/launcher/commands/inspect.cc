#include "deploy/launcher/commands/inspect.h"

#include <cstdio>

#include "absl/strings/str_cat.h"
#include "common/base/file_system.h"
#include "common/base/status_macros.h"
#include "common/process/exit_codes.h"
#include "deploy/launcher/command_output.h"
#include "deploy/launcher/progress.h"
#include "learner/checkpoint/checkpointer.h"
#include "learner/checkpoint/run_directory.h"
#include "nlohmann/json.hpp"

namespace kmyriad {
namespace {

nlohmann::json Describe(const CheckpointSummary& summary) {
  const v1::CheckpointManifest& m = summary.manifest;
  nlohmann::json files = nlohmann::json::array();
  for (const v1::CheckpointFile& file : m.files()) {
    files.push_back({{"name", file.name()},
                     {"bytes", file.bytes()},
                     {"sha256", file.sha256()}});
  }
  nlohmann::json counters = nlohmann::json::object();
  for (const auto& [name, value] : m.counters()) counters[name] = value;
  nlohmann::json metrics = nlohmann::json::object();
  for (const auto& [name, value] : m.metrics()) metrics[name] = value;
  return {{"checkpoint", summary.name},
          {"path", summary.folder},
          {"run_uuid", m.run_uuid()},
          {"seed", m.seed()},
          {"epoch", m.epoch()},
          {"policy_version", m.policy_version()},
          {"env_steps", m.env_steps()},
          {"parameters_sha256", m.parameters_sha256()},
          {"optimizer_sha256", m.optimizer_sha256()},
          {"policy_hash", m.policy_hash()},
          {"bytes", summary.bytes},
          {"elapsed_seconds", m.elapsed_seconds()},
          {"counters", counters},
          {"metrics", metrics},
          {"revision", m.revision()},
          {"format_version", m.format_version()},
          {"files", files}};
}

void AddRun(const RunRecord& record, nlohmann::json& object) {
  nlohmann::json names = nlohmann::json::array();
  for (const CheckpointSummary& checkpoint : record.checkpoints) {
    names.push_back(checkpoint.name);
  }
  nlohmann::json numerics = nlohmann::json::object();
  for (const auto& [name, value] : record.manifest.numerics()) {
    numerics[name] = value;
  }
  object["run"] = {{"name", record.manifest.name()},
                   {"created_utc", record.manifest.created_utc()},
                   {"revision", record.manifest.revision()},
                   {"forked_from", record.manifest.forked_from()},
                   {"task", record.manifest.environment().task()},
                   {"terrain", record.manifest.environment().terrain()},
                   {"fingerprint", record.manifest.fingerprint()},
                   {"golden_digest", record.manifest.golden_digest()},
                   {"learner_threads", record.manifest.learner_threads()},
                   {"numerics", numerics},
                   {"paused", record.head.paused()},
                   {"epochs_in_metrics", record.metrics.size()},
                   {"checkpoints", names}};
}

void PrintText(const nlohmann::json& object) {
  const auto text = [&object](const char* key) {
    return object[key].is_string() ? object[key].get<std::string>()
                                   : object[key].dump();
  };
  std::printf("checkpoint      %s, all hashes verified\n",
              text("path").c_str());
  for (const char* key :
       {"epoch", "env_steps", "policy_version", "seed", "run_uuid",
        "parameters_sha256", "optimizer_sha256", "policy_hash", "revision"}) {
    std::printf("%-18s%s\n", key, text(key).c_str());
  }
  std::printf("%-18s%s\n", "bytes",
              FormatCount(object["bytes"].get<double>()).c_str());
  std::printf("%-18s%s\n", "elapsed",
              FormatDuration(object["elapsed_seconds"].get<double>()).c_str());
  if (object.contains("run")) {
    const nlohmann::json& run = object["run"];
    std::printf("%-18s%s, created %s\n", "run",
                run["name"].get<std::string>().c_str(),
                run["created_utc"].get<std::string>().c_str());
    std::printf("%-18s%s in %s\n", "environment",
                run["task"].get<std::string>().c_str(),
                run["terrain"].get<std::string>().c_str());
    std::printf("%-18s%zu\n", "checkpoints", run["checkpoints"].size());
  }
}

absl::StatusOr<nlohmann::json> Inspect(const InspectOptions& options) {
  FileSystem& files = PosixFileSystem();
  std::string target = options.target;
  while (target.size() > 1 && target.back() == '/') target.pop_back();
  if (!files.Exists(target)) {
    const std::string run = JoinPath(options.runs, target);
    if (!files.Exists(run)) {
      return absl::NotFoundError(
          absl::StrCat(options.target, ": neither a folder nor a run in ",
                       options.runs, "; give the folder, or --runs"));
    }
    target = run;
  }
  if (!IsRunDirectory(files, target)) {
    KMYRIAD_ASSIGN_OR_RETURN(const CheckpointSummary summary,
                             VerifyCheckpoint(files, target));
    return Describe(summary);
  }
  KMYRIAD_ASSIGN_OR_RETURN(const RunRecord record,
                           ReadRunDirectory(files, target));
  if (record.head.checkpoint().empty()) {
    return absl::NotFoundError(
        absl::StrCat(target, ": the run has no checkpoint yet"));
  }
  KMYRIAD_ASSIGN_OR_RETURN(
      const CheckpointSummary summary,
      VerifyCheckpoint(files, JoinPath(JoinPath(target, "checkpoints"),
                                       record.head.checkpoint())));
  nlohmann::json object = Describe(summary);
  AddRun(record, object);
  return object;
}

}  // namespace

int RunInspect(const InspectOptions& options) {
  const absl::StatusOr<nlohmann::json> object = Inspect(options);
  if (!object.ok()) {
    ReportError(object.status());
    return kExitFailure;
  }
  if (options.json) {
    std::printf("%s\n", object->dump(2).c_str());
  } else {
    PrintText(*object);
  }
  return kExitDone;
}

}  // namespace kmyriad
