#include "deploy/launcher/commands/ctl.h"

#include <poll.h>

#include <cstdio>
#include <memory>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/time.h"
#include "common/base/clock.h"
#include "common/base/file_system.h"
#include "common/base/status_macros.h"
#include "common/process/exit_codes.h"
#include "deploy/launcher/command_output.h"
#include "deploy/launcher/control_client.h"
#include "deploy/launcher/progress.h"
#include "deploy/launcher/run_folder.h"
#include "google/protobuf/util/json_util.h"
#include "learner/checkpoint/run_directory.h"

namespace kmyriad {
namespace {

constexpr char kDefaultLearner[] = "127.0.0.1:50051";

std::string Json(const google::protobuf::Message& message, bool pretty) {
  google::protobuf::util::JsonPrintOptions options;
  options.preserve_proto_field_names = true;
  options.always_print_primitive_fields = true;
  options.add_whitespace = pretty;
  std::string text;
  if (!google::protobuf::util::MessageToJsonString(message, &text, options)
           .ok()) {
    return "{}\n";
  }
  if (text.empty() || text.back() != '\n') text += '\n';
  return text;
}

std::string LearnerOf(const std::vector<Endpoint>& endpoints) {
  for (const Endpoint& endpoint : endpoints) {
    if (endpoint.process == "learner") return endpoint.listening;
  }
  return "";
}

// Addresses of the runs in `runs` that have live endpoints.
std::vector<std::string> LiveLearners(const std::string& runs) {
  FileSystem& files = PosixFileSystem();
  std::vector<std::string> learners;
  const auto names = files.List(runs);
  if (!names.ok()) return learners;
  for (const std::string& name : *names) {
    const auto endpoints = ReadEndpoints(files, JoinPath(runs, name));
    if (endpoints.ok() && AnyAlive(*endpoints)) {
      learners.push_back(LearnerOf(*endpoints));
    }
  }
  return learners;
}

absl::StatusOr<std::string> ResolveLearner(const CtlOptions& options) {
  if (!options.learner.empty()) return options.learner;
  if (options.name.empty()) {
    const std::vector<std::string> live = LiveLearners(options.runs);
    if (live.size() > 1) {
      return absl::InvalidArgumentError(
          absl::StrCat("--name is missing: ", live.size(), " runs are live in ",
                       options.runs));
    }
    return live.empty() ? kDefaultLearner : live.front();
  }
  KMYRIAD_RETURN_IF_ERROR(CheckRunName(options.name));
  const std::string folder = JoinPath(options.runs, options.name);
  const auto endpoints = ReadEndpoints(PosixFileSystem(), folder);
  if (absl::IsNotFound(endpoints.status()) ||
      (endpoints.ok() && !AnyAlive(*endpoints))) {
    return absl::UnavailableError(
        absl::StrCat("--name = ", options.name, ": no live run in ", folder,
                     RunExists(PosixFileSystem(), folder)
                         ? absl::StrCat("; start it with: ", CommandName(),
                                        " train --name ", options.name)
                         : "; there is no such run"));
  }
  KMYRIAD_RETURN_IF_ERROR(endpoints.status());
  return LearnerOf(*endpoints);
}

// "RUN_STATE_PAUSED" -> "paused".
std::string Lower(std::string name, size_t prefix) {
  name.erase(0, prefix);
  for (char& c : name) c = static_cast<char>(std::tolower(c));
  return name;
}
std::string StateText(v1::RunState state) {
  return Lower(v1::RunState_Name(state), sizeof("RUN_STATE_") - 1);
}

void PrintCheckpoint(const v1::CheckpointInfo& info) {
  std::printf("%s  epoch %llu  %s env steps  %s bytes  parameters %s%s\n",
              info.name().c_str(),
              static_cast<unsigned long long>(info.epoch()),
              FormatCount(static_cast<double>(info.env_steps())).c_str(),
              FormatCount(static_cast<double>(info.bytes())).c_str(),
              info.parameters_sha256().substr(0, 12).c_str(),
              info.head() ? "  HEAD" : "");
}

void PrintStatus(const v1::Status& status) {
  const std::string phase =
      Lower(v1::RunPhase_Name(status.phase()), sizeof("RUN_PHASE_") - 1);
  std::printf("run         %s\n", status.run_name().c_str());
  std::printf("state       %s%s%s\n", StateText(status.state()).c_str(),
              status.message().empty() ? "" : ": ", status.message().c_str());
  std::printf("epoch       %llu of %llu, %s %.0f %%\n",
              static_cast<unsigned long long>(status.epoch()),
              static_cast<unsigned long long>(status.target_epochs()),
              phase.c_str(), 100 * status.phase_progress());
  std::printf("env steps   %s, %s per second, ETA %s\n",
              FormatCount(static_cast<double>(status.env_steps())).c_str(),
              FormatCount(status.env_steps_per_second()).c_str(),
              FormatDuration(status.eta_seconds()).c_str());
  std::printf("actors      %u; %u of %u blocks of the epoch\n", status.actors(),
              status.blocks_done(), status.blocks_total());
  std::printf("checkpoint  %s, %s old\n", status.last_checkpoint().c_str(),
              FormatDuration(status.last_checkpoint_age_seconds()).c_str());
  const auto metrics =
      nlohmann::json::parse(status.last_metrics_json(), nullptr, false);
  if (metrics.is_object()) {
    std::printf("entropy     %.3f nats\ncoverage    %.1f %%, ever %.1f %%\n",
                NumberOr(metrics, "entropy_nats", 0),
                100 * NumberOr(metrics, "coverage", 0),
                100 * NumberOr(metrics, "coverage_ever", 0));
  }
  std::printf("parameters  %s\n", status.parameters_sha256().c_str());
}

void PrintRestore(const v1::RestoreResponse& response, bool dry_run) {
  std::printf("%s ", dry_run ? "would restore" : "restored");
  PrintCheckpoint(response.restored());
  std::printf(
      "seed %llu, policy version %llu\n",
      static_cast<unsigned long long>(response.seed()),
      static_cast<unsigned long long>(response.restored().policy_version()));
  for (const std::string& name : response.set_aside()) {
    std::printf("%s %s\n", dry_run ? "would set aside" : "set aside",
                name.c_str());
  }
  for (const std::string& what : response.not_restored()) {
    std::printf("not restored: %s\n", what.c_str());
  }
}

void PrintEvent(const v1::Event& event, bool json) {
  if (json) {
    std::fputs(Json(event, false).c_str(), stdout);
    return;
  }
  const absl::Time time = absl::UnixEpoch() + absl::Seconds(event.time());
  std::printf(
      "%s  %s  %s\n",
      absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", time, absl::UTCTimeZone()).c_str(),
      v1::Event::Kind_Name(event.kind()).c_str(), event.message().c_str());
}

int Watch(ControlClient& client, const CtlOptions& options,
          SignalSource& signals) {
  EventWatcher watcher(client);
  pollfd wake{signals.fd(), POLLIN, 0};
  while (signals.Take().empty()) {
    for (const v1::Event& event : watcher.Take()) {
      PrintEvent(event, options.json);
      std::fflush(stdout);
    }
    poll(&wake, 1, 100);
  }
  return kExitDone;
}

std::string CheckpointName(const std::string& given) {
  uint64_t epoch = 0;
  if (!absl::SimpleAtoi(given, &epoch)) return given;
  return absl::StrFormat("epoch_%06d", epoch);
}

// Prints the answer as JSON, or with `print`.
template <typename Response, typename Print>
absl::StatusOr<int> Answer(const absl::StatusOr<Response>& response,
                           const CtlOptions& options, Print print) {
  KMYRIAD_RETURN_IF_ERROR(response.status());
  if (options.json) {
    std::fputs(Json(*response, true).c_str(), stdout);
  } else {
    print(*response);
  }
  return kExitDone;
}

void PrintListing(const v1::ListCheckpointsResponse& listing) {
  for (const auto& info : listing.checkpoints()) PrintCheckpoint(info);
}

// The checkpoints of a run that no learner has: they lie in its folder.
absl::StatusOr<int> ListStored(const CtlOptions& options) {
  const std::string folder = JoinPath(options.runs, options.name);
  const absl::StatusOr<RunRecord> record =
      ReadRunDirectory(PosixFileSystem(), folder);
  KMYRIAD_RETURN_IF_ERROR(record.status());
  return Answer(absl::StatusOr<v1::ListCheckpointsResponse>(
                    MakeListing(record->checkpoints, record->head)),
                options, PrintListing);
}

absl::StatusOr<int> Ctl(ControlClient& client, const CtlOptions& options,
                        SignalSource& signals) {
  const std::string id =
      options.request_id.empty() ? NewRequestId() : options.request_id;
  const auto print_state = [](const auto& response) {
    std::printf("%s\n", StateText(response.state()).c_str());
  };
  const auto print_checkpoint = [](const auto& response) {
    PrintCheckpoint(response.checkpoint());
  };
  if (options.verb == "status") {
    return Answer(client.GetStatus(), options, PrintStatus);
  }
  if (options.verb == "pause") {
    return Answer(client.Pause(id), options, print_state);
  }
  if (options.verb == "resume") {
    return Answer(client.Resume(id), options, print_state);
  }
  if (options.verb == "checkpoint") {
    return Answer(client.Checkpoint(id), options, print_checkpoint);
  }
  if (options.verb == "stop") {
    return Answer(client.Stop(id), options, print_checkpoint);
  }
  if (options.verb == "list") {
    return Answer(client.ListCheckpoints(), options, PrintListing);
  }
  if (options.verb == "restore") {
    return Answer(
        client.Restore(id, CheckpointName(options.checkpoint), options.dry_run),
        options,
        [&](const auto& response) { PrintRestore(response, options.dry_run); });
  }
  if (options.verb == "events") {
    KMYRIAD_ASSIGN_OR_RETURN(const std::vector<v1::Event> events,
                             client.PastEvents(options.last));
    for (const v1::Event& event : events) PrintEvent(event, options.json);
    return kExitDone;
  }
  // Reachable at all? Watching itself would wait for ever.
  KMYRIAD_RETURN_IF_ERROR(client.GetStatus().status());
  return Watch(client, options, signals);
}

}  // namespace

int RunCtl(const CtlOptions& options, SignalSource& signals) {
  if (options.tls.enabled()) {
    const absl::Status status =
        CheckTlsFiles(options.tls, Role::kOperator, RealClock().WallTime())
            .status();
    if (!status.ok()) {
      return ReportError(absl::InvalidArgumentError(status.message()));
    }
  }
  const absl::StatusOr<std::string> address = ResolveLearner(options);
  if (!address.ok()) {
    const bool stored =
        options.verb == "list" && absl::IsUnavailable(address.status()) &&
        RunExists(PosixFileSystem(), JoinPath(options.runs, options.name));
    const absl::StatusOr<int> code =
        stored ? ListStored(options) : address.status();
    return code.ok() ? *code : ReportError(code.status());
  }
  const auto client =
      ControlClient::Create(*address, options.deadline_seconds, options.tls);
  if (!client.ok()) {
    return ReportError(absl::Status(client.status().code(),
                                    absl::StrCat("--learner = ", *address, ": ",
                                                 client.status().message())));
  }
  const absl::StatusOr<int> code = Ctl(**client, options, signals);
  if (code.ok()) return *code;
  if (absl::IsUnavailable(code.status())) {
    return ReportError(absl::UnavailableError(absl::StrCat(
        options.name.empty() ? absl::StrCat("--learner = ", *address)
                             : absl::StrCat("--name = ", options.name),
        ": ", code.status().message(), "; is a run going on there?")));
  }
  // The learner's own refusals are failures, not configuration errors.
  ReportError(code.status());
  return kExitFailure;
}

}  // namespace kmyriad
