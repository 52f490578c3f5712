#include "tests/testing/simulated_disk.h"

#include <algorithm>
#include <random>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/base/status_macros.h"

namespace kmyriad {
namespace {

absl::Status Failure(DiskFault fault) {
  switch (fault) {
    case DiskFault::kFull:
      return absl::ResourceExhaustedError("No space left on device");
    case DiskFault::kReadOnly:
      return absl::PermissionDeniedError("Read-only file system");
    case DiskFault::kSyncFails:
      return absl::InternalError("Input/output error");
    case DiskFault::kPowerCut:
      break;
  }
  return absl::InternalError("the power is cut");
}

absl::Status Missing(const std::string& path) {
  return absl::NotFoundError(
      absl::StrCat("cannot find ", path, ": No such file or directory"));
}

absl::Status At(const absl::Status& status, absl::string_view action,
                const std::string& path) {
  if (status.ok()) return status;
  return absl::Status(status.code(), absl::StrCat("cannot ", action, " ", path,
                                                  ": ", status.message()));
}

std::vector<std::string> Parts(const std::string& path) {
  return absl::StrSplit(path, '/', absl::SkipEmpty());
}

}  // namespace

class SimulatedDisk::HeldLock : public FileLock {
 public:
  HeldLock(SimulatedDisk& disk, std::string path)
      : disk_(disk), path_(std::move(path)) {}
  ~HeldLock() override {
    absl::MutexLock lock(&disk_.mutex_);
    disk_.locks_.erase(path_);
  }

