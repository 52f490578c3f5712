#include "deploy/launcher/commands/certs.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "common/base/clock.h"
#include "common/base/file_system.h"
#include "common/base/status_macros.h"
#include "common/certificates/certificate_authority.h"
#include "common/process/exit_codes.h"
#include "common/rpc/role.h"
#include "deploy/launcher/command_output.h"

namespace kmyriad {
namespace {

constexpr mode_t kSecret = S_IRUSR | S_IWUSR;
constexpr mode_t kPublic = kSecret | S_IRGRP | S_IROTH;
constexpr uint64_t kMaxPemBytes = 1 << 20;
constexpr int kAuthorityDays = 3650;
// Clocks of a cluster differ.
constexpr absl::Duration kClockSkew = absl::Minutes(5);

struct NewFile {
  std::string path;
  std::string content;
  mode_t mode;
};

// Creates a file that is not there yet, never anything else.
absl::Status Create(const NewFile& file) {
  const auto failed = [&file](absl::StatusCode code) {
    return absl::Status(
        code,
        absl::StrCat(file.path, ": cannot be written: ", std::strerror(errno)));
  };
  const int fd = open(file.path.c_str(),
                      O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, file.mode);
  if (fd < 0) {
    return failed(errno == EEXIST ? absl::StatusCode::kAlreadyExists
                                  : absl::StatusCode::kPermissionDenied);
  }
  const ssize_t written = write(fd, file.content.data(), file.content.size());
  const bool whole = written == static_cast<ssize_t>(file.content.size());
  const bool synced = fsync(fd) == 0;
  close(fd);
  return whole && synced ? absl::OkStatus()
                         : failed(absl::StatusCode::kResourceExhausted);
}

absl::StatusOr<KeyAndCertificate> ReadAuthority(const std::string& folder) {
  KeyAndCertificate authority;
  KMYRIAD_ASSIGN_OR_RETURN(
      authority.certificate,
      PosixFileSystem().Read(JoinPath(folder, "ca.crt"), kMaxPemBytes));
  KMYRIAD_ASSIGN_OR_RETURN(
      authority.key,
      PosixFileSystem().Read(JoinPath(folder, "ca.key"), kMaxPemBytes));
  return authority;
}

// An address if it looks like one; OpenSSL has the last word.
bool IsIpAddress(const std::string& name) {
  return name.find(':') != std::string::npos ||
         name.find_first_not_of("0123456789.") == std::string::npos;
}

CertificateRequest RequestFor(Role role, const CertsOptions& options,
                              absl::Time now) {
  const std::string name(RoleName(role));
  CertificateRequest request;
  request.common_name = absl::StrCat("kmyriad-", name);
  request.uris = {RoleUri(role)};
  request.dns_names = {"localhost", name, absl::StrCat("kmyriad-", name)};
  request.ip_addresses = {"127.0.0.1", "::1"};
  for (const std::string& more : options.names) {
    (IsIpAddress(more) ? request.ip_addresses : request.dns_names)
        .push_back(more);
  }
  request.not_before = now - kClockSkew;
  request.not_after = now + absl::Hours(24) * options.days;
  return request;
}

absl::StatusOr<std::vector<NewFile>> MakeFiles(const CertsOptions& options,
                                               absl::Time now) {
  std::vector<NewFile> files;
  KeyAndCertificate authority;
  if (options.authority.empty()) {
    CertificateRequest request;
    request.common_name = "kmyriad-ca";
    request.not_before = now - kClockSkew;
    request.not_after = now + absl::Hours(24) * kAuthorityDays;
    KMYRIAD_ASSIGN_OR_RETURN(authority, MakeAuthority(request));
    const std::string folder = JoinPath(options.folder, "ca");
    files.push_back({JoinPath(folder, "ca.key"), authority.key, kSecret});
    files.push_back(
        {JoinPath(folder, "ca.crt"), authority.certificate, kPublic});
  } else {
    KMYRIAD_ASSIGN_OR_RETURN(authority, ReadAuthority(options.authority));
  }
  for (const Role role : kRoles) {
    KMYRIAD_ASSIGN_OR_RETURN(
        const KeyAndCertificate own,
        IssueCertificate(authority, RequestFor(role, options, now)));
    const std::string folder = JoinPath(options.folder, RoleName(role));
    files.push_back({JoinPath(folder, "tls.key"), own.key, kSecret});
    files.push_back({JoinPath(folder, "tls.crt"), own.certificate, kPublic});
    files.push_back(
        {JoinPath(folder, "ca.crt"), authority.certificate, kPublic});
  }
  return files;
}

}  // namespace

absl::Status MakeCertificates(const CertsOptions& options, absl::Time now) {
  KMYRIAD_ASSIGN_OR_RETURN(const std::vector<NewFile> files,
                           MakeFiles(options, now));
  for (const NewFile& file : files) {
    if (!PosixFileSystem().Exists(file.path)) continue;
    return absl::AlreadyExistsError(absl::StrCat(
        file.path,
        " is there already and is not overwritten; name an empty folder, and "
        "with --authority the folder of the authority to go on with"));
  }
  for (const NewFile& file : files) {
    KMYRIAD_RETURN_IF_ERROR(PosixFileSystem().CreateFolders(
        file.path.substr(0, file.path.rfind('/'))));
    KMYRIAD_RETURN_IF_ERROR(Create(file));
  }
  return absl::OkStatus();
}

int RunCerts(const CertsOptions& options) {
  const absl::Status status = MakeCertificates(options, RealClock().WallTime());
  if (!status.ok()) return ReportError(status);
  const std::string folder = ShellWord(options.folder);
  std::printf(
      "%s: certificates of learner, entropy, actor and operator, good for %d "
      "days\n",
      options.folder.c_str(), options.days);
  if (options.authority.empty()) {
    std::printf(
        "keep %s/ca/ca.key away from the cluster: who has it can be anybody\n",
        folder.c_str());
  }
  std::printf(
      "use:  kmyriad-learner --tls-certificate %s/learner/tls.crt --tls-key "
      "%s/learner/tls.key --tls-ca %s/learner/ca.crt ...\n",
      folder.c_str(), folder.c_str(), folder.c_str());
  return kExitDone;
}

}  // namespace kmyriad
