#include "tests/testing/faulty_file_system.h"

#include <utility>

#include "absl/strings/match.h"

namespace kmyriad {
namespace {

bool IsChange(FileOperation operation) {
  switch (operation) {
    case FileOperation::kRead:
    case FileOperation::kSize:
    case FileOperation::kList:
    case FileOperation::kFreeBytes:
    case FileOperation::kLock:
      return false;
    default:
      return true;
  }
}

}  // namespace

void FaultyFileSystem::AddFault(FileFault fault) {
  absl::MutexLock lock(&mutex_);
  faults_.push_back(std::move(fault));
}

void FaultyFileSystem::ClearFaults() {
  absl::MutexLock lock(&mutex_);
  faults_.clear();
}

void FaultyFileSystem::CutPowerAfter(uint64_t changes) {
  absl::MutexLock lock(&mutex_);
  changes_left_ = changes;
  torn_ = false;
}

void FaultyFileSystem::RestorePower() {
  absl::MutexLock lock(&mutex_);
  changes_left_.reset();
}

void FaultyFileSystem::SetFreeBytes(uint64_t bytes) {
  absl::MutexLock lock(&mutex_);
  free_bytes_ = bytes;
}

std::vector<FaultyFileSystem::Call> FaultyFileSystem::calls() const {
  absl::MutexLock lock(&mutex_);
  return calls_;
}

uint64_t FaultyFileSystem::changes() const {
  absl::MutexLock lock(&mutex_);
  return changes_;
}

absl::optional<FaultyFileSystem::Verdict> FaultyFileSystem::JudgePower(
    FileOperation operation, size_t bytes) {
  if (!changes_left_ || !IsChange(operation)) return absl::nullopt;
  if (*changes_left_ > 0) {
    --*changes_left_;
    return absl::nullopt;
  }
  Verdict verdict{absl::InternalError("the power is cut"), absl::nullopt};
  if (!torn_) verdict.torn_bytes = bytes / 2;
  torn_ = true;
  return verdict;
}

FaultyFileSystem::Verdict FaultyFileSystem::Judge(FileOperation operation,
                                                  const std::string& path,
                                                  size_t bytes) {
  absl::MutexLock lock(&mutex_);
  calls_.push_back({operation, path});
  if (absl::optional<Verdict> verdict = JudgePower(operation, bytes)) {
    return *std::move(verdict);
  }
  for (FileFault& fault : faults_) {
    if (fault.operation != operation || !absl::StrContains(path, fault.path)) {
      continue;
    }
    if (fault.skip > 0) {
      --fault.skip;
    } else if (fault.times > 0) {
      --fault.times;
      return {fault.status, fault.torn_bytes};
    }
  }
  if (IsChange(operation)) ++changes_;
  return {absl::OkStatus(), absl::nullopt};
}

absl::StatusOr<std::string> FaultyFileSystem::Read(const std::string& path,
                                                   uint64_t max_bytes) {
  const Verdict verdict = Judge(FileOperation::kRead, path);
  if (!verdict.status.ok()) return verdict.status;
  return base_.Read(path, max_bytes);
}

absl::Status FaultyFileSystem::WriteAndSync(const std::string& path,
                                            absl::string_view content) {
  const Verdict verdict =
      Judge(FileOperation::kWriteAndSync, path, content.size());
  if (verdict.status.ok()) return base_.WriteAndSync(path, content);
  if (verdict.torn_bytes) {
    base_.WriteAndSync(path, content.substr(0, *verdict.torn_bytes))
        .IgnoreError();
  }
  return verdict.status;
}

absl::Status FaultyFileSystem::AtomicReplace(const std::string& path,
                                             absl::string_view content) {
  const Verdict verdict =
      Judge(FileOperation::kAtomicReplace, path, content.size());
  if (verdict.status.ok()) return base_.AtomicReplace(path, content);
  if (verdict.torn_bytes) {
    base_
        .WriteAndSync(path + ".tmp-torn",
                      content.substr(0, *verdict.torn_bytes))
        .IgnoreError();
  }
  return verdict.status;
}

absl::Status FaultyFileSystem::AppendAndSync(const std::string& path,
                                             absl::string_view content) {
  const Verdict verdict =
      Judge(FileOperation::kAppendAndSync, path, content.size());
  if (verdict.status.ok()) return base_.AppendAndSync(path, content);
  if (verdict.torn_bytes) {
    base_.AppendAndSync(path, content.substr(0, *verdict.torn_bytes))
        .IgnoreError();
  }
  return verdict.status;
}

absl::Status FaultyFileSystem::Truncate(const std::string& path,
                                        uint64_t bytes) {
  const Verdict verdict = Judge(FileOperation::kTruncate, path);
  if (!verdict.status.ok()) return verdict.status;
  return base_.Truncate(path, bytes);
}

absl::StatusOr<uint64_t> FaultyFileSystem::Size(const std::string& path) {
  const Verdict verdict = Judge(FileOperation::kSize, path);
  if (!verdict.status.ok()) return verdict.status;
  return base_.Size(path);
}

bool FaultyFileSystem::Exists(const std::string& path) {
  return base_.Exists(path);
}

absl::Status FaultyFileSystem::Rename(const std::string& from,
                                      const std::string& to) {
  const Verdict verdict = Judge(FileOperation::kRename, from);
  if (!verdict.status.ok()) return verdict.status;
  return base_.Rename(from, to);
}

absl::Status FaultyFileSystem::CreateFolders(const std::string& path) {
  const Verdict verdict = Judge(FileOperation::kCreateFolders, path);
  if (!verdict.status.ok()) return verdict.status;
  return base_.CreateFolders(path);
}

absl::StatusOr<std::vector<std::string>> FaultyFileSystem::List(
    const std::string& folder) {
  const Verdict verdict = Judge(FileOperation::kList, folder);
  if (!verdict.status.ok()) return verdict.status;
  return base_.List(folder);
}

absl::Status FaultyFileSystem::RemoveAll(const std::string& path) {
  const Verdict verdict = Judge(FileOperation::kRemoveAll, path);
  if (!verdict.status.ok()) return verdict.status;
  return base_.RemoveAll(path);
}

absl::Status FaultyFileSystem::SyncFolder(const std::string& path) {
  const Verdict verdict = Judge(FileOperation::kSyncFolder, path);
  if (!verdict.status.ok()) return verdict.status;
  return base_.SyncFolder(path);
}

absl::StatusOr<uint64_t> FaultyFileSystem::FreeBytes(const std::string& path) {
  const Verdict verdict = Judge(FileOperation::kFreeBytes, path);
  if (!verdict.status.ok()) return verdict.status;
  {
    absl::MutexLock lock(&mutex_);
    if (free_bytes_) return *free_bytes_;
  }
  return base_.FreeBytes(path);
}

absl::StatusOr<std::unique_ptr<FileLock>> FaultyFileSystem::Lock(
    const std::string& path) {
  const Verdict verdict = Judge(FileOperation::kLock, path);
  if (!verdict.status.ok()) return verdict.status;
  return base_.Lock(path);
}

}  // namespace kmyriad
