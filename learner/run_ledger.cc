#include "learner/run_ledger.h"

#include <limits>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/logging.h"
#include "common/base/status_macros.h"

namespace kmyriad {
namespace {

constexpr size_t kMaxRequestId = 64;

// Storage that fails is UNAVAILABLE to the operator, whatever its reason.
absl::Status StorageFailed(const absl::Status& status) {
  if (status.ok()) return status;
  return absl::UnavailableError(
      absl::StrCat("the run directory cannot be written: ", status.message()));
}

absl::Status CheckRequestId(const std::string& request_id) {
  if (request_id.empty() || request_id.size() > kMaxRequestId) {
    return absl::InvalidArgumentError(absl::StrCat(
        "request_id has ", request_id.size(),
        " characters: give each new request an id of 1..", kMaxRequestId));
  }
  return absl::OkStatus();
}

uint64_t TotalBytes(const v1::CheckpointManifest& manifest) {
  uint64_t bytes = 0;
  for (const v1::CheckpointFile& file : manifest.files()) {
    bytes += file.bytes();
  }
  return bytes;
}

}  // namespace

RunLedger::RunLedger(std::unique_ptr<RunDirectory> directory, uint32_t keep,
                     const Clock& clock)
    : keep_(keep), clock_(clock), directory_(std::move(directory)) {}

RunLedger::Change::Change(RunLedger& ledger) : ledger_(ledger) {
  ledger_.mutex_.Lock();
}

RunLedger::Change::~Change() {
  ledger_.ShowView();
  ledger_.mutex_.Unlock();
}

void RunLedger::ShowView() {
  View view{last_,
            directory_->manifest(),
            directory_->head().paused(),
            last_metrics_,
            directory_->head().checkpoint(),
            saved_bytes_,
            saved_time_};
  absl::MutexLock lock(&view_mutex_);
  std::swap(view, view_);
}

absl::StatusOr<std::unique_ptr<RunLedger>> RunLedger::Open(
    std::unique_ptr<RunDirectory> directory, uint32_t keep,
    const Clock& clock) {
  std::unique_ptr<RunLedger> ledger(
      new RunLedger(std::move(directory), keep, clock));
  {
    const Change change(*ledger);
    KMYRIAD_RETURN_IF_ERROR(ledger->LoadHead());
  }
  return ledger;
}

absl::Status RunLedger::LoadHead() {
  const std::string name = directory_->head().checkpoint();
  if (name.empty()) {
    KMYRIAD_ASSIGN_OR_RETURN(const auto listed,
                             directory_->checkpoints().List());
    // HEAD is written before anything is trained: without it a run's trained
    // checkpoint can only mean that it was lost.
    for (const CheckpointSummary& summary : listed) {
      if (summary.manifest.epoch() > 0 &&
          summary.manifest.run_uuid() == directory_->manifest().run_uuid()) {
        return FallBack(absl::DataLossError("HEAD.json names none"));
      }
    }
    // Nothing was ever committed; a folder that HEAD never reached is void.
    KMYRIAD_RETURN_IF_ERROR(directory_->TruncateMetrics(0));
    for (const CheckpointSummary& summary : listed) {
      KMYRIAD_RETURN_IF_ERROR(directory_->checkpoints().SetAside(summary.name));
    }
    return absl::OkStatus();
  }
  absl::StatusOr<CheckpointContent> content =
      directory_->checkpoints().Load(name);
  if (content.ok()) {
    Adopt(*std::move(content));
    return TidyUp();
  }
  if (!absl::IsDataLoss(content.status()) &&
      !absl::IsNotFound(content.status())) {
    return content.status();
  }
  return FallBack(content.status());
}

absl::Status RunLedger::FallBack(const absl::Status& damage) {
  const std::string head = directory_->head().checkpoint();
  LogError("checkpoint ", head, " is damaged: ", damage.message());
  KMYRIAD_ASSIGN_OR_RETURN(const std::vector<CheckpointSummary> listed,
                           directory_->checkpoints().List());
  // Before a name that says nothing lie all of them.
  const uint64_t head_epoch =
      CheckpointEpoch(head).value_or(std::numeric_limits<uint64_t>::max());
  for (size_t i = listed.size(); i-- > 0;) {
    if (listed[i].manifest.epoch() >= head_epoch) continue;
    absl::StatusOr<CheckpointContent> content =
        directory_->checkpoints().Load(listed[i].name);
    if (!content.ok()) {
      LogError("checkpoint ", listed[i].name,
               " is no use either: ", content.status().message());
      continue;
    }
    LogError("falling back to checkpoint ", listed[i].name,
             ": later epochs are trained again");
    v1::RunHead moved = directory_->head();
    moved.set_checkpoint(listed[i].name);
    KMYRIAD_RETURN_IF_ERROR(directory_->WriteHead(moved));
    Adopt(*std::move(content));
    return TidyUp();
  }
  return absl::DataLossError(absl::StrCat(
      directory_->path(), ": no whole checkpoint is left; the last error was: ",
      damage.message(), ": restore the folder from a copy, or start anew"));
}

void RunLedger::Adopt(CheckpointContent content) {
  saved_bytes_ = TotalBytes(content.manifest);
  last_ = std::make_shared<const CheckpointContent>(std::move(content));
  folder_written_ = persisted_ = true;
}

absl::Status RunLedger::TidyUp() {
  KMYRIAD_RETURN_IF_ERROR(
      directory_->TruncateMetrics(last_->manifest.metrics_bytes()));
  KMYRIAD_ASSIGN_OR_RETURN(last_metrics_, directory_->LastMetrics());
  KMYRIAD_ASSIGN_OR_RETURN(
      const std::vector<std::string> moved,
      directory_->checkpoints().SetAsideAfter(last_->manifest.epoch()));
  for (const std::string& name : moved) {
    LogWarning("checkpoint ", name, " is later than HEAD: set aside");
  }
  return absl::OkStatus();
}

std::shared_ptr<const CheckpointContent> RunLedger::last() const {
  absl::MutexLock lock(&view_mutex_);
  return view_.last;
}

absl::Status RunLedger::Commit(std::shared_ptr<CheckpointContent> content,
                               absl::string_view metrics_line, bool save) {
  const Change change(*this);
  if (restore_ != nullptr) {
    return absl::AbortedError("a restore came in: the epoch is void");
  }
  if (last_ != content) {
    // The line comes first: the manifest says how many bytes belong to it.
    if (!metrics_line.empty()) {
      KMYRIAD_RETURN_IF_ERROR(directory_->AppendMetrics(metrics_line));
      last_metrics_ = std::string(metrics_line);
    }
    content->manifest.set_metrics_bytes(directory_->metrics_bytes());
    last_ = std::move(content);
    folder_written_ = persisted_ = false;
  }
  return save ? SaveLocked() : absl::OkStatus();
}

absl::Status RunLedger::SaveLast() {
  const Change change(*this);
  if (last_ == nullptr) return absl::OkStatus();
  return SaveLocked();
}

absl::Status RunLedger::SaveLocked() {
  if (persisted_) return absl::OkStatus();
  if (!folder_written_) {
    KMYRIAD_ASSIGN_OR_RETURN(const CheckpointSummary summary,
                             directory_->checkpoints().Save(*last_));
    saved_bytes_ = summary.bytes;
    folder_written_ = true;
  }
  v1::RunHead head = directory_->head();
  head.set_checkpoint(CheckpointName(last_->manifest.epoch()));
  KMYRIAD_RETURN_IF_ERROR(directory_->WriteHead(head));
  saved_time_ = clock_.MonotonicSeconds();
  persisted_ = true;
  const absl::Status pruned =
      directory_->checkpoints().Prune(keep_, head.checkpoint());
  if (!pruned.ok()) {
    LogWarning("old checkpoints could not be removed: ", pruned.message());
  }
  return absl::OkStatus();
}

std::shared_ptr<const CheckpointContent> RunLedger::TakeRestore() {
  absl::MutexLock lock(&mutex_);
  restore_pending_ = false;
  return std::exchange(restore_, nullptr);
}

absl::Status RunLedger::WriteManifest(const v1::RunManifest& manifest) {
  const Change change(*this);
  return directory_->WriteManifest(manifest);
}

v1::RunManifest RunLedger::manifest() const {
  absl::MutexLock lock(&view_mutex_);
  return view_.manifest;
}

bool RunLedger::paused() const {
  absl::MutexLock lock(&view_mutex_);
  return view_.paused;
}

absl::StatusOr<bool> RunLedger::FindAnswer(
    const std::string& request_id, absl::string_view method,
    google::protobuf::Message* response) const {
  KMYRIAD_RETURN_IF_ERROR(CheckRequestId(request_id));
  for (const v1::StoredAnswer& answer : directory_->head().answers()) {
    if (answer.request_id() != request_id) continue;
    if (answer.method() != method) {
      return absl::InvalidArgumentError(
          absl::StrCat("request_id = ", request_id, ": was used for ",
                       answer.method(), " before: choose another"));
    }
    if (!response->ParseFromString(answer.response())) {
      return absl::DataLossError(
          absl::StrCat("the stored answer to ", request_id, " is damaged"));
    }
    return true;
  }
  return false;
}

v1::StoredAnswer RunLedger::MakeAnswer(
    const std::string& request_id, absl::string_view method,
    const google::protobuf::Message& response) const {
  v1::StoredAnswer answer;
  answer.set_request_id(request_id);
  answer.set_method(std::string(method));
  answer.set_response(response.SerializeAsString());
  answer.set_time(absl::ToUnixSeconds(clock_.WallTime()));
  return answer;
}

absl::Status RunLedger::WriteHead(v1::RunHead head, v1::StoredAnswer answer) {
  StoreAnswer(std::move(answer), &head);
  return StorageFailed(directory_->WriteHead(head));
}

absl::Status RunLedger::SetPaused(bool paused, v1::StoredAnswer answer) {
  v1::RunHead head = directory_->head();
  head.set_paused(paused);
  return WriteHead(std::move(head), std::move(answer));
}

absl::StatusOr<v1::PauseResponse> RunLedger::Pause(
    const v1::PauseRequest& request) {
  const Change change(*this);
  v1::PauseResponse response;
  KMYRIAD_ASSIGN_OR_RETURN(
      const bool known, FindAnswer(request.request_id(), "Pause", &response));
  if (known) return response;
  response.set_state(v1::RUN_STATE_PAUSED);
  KMYRIAD_RETURN_IF_ERROR(
      SetPaused(true, MakeAnswer(request.request_id(), "Pause", response)));
  return response;
}

absl::StatusOr<v1::ResumeResponse> RunLedger::Resume(
    const v1::ResumeRequest& request) {
  const Change change(*this);
  v1::ResumeResponse response;
  KMYRIAD_ASSIGN_OR_RETURN(
      const bool known, FindAnswer(request.request_id(), "Resume", &response));
  if (known) return response;
  response.set_state(v1::RUN_STATE_RUNNING);
  KMYRIAD_RETURN_IF_ERROR(
      SetPaused(false, MakeAnswer(request.request_id(), "Resume", response)));
  return response;
}

v1::CheckpointInfo RunLedger::LastInfo() const {
  return MakeInfo(last_->manifest, saved_bytes_, /*head=*/true);
}

absl::StatusOr<v1::CheckpointResponse> RunLedger::Checkpoint(
    const v1::CheckpointRequest& request) {
  const Change change(*this);
  v1::CheckpointResponse response;
  KMYRIAD_ASSIGN_OR_RETURN(
      const bool known,
      FindAnswer(request.request_id(), "Checkpoint", &response));
  if (known) return response;
  if (last_ == nullptr) {
    return absl::FailedPreconditionError(
        "the run has not begun: there is nothing to save yet");
  }
  KMYRIAD_RETURN_IF_ERROR(StorageFailed(SaveLocked()));
  *response.mutable_checkpoint() = LastInfo();
  KMYRIAD_RETURN_IF_ERROR(
      WriteHead(directory_->head(),
                MakeAnswer(request.request_id(), "Checkpoint", response)));
  return response;
}

absl::StatusOr<v1::StopResponse> RunLedger::Stop(const v1::StopRequest& request,
                                                 bool* repeated) {
  const Change change(*this);
  v1::StopResponse response;
  KMYRIAD_ASSIGN_OR_RETURN(*repeated,
                           FindAnswer(request.request_id(), "Stop", &response));
  if (*repeated) return response;
  if (last_ != nullptr) {
    KMYRIAD_RETURN_IF_ERROR(StorageFailed(SaveLocked()));
    *response.mutable_checkpoint() = LastInfo();
  }
  KMYRIAD_RETURN_IF_ERROR(WriteHead(
      directory_->head(), MakeAnswer(request.request_id(), "Stop", response)));
  return response;
}

absl::StatusOr<v1::RestoreResponse> RunLedger::Restore(
    const v1::RestoreRequest& request) {
  const Change change(*this);
  v1::RestoreResponse response;
  KMYRIAD_ASSIGN_OR_RETURN(
      const bool known, FindAnswer(request.request_id(), "Restore", &response));
  if (known) return response;
  KMYRIAD_ASSIGN_OR_RETURN(
      CheckpointContent content,
      directory_->checkpoints().Load(request.checkpoint()));
  const v1::CheckpointManifest& manifest = content.manifest;
  *response.mutable_restored() =
      MakeInfo(manifest, TotalBytes(manifest), /*head=*/true);
  response.set_seed(manifest.seed());
  KMYRIAD_ASSIGN_OR_RETURN(const std::vector<CheckpointSummary> listed,
                           directory_->checkpoints().List());
  for (const CheckpointSummary& summary : listed) {
    if (summary.manifest.epoch() > manifest.epoch()) {
      response.add_set_aside(summary.name);
    }
  }
  response.add_not_restored(
      "samples of the epoch in progress: they are computed again");
  if (request.dry_run()) return response;
  v1::RunHead head = directory_->head();
  head.set_checkpoint(CheckpointName(manifest.epoch()));
  KMYRIAD_RETURN_IF_ERROR(WriteHead(
      std::move(head), MakeAnswer(request.request_id(), "Restore", response)));
  // HEAD decides from here on; tidying up is repeated by the next start.
  Adopt(std::move(content));
  restore_ = last_;
  restore_pending_ = true;
  const absl::Status tidied = TidyUp();
  if (!tidied.ok()) {
    LogError("restored to ", request.checkpoint(),
             ", but tidying up failed: ", tidied.message());
  }
  return response;
}

absl::StatusOr<v1::ListCheckpointsResponse> RunLedger::ListCheckpoints() {
  absl::MutexLock lock(&mutex_);
  KMYRIAD_ASSIGN_OR_RETURN(const std::vector<CheckpointSummary> listed,
                           directory_->checkpoints().List());
  return MakeListing(listed, directory_->head());
}

std::string RunLedger::last_metrics() const {
  absl::MutexLock lock(&view_mutex_);
  return view_.last_metrics;
}

std::string RunLedger::last_checkpoint() const {
  absl::MutexLock lock(&view_mutex_);
  return view_.checkpoint;
}

double RunLedger::last_checkpoint_time() const {
  absl::MutexLock lock(&view_mutex_);
  return view_.saved_time;
}

uint64_t RunLedger::last_checkpoint_bytes() const {
  absl::MutexLock lock(&view_mutex_);
  return view_.saved_bytes;
}

absl::StatusOr<uint64_t> RunLedger::FreeBytes() {
  absl::MutexLock lock(&mutex_);
  return directory_->FreeBytes();
}

}  // namespace kmyriad
