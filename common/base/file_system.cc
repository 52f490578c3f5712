#include "common/base/file_system.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <filesystem>
#include <system_error>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"

namespace kmyriad {
namespace {

absl::StatusCode CodeOf(int error) {
  switch (error) {
    case ENOENT:
    case ENOTDIR:
      return absl::StatusCode::kNotFound;
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
      return absl::StatusCode::kResourceExhausted;
    case EACCES:
    case EPERM:
    case EROFS:
      return absl::StatusCode::kPermissionDenied;
    case EEXIST:
    case ENOTEMPTY:
      return absl::StatusCode::kAlreadyExists;
    default:
      return absl::StatusCode::kInternal;
  }
}

absl::Status SystemError(int error, absl::string_view action,
                         absl::string_view path) {
  return absl::Status(CodeOf(error),
                      absl::StrCat("cannot ", action, " ", path, ": ",
                                   std::generic_category().message(error)));
}

// Folder that holds `path`.
std::string ParentOf(const std::string& path) {
  size_t end = path.find_last_not_of('/');
  if (end == std::string::npos) return "/";
  const size_t slash = path.find_last_of('/', end);
  if (slash == std::string::npos) return ".";
  end = path.find_last_not_of('/', slash);
  return end == std::string::npos ? "/" : path.substr(0, end + 1);
}

// An open file, closed at the end of its life.
class Descriptor {
 public:
  Descriptor() = default;
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() {
    if (fd_ >= 0) close(fd_);
  }
  Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }

  int get() const { return fd_; }
  // Some file systems report failed writes only here.
  absl::Status Close(const std::string& path) {
    if (close(std::exchange(fd_, -1)) != 0 && errno != EINTR) {
      return SystemError(errno, "close", path);
    }
    return absl::OkStatus();
  }

 private:
  int fd_ = -1;
};

absl::StatusOr<Descriptor> Open(const std::string& path, int flags,
                                absl::string_view action) {
  int fd;
  do {
    fd = open(path.c_str(), flags | O_CLOEXEC, 0666);
  } while (fd < 0 && errno == EINTR);
  if (fd < 0) return SystemError(errno, action, path);
  return Descriptor(fd);
}

absl::Status WriteAll(const Descriptor& file, absl::string_view content,
                      const std::string& path) {
  while (!content.empty()) {
    const ssize_t written = write(file.get(), content.data(), content.size());
    if (written < 0) {
      if (errno == EINTR) continue;
      return SystemError(errno, "write", path);
    }
    content.remove_prefix(static_cast<size_t>(written));
  }
  return absl::OkStatus();
}

absl::Status Sync(const Descriptor& file, const std::string& path) {
  if (fsync(file.get()) != 0) return SystemError(errno, "sync", path);
  return absl::OkStatus();
}

class HeldLock : public FileLock {
 public:
  explicit HeldLock(Descriptor file) : file_(std::move(file)) {}

 private:
  // The lock belongs to the open file, so that closing releases it.
  Descriptor file_;
};

class Posix : public FileSystem {
 public:
  absl::StatusOr<std::string> Read(const std::string& path,
                                   uint64_t max_bytes) override;
  absl::Status WriteAndSync(const std::string& path,
                            absl::string_view content) override;
  absl::Status AtomicReplace(const std::string& path,
                             absl::string_view content) override;
  absl::Status AppendAndSync(const std::string& path,
                             absl::string_view content) override;
  absl::Status Truncate(const std::string& path, uint64_t bytes) override;
  absl::StatusOr<uint64_t> Size(const std::string& path) override;
  bool Exists(const std::string& path) override;
  absl::Status Rename(const std::string& from, const std::string& to) override;
  absl::Status CreateFolders(const std::string& path) override;
  absl::StatusOr<std::vector<std::string>> List(
      const std::string& folder) override;
  absl::Status RemoveAll(const std::string& path) override;
  absl::Status SyncFolder(const std::string& path) override;
  absl::StatusOr<uint64_t> FreeBytes(const std::string& path) override;
  absl::StatusOr<std::unique_ptr<FileLock>> Lock(
      const std::string& path) override;