 private:
  SimulatedDisk& disk_;
  const std::string path_;
};

SimulatedDisk::SimulatedDisk() {
  nodes_.emplace_back();
  nodes_.back().folder = true;
}

SimulatedDisk::SimulatedDisk(const SimulatedDisk& other) : FileSystem(other) {
  absl::MutexLock lock(&other.mutex_);
  nodes_ = other.nodes_;
  pending_ = other.pending_;
  steps_ = other.steps_;
  temporary_ = other.temporary_;
  capacity_ = other.capacity_;
  lies_ = other.lies_;
}

void SimulatedDisk::Break(DiskFault fault, uint64_t steps, uint64_t times) {
  absl::MutexLock lock(&mutex_);
  fault_ = fault;
  fault_begin_ = steps_ + steps;
  fault_times_ = times;
}

void SimulatedDisk::Repair() {
  absl::MutexLock lock(&mutex_);
  fault_times_ = 0;
}

void SimulatedDisk::SetCapacity(uint64_t bytes) {
  absl::MutexLock lock(&mutex_);
  capacity_ = bytes;
}

void SimulatedDisk::OnSync(std::function<void()> hook) {
  absl::MutexLock lock(&mutex_);
  on_sync_ = std::move(hook);
}

void SimulatedDisk::LieAboutSync() {
  absl::MutexLock lock(&mutex_);
  lies_ = true;
}

uint64_t SimulatedDisk::steps() const {
  absl::MutexLock lock(&mutex_);
  return steps_;
}

uint64_t SimulatedDisk::used() const {
  absl::MutexLock lock(&mutex_);
  return UsedLocked();
}

uint64_t SimulatedDisk::UsedLocked() const {
  uint64_t bytes = 0;
  std::vector<NodeId> open = {0};
  while (!open.empty()) {
    const Node& node = nodes_[open.back()];
    open.pop_back();
    bytes += node.content.size();
    for (const auto& [name, child] : node.entries) open.push_back(child);
  }
  return bytes;
}

void SimulatedDisk::Reboot(const CrashOutcome& outcome) {
  absl::MutexLock lock(&mutex_);
  fault_times_ = 0;
  locks_.clear();
  std::mt19937_64 random(outcome.seed);
  size_t kept = pending_.size();
  if (outcome.kind == CrashOutcome::kLost) kept = 0;
  if (outcome.kind == CrashOutcome::kMixed) kept = random() % (kept + 1);
  for (size_t i = 0; i < kept; ++i) Persist(pending_[i]);
  pending_.clear();
  for (Node& node : nodes_) {
    node.lost = false;
    if (node.folder || outcome.kind == CrashOutcome::kKept) {
      node.durable_content = node.content;
    } else if (outcome.kind == CrashOutcome::kMixed &&
               node.content != node.durable_content) {
      const uint64_t choice = random() % 4;
      const size_t part =
          node.durable_prefix +
          random() % (node.content.size() - node.durable_prefix + 1);
      if (choice == 1) node.durable_content = node.content;
      if (choice >= 2) node.durable_content = node.content.substr(0, part);
      if (choice == 3) node.durable_content.resize(node.content.size());
    }
    node.content = node.durable_content;
    node.durable_prefix = node.content.size();
    node.entries = node.durable_entries;
  }
}

// --- Steps ---

uint64_t SimulatedDisk::Take(Step step, uint64_t count, absl::Status* status) {
  const bool concerns =
      fault_ == DiskFault::kFull
          ? step == Step::kCreate || step == Step::kWrite
          : fault_ != DiskFault::kSyncFails || step == Step::kSync;
  uint64_t taken = count;
  if (fault_times_ > 0 && concerns) {
    taken = std::min(count, fault_begin_ - std::min(fault_begin_, steps_));
  }
  steps_ += taken;
  if (taken == count) return taken;
  // A power cut never ends by itself.
  if (fault_ != DiskFault::kPowerCut) --fault_times_;
  *status = Failure(fault_);
  return taken;
}

absl::Status SimulatedDisk::TakeOne(Step step) {
  absl::Status status;
  Take(step, 1, &status);
  return status;
}

absl::StatusOr<SimulatedDisk::Place> SimulatedDisk::Find(
    const std::string& path) const {
  std::vector<std::string> parts = Parts(path);
  if (parts.empty()) return absl::InvalidArgumentError("the root has no name");
  Place place;
  place.name = std::move(parts.back());
  parts.pop_back();
  for (const std::string& part : parts) {
    const auto& entries = nodes_[place.folder].entries;
    const auto found = entries.find(part);
    if (found == entries.end()) return Missing(path);
    place.folder = found->second;
  }
  return place;
}

absl::StatusOr<SimulatedDisk::NodeId> SimulatedDisk::FindNode(
    const std::string& path) const {
  if (Parts(path).empty()) return NodeId{0};
  KMYRIAD_ASSIGN_OR_RETURN(const Place place, Find(path));
  const auto& entries = nodes_[place.folder].entries;
  const auto found = entries.find(place.name);
  if (found == entries.end()) return Missing(path);
  return found->second;
}

absl::StatusOr<SimulatedDisk::NodeId> SimulatedDisk::MakeNode(
    const Place& place, bool folder) {
  KMYRIAD_RETURN_IF_ERROR(TakeOne(Step::kCreate));
  const NodeId id = nodes_.size();
  nodes_.emplace_back();
  nodes_.back().folder = folder;
  nodes_[place.folder].entries[place.name] = id;
  pending_.push_back({place.folder, place.folder, "", place.name, id});
  return id;
}

absl::Status SimulatedDisk::WriteBytes(NodeId node, absl::string_view content) {
  absl::Status status;
  const uint64_t room = capacity_ - std::min(capacity_, UsedLocked());
  const uint64_t fitting = std::min<uint64_t>(content.size(), room);
  const uint64_t taken = Take(Step::kWrite, fitting, &status);
  if (taken > 0) nodes_[node].lost = false;
  nodes_[node].content.append(content.data(), taken);
  if (status.ok() && taken < content.size()) return Failure(DiskFault::kFull);
  return status;
}

absl::Status SimulatedDisk::SyncNode(NodeId id) {
  if (on_sync_) {
    const std::function<void()> hook = on_sync_;
    mutex_.Unlock();
    hook();
    mutex_.Lock();
  }
  absl::Status status = TakeOne(Step::kSync);
  Node& node = nodes_[id];
  if (!status.ok()) {
    node.lost = fault_ == DiskFault::kSyncFails && !node.folder;
    return status;
  }
  if (lies_ || node.lost) return status;
  if (!node.folder) {
    node.durable_content = node.content;
    node.durable_prefix = node.content.size();
    return status;
  }
  std::vector<Move> rest;
  for (Move& move : pending_) {
    if (move.from_folder == id || move.to_folder == id) {
      Persist(move);
    } else {
      rest.push_back(std::move(move));
    }
  }
  pending_ = std::move(rest);
  return status;
}

void SimulatedDisk::Persist(const Move& move) {
  if (!move.from.empty()) {
    nodes_[move.from_folder].durable_entries.erase(move.from);
  }
  if (!move.to.empty()) {
    nodes_[move.to_folder].durable_entries[move.to] = move.node;
  }
}

absl::Status SimulatedDisk::CutNode(NodeId node, uint64_t bytes) {
  KMYRIAD_RETURN_IF_ERROR(TakeOne(Step::kChange));
  nodes_[node].content.resize(bytes);
  nodes_[node].durable_prefix =
      std::min<size_t>(nodes_[node].durable_prefix, bytes);
  return absl::OkStatus();
}

absl::Status SimulatedDisk::RenameLocked(const Place& from, const Place& to) {
  auto& source = nodes_[from.folder].entries;
  const auto found = source.find(from.name);
  if (found == source.end()) return Missing(from.name);
  KMYRIAD_RETURN_IF_ERROR(TakeOne(Step::kChange));
  const NodeId node = found->second;
  source.erase(found);
  nodes_[to.folder].entries[to.name] = node;
  pending_.push_back({from.folder, to.folder, from.name, to.name, node});
  return absl::OkStatus();
}

absl::Status SimulatedDisk::Remove(const Place& place) {
  const NodeId node = nodes_[place.folder].entries.at(place.name);
  std::vector<std::string> names;
  for (const auto& [name, child] : nodes_[node].entries) names.push_back(name);
  for (const std::string& name : names) {
    KMYRIAD_RETURN_IF_ERROR(Remove({node, name}));
  }
  KMYRIAD_RETURN_IF_ERROR(TakeOne(Step::kChange));
  nodes_[place.folder].entries.erase(place.name);
  pending_.push_back({place.folder, place.folder, place.name, "", node});
  return absl::OkStatus();
}

absl::Status SimulatedDisk::Write(const std::string& path,
                                  absl::string_view content) {
  KMYRIAD_ASSIGN_OR_RETURN(const Place place, Find(path));
  const auto& entries = nodes_[place.folder].entries;
  const auto found = entries.find(place.name);
  NodeId node = 0;
  if (found == entries.end()) {
    KMYRIAD_ASSIGN_OR_RETURN(node, MakeNode(place, false));
  } else {
    node = found->second;
    KMYRIAD_RETURN_IF_ERROR(CutNode(node, 0));
  }
  KMYRIAD_RETURN_IF_ERROR(WriteBytes(node, content));
  return SyncNode(node);
}

absl::Status SimulatedDisk::MakeFolders(const std::string& path) {
  NodeId folder = 0;
  for (const std::string& part : Parts(path)) {
    const auto found = nodes_[folder].entries.find(part);
    if (found != nodes_[folder].entries.end()) {
      folder = found->second;
      continue;
    }
    KMYRIAD_ASSIGN_OR_RETURN(const NodeId node, MakeNode({folder, part}, true));
    KMYRIAD_RETURN_IF_ERROR(SyncNode(folder));
    folder = node;
  }
  return absl::OkStatus();
}

// --- FileSystem ---

absl::StatusOr<std::string> SimulatedDisk::Read(const std::string& path,
                                                uint64_t max_bytes) {
  absl::MutexLock lock(&mutex_);
  KMYRIAD_ASSIGN_OR_RETURN(const NodeId node, FindNode(path));
  if (nodes_[node].folder) return absl::InternalError("Is a directory");
  if (nodes_[node].content.size() > max_bytes) {
    return absl::InvalidArgumentError(absl::StrCat(path, " is too large"));
  }
  return nodes_[node].content;
}

absl::Status SimulatedDisk::WriteAndSync(const std::string& path,
                                         absl::string_view content) {
  absl::MutexLock lock(&mutex_);
  return At(Write(path, content), "write", path);
}

absl::Status SimulatedDisk::AtomicReplace(const std::string& path,
                                          absl::string_view content) {
  absl::MutexLock lock(&mutex_);
  const std::string temporary = absl::StrCat(path, ".tmp-", ++temporary_);
  KMYRIAD_ASSIGN_OR_RETURN(const Place to, Find(path));
  KMYRIAD_ASSIGN_OR_RETURN(const Place from, Find(temporary));
  absl::Status status = Write(temporary, content);
  if (status.ok()) status = RenameLocked(from, to);
  if (!status.ok()) {
    if (nodes_[from.folder].entries.contains(from.name)) {
      Remove(from).IgnoreError();
    }
    return At(status, "replace", path);
  }
  return At(SyncNode(to.folder), "sync", path);
}

absl::Status SimulatedDisk::AppendAndSync(const std::string& path,
                                          absl::string_view content) {
  absl::MutexLock lock(&mutex_);
  KMYRIAD_ASSIGN_OR_RETURN(const Place place, Find(path));
  const auto& entries = nodes_[place.folder].entries;
  const auto found = entries.find(place.name);
  const bool existed = found != entries.end();
  NodeId node = 0;
  if (existed) {
    node = found->second;
  } else {
    absl::StatusOr<NodeId> made = MakeNode(place, false);
    if (!made.ok()) return At(made.status(), "append to", path);
    node = *made;
  }
  const uint64_t size = nodes_[node].content.size();
  absl::Status status = WriteBytes(node, content);
  if (status.ok()) status = SyncNode(node);
  if (!status.ok()) {
    if (CutNode(node, size).ok()) SyncNode(node).IgnoreError();
    return At(status, "write", path);
  }
  return existed ? absl::OkStatus() : At(SyncNode(place.folder), "sync", path);
}

absl::Status SimulatedDisk::Truncate(const std::string& path, uint64_t bytes) {
  absl::MutexLock lock(&mutex_);
  KMYRIAD_ASSIGN_OR_RETURN(const NodeId node, FindNode(path));
  KMYRIAD_RETURN_IF_ERROR(At(CutNode(node, bytes), "truncate", path));
  return At(SyncNode(node), "sync", path);
}

absl::StatusOr<uint64_t> SimulatedDisk::Size(const std::string& path) {
  absl::MutexLock lock(&mutex_);
  KMYRIAD_ASSIGN_OR_RETURN(const NodeId node, FindNode(path));
  return nodes_[node].content.size();
}

bool SimulatedDisk::Exists(const std::string& path) {
  absl::MutexLock lock(&mutex_);
  return FindNode(path).ok();
}

absl::Status SimulatedDisk::Rename(const std::string& from,
                                   const std::string& to) {
  absl::MutexLock lock(&mutex_);
  KMYRIAD_ASSIGN_OR_RETURN(const Place source, Find(from));
  KMYRIAD_ASSIGN_OR_RETURN(const Place target, Find(to));
  const auto& entries = nodes_[target.folder].entries;
  const auto found = entries.find(target.name);
  if (found != entries.end() && !nodes_[found->second].entries.empty()) {
    return absl::AlreadyExistsError(absl::StrCat(to, " is there"));
  }
  KMYRIAD_RETURN_IF_ERROR(At(RenameLocked(source, target), "rename", from));
  KMYRIAD_RETURN_IF_ERROR(At(SyncNode(target.folder), "sync", to));
  if (source.folder == target.folder) return absl::OkStatus();
  return At(SyncNode(source.folder), "sync", from);
}

absl::Status SimulatedDisk::CreateFolders(const std::string& path) {
  absl::MutexLock lock(&mutex_);
  return At(MakeFolders(path), "create folder", path);
}

absl::StatusOr<std::vector<std::string>> SimulatedDisk::List(
    const std::string& folder) {
  absl::MutexLock lock(&mutex_);
  KMYRIAD_ASSIGN_OR_RETURN(const NodeId node, FindNode(folder));
  std::vector<std::string> names;
  for (const auto& [name, child] : nodes_[node].entries) names.push_back(name);
  return names;
}

absl::Status SimulatedDisk::RemoveAll(const std::string& path) {
  absl::MutexLock lock(&mutex_);
  if (!FindNode(path).ok()) return absl::OkStatus();
  KMYRIAD_ASSIGN_OR_RETURN(const Place place, Find(path));
  return At(Remove(place), "remove", path);
}

absl::Status SimulatedDisk::SyncFolder(const std::string& path) {
  absl::MutexLock lock(&mutex_);
  KMYRIAD_ASSIGN_OR_RETURN(const NodeId node, FindNode(path));
  return At(SyncNode(node), "sync", path);
}

absl::StatusOr<uint64_t> SimulatedDisk::FreeBytes(const std::string& path) {
  absl::MutexLock lock(&mutex_);
  KMYRIAD_RETURN_IF_ERROR(FindNode(path).status());
  return capacity_ - std::min(capacity_, UsedLocked());
}

absl::StatusOr<std::unique_ptr<FileLock>> SimulatedDisk::Lock(
    const std::string& path) {
  absl::MutexLock lock(&mutex_);
  if (!FindNode(path).ok()) {
    KMYRIAD_ASSIGN_OR_RETURN(const Place place, Find(path));
    KMYRIAD_RETURN_IF_ERROR(At(MakeNode(place, false).status(), "lock", path));
  }
  if (!locks_.insert(path).second) {
    return absl::UnavailableError(absl::StrCat(path, " is locked"));
  }
  return std::unique_ptr<FileLock>(std::make_unique<HeldLock>(*this, path));
}

}  // namespace kmyriad