 private:
  // Distinguishes the temporary files of this process.
  std::atomic<uint64_t> temporary_{0};
};

absl::StatusOr<std::string> Posix::Read(const std::string& path,
                                        uint64_t max_bytes) {
  KMYRIAD_ASSIGN_OR_RETURN(const Descriptor file, Open(path, O_RDONLY, "read"));
  struct stat info;
  if (fstat(file.get(), &info) != 0) return SystemError(errno, "read", path);
  const auto too_large = [&] {
    return absl::InvalidArgumentError(
        absl::StrCat(path, " is larger than the ", max_bytes,
                     " bytes that are read; is it the right file?"));
  };
  const auto size = static_cast<uint64_t>(info.st_size);
  if (S_ISREG(info.st_mode) && size > max_bytes) return too_large();
  // Pipes and /proc do not tell their size: the end of the file decides.
  std::string content;
  // Not on the stack: the threads that serve /metrics have little of it.
  std::vector<char> buffer(1 << 16);
  if (S_ISREG(info.st_mode)) content.reserve(size);
  while (true) {
    const ssize_t got = read(file.get(), buffer.data(), buffer.size());
    if (got == 0) return content;
    if (got < 0) {
      if (errno == EINTR) continue;
      return SystemError(errno, "read", path);
    }
    if (content.size() + static_cast<size_t>(got) > max_bytes) {
      return too_large();
    }
    content.append(buffer.data(), static_cast<size_t>(got));
  }
}

absl::Status Posix::WriteAndSync(const std::string& path,
                                 absl::string_view content) {
  KMYRIAD_ASSIGN_OR_RETURN(Descriptor file,
                           Open(path, O_WRONLY | O_CREAT | O_TRUNC, "write"));
  KMYRIAD_RETURN_IF_ERROR(WriteAll(file, content, path));
  KMYRIAD_RETURN_IF_ERROR(Sync(file, path));
  return file.Close(path);
}

absl::Status Posix::AtomicReplace(const std::string& path,
                                  absl::string_view content) {
  const std::string temporary =
      absl::StrCat(path, ".tmp-", getpid(), "-", ++temporary_);
  absl::Status status = WriteAndSync(temporary, content);
  if (status.ok() && rename(temporary.c_str(), path.c_str()) != 0) {
    status = SystemError(errno, "replace", path);
  }
  if (!status.ok()) {
    unlink(temporary.c_str());
    return status;
  }
  return SyncFolder(ParentOf(path));
}

absl::Status Posix::AppendAndSync(const std::string& path,
                                  absl::string_view content) {
  const bool existed = Exists(path);
  KMYRIAD_ASSIGN_OR_RETURN(
      Descriptor file, Open(path, O_WRONLY | O_CREAT | O_APPEND, "append to"));
  struct stat info;
  if (fstat(file.get(), &info) != 0) return SystemError(errno, "size", path);
  absl::Status status = WriteAll(file, content, path);
  if (status.ok()) status = Sync(file, path);
  if (!status.ok()) {
    // Best effort: the first error is the one to report.
    if (ftruncate(file.get(), info.st_size) == 0) fsync(file.get());
    return status;
  }
  KMYRIAD_RETURN_IF_ERROR(file.Close(path));
  return existed ? absl::OkStatus() : SyncFolder(ParentOf(path));
}

absl::Status Posix::Truncate(const std::string& path, uint64_t bytes) {
  KMYRIAD_ASSIGN_OR_RETURN(Descriptor file, Open(path, O_WRONLY, "truncate"));
  if (ftruncate(file.get(), static_cast<off_t>(bytes)) != 0) {
    return SystemError(errno, "truncate", path);
  }
  KMYRIAD_RETURN_IF_ERROR(Sync(file, path));
  return file.Close(path);
}

absl::StatusOr<uint64_t> Posix::Size(const std::string& path) {
  struct stat info;
  if (stat(path.c_str(), &info) != 0) {
    return SystemError(errno, "find", path);
  }
  return static_cast<uint64_t>(info.st_size);
}

bool Posix::Exists(const std::string& path) {
  struct stat info;
  return stat(path.c_str(), &info) == 0;
}

absl::Status Posix::Rename(const std::string& from, const std::string& to) {
  if (rename(from.c_str(), to.c_str()) != 0) {
    return SystemError(errno, "rename", absl::StrCat(from, " to ", to));
  }
  const std::string parent = ParentOf(to);
  KMYRIAD_RETURN_IF_ERROR(SyncFolder(parent));
  const std::string old_parent = ParentOf(from);
  return old_parent == parent ? absl::OkStatus() : SyncFolder(old_parent);
}

absl::Status Posix::CreateFolders(const std::string& path) {
  struct stat info;
  if (stat(path.c_str(), &info) == 0) {
    if (S_ISDIR(info.st_mode)) return absl::OkStatus();
    return SystemError(EEXIST, "create folder", path);
  }
  const std::string parent = ParentOf(path);
  if (parent != path) KMYRIAD_RETURN_IF_ERROR(CreateFolders(parent));
  if (mkdir(path.c_str(), 0777) != 0) {
    const int error = errno;
    // Somebody else may have made it just now.
    if (error == EEXIST && stat(path.c_str(), &info) == 0 &&
        S_ISDIR(info.st_mode)) {
      return absl::OkStatus();
    }
    return SystemError(error, "create folder", path);
  }
  return SyncFolder(parent);
}

absl::StatusOr<std::vector<std::string>> Posix::List(
    const std::string& folder) {
  DIR* const stream = opendir(folder.c_str());
  if (stream == nullptr) return SystemError(errno, "list", folder);
  std::vector<std::string> names;
  errno = 0;
  while (const dirent* entry = readdir(stream)) {
    const absl::string_view name(entry->d_name);
    if (name != "." && name != "..") names.emplace_back(name);
    errno = 0;
  }
  const int error = errno;
  closedir(stream);
  if (error != 0) return SystemError(error, "list", folder);
  std::sort(names.begin(), names.end());
  return names;
}

absl::Status Posix::RemoveAll(const std::string& path) {
  std::error_code error;
  std::filesystem::remove_all(path, error);
  if (error) return SystemError(error.value(), "remove", path);
  return absl::OkStatus();
}

absl::Status Posix::SyncFolder(const std::string& path) {
  KMYRIAD_ASSIGN_OR_RETURN(const Descriptor folder,
                           Open(path, O_RDONLY | O_DIRECTORY, "open folder"));
  return Sync(folder, path);
}

absl::StatusOr<uint64_t> Posix::FreeBytes(const std::string& path) {
  struct statvfs info;
  if (statvfs(path.c_str(), &info) != 0) {
    return SystemError(errno, "measure the volume of", path);
  }
  return static_cast<uint64_t>(info.f_bavail) * info.f_frsize;
}

absl::StatusOr<std::unique_ptr<FileLock>> Posix::Lock(const std::string& path) {
  KMYRIAD_ASSIGN_OR_RETURN(Descriptor file,
                           Open(path, O_RDWR | O_CREAT, "lock"));
  if (flock(file.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) return SystemError(errno, "lock", path);
    const absl::StatusOr<std::string> holder = Read(path, 64);
    return absl::UnavailableError(absl::StrCat(
        path, " is locked by process ",
        holder.ok() && !holder->empty() ? absl::StripAsciiWhitespace(*holder)
                                        : absl::string_view("(unknown)"),
        "; wait for it or stop it"));
  }
  // For people; a full disk holds the lock all the same.
  if (ftruncate(file.get(), 0) == 0) {
    WriteAll(file, absl::StrCat(getpid(), "\n"), path).IgnoreError();
  }
  return std::unique_ptr<FileLock>(std::make_unique<HeldLock>(std::move(file)));
}

}  // namespace

FileSystem& PosixFileSystem() {
  static Posix* const files = new Posix;
  return *files;
}

std::string JoinPath(absl::string_view folder, absl::string_view name) {
  if (folder.empty()) return std::string(name);
  if (folder.back() == '/') return absl::StrCat(folder, name);
  return absl::StrCat(folder, "/", name);
}

}  // namespace kmyriad
