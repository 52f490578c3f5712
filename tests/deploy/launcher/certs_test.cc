#include "deploy/launcher/commands/certs.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <string>

#include "absl/time/time.h"
#include "common/base/file_system.h"
#include "common/certificates/certificate.h"
#include "common/rpc/transport_security.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_dir.h"

namespace kmyriad {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;

const absl::Time kNow = absl::FromUnixSeconds(1'800'000'000);

TlsFiles FilesOf(const std::string& folder, Role role) {
  const std::string own = JoinPath(folder, RoleName(role));
  return {JoinPath(own, "tls.crt"), JoinPath(own, "tls.key"),
          JoinPath(own, "ca.crt")};
}

mode_t ModeOf(const std::string& path) {
  struct stat info {};
  EXPECT_EQ(stat(path.c_str(), &info), 0) << path;
  return info.st_mode & 0777;
}

TEST(CertsTest, EveryRoleGetsFilesThatItsProgramTakes) {
  TempDir folder;
  CertsOptions options;
  options.folder = folder.File("certs");
  options.names = {"learner.lab.example", "10.1.2.3"};
  options.days = 30;
  ASSERT_THAT(MakeCertificates(options, kNow), IsOk());
  EXPECT_EQ(ModeOf(options.folder + "/ca/ca.key"), 0600u);
  for (const Role role : kRoles) {
    const TlsFiles files = FilesOf(options.folder, role);
    KMYRIAD_ASSERT_OK_AND_ASSIGN(const CertificateInfo info,
                                 CheckTlsFiles(files, role, kNow));
    EXPECT_EQ(info.not_after, kNow + absl::Hours(24 * 30));
    EXPECT_THAT(info.dns_names, Contains("learner.lab.example"));
    EXPECT_THAT(info.dns_names, Contains("localhost"));
    EXPECT_EQ(ModeOf(files.key), 0600u);
    // A month later they are of no use, and clocks may be a little behind.
    EXPECT_FALSE(CheckTlsFiles(files, role, info.not_after).ok());
    EXPECT_THAT(CheckTlsFiles(files, role, kNow - absl::Minutes(4)), IsOk());
  }
}

TEST(CertsTest, NothingIsEverOverwritten) {
  TempDir folder;
  CertsOptions options;
  options.folder = folder.File("certs");
  ASSERT_THAT(MakeCertificates(options, kNow), IsOk());
  const std::string key = options.folder + "/actor/tls.key";
  KMYRIAD_ASSERT_OK_AND_ASSIGN(const std::string before,
                               PosixFileSystem().Read(key, 1 << 20));
  EXPECT_THAT(MakeCertificates(options, kNow),
              StatusIs(absl::StatusCode::kAlreadyExists,
                       HasSubstr("is there already")));
  // Not even where only one file of many is there, and then nothing is written.
  CertsOptions other;
  other.folder = folder.File("other");
  ASSERT_THAT(PosixFileSystem().CreateFolders(other.folder + "/operator"),
              IsOk());
  ASSERT_THAT(PosixFileSystem().WriteAndSync(other.folder + "/operator/tls.crt",
                                             "precious"),
              IsOk());
  EXPECT_FALSE(MakeCertificates(other, kNow).ok());
  EXPECT_FALSE(PosixFileSystem().Exists(other.folder + "/ca/ca.key"));
  EXPECT_THAT(PosixFileSystem().Read(key, 1 << 20), IsOkAndHolds(before));
}

TEST(CertsTest, AnAuthorityIssuesAgain) {
  TempDir folder;
  CertsOptions first;
  first.folder = folder.File("first");
  ASSERT_THAT(MakeCertificates(first, kNow), IsOk());
  CertsOptions second;
  second.folder = folder.File("second");
  second.authority = first.folder + "/ca";
  ASSERT_THAT(MakeCertificates(second, kNow), IsOk());
  EXPECT_FALSE(PosixFileSystem().Exists(second.folder + "/ca"));
  TlsFiles files = FilesOf(second.folder, Role::kActor);
  files.ca = FilesOf(first.folder, Role::kActor).ca;
  EXPECT_THAT(CheckTlsFiles(files, Role::kActor, kNow), IsOk());
  // Negative control: those of another authority do not mix.
  CertsOptions third;
  third.folder = folder.File("third");
  ASSERT_THAT(MakeCertificates(third, kNow), IsOk());
  files.ca = FilesOf(third.folder, Role::kActor).ca;
  EXPECT_FALSE(CheckTlsFiles(files, Role::kActor, kNow).ok());
}

TEST(CertsTest, BadNamesAndAuthoritiesAreRefused) {
  TempDir folder;
  CertsOptions options;
  options.folder = folder.File("certs");
  options.names = {"a,URI:kmyriad://role/operator"};
  EXPECT_THAT(MakeCertificates(options, kNow),
              StatusIs(absl::StatusCode::kInvalidArgument));
  options.names = {};
  options.authority = folder.path();
  EXPECT_THAT(MakeCertificates(options, kNow),
              StatusIs(absl::StatusCode::kNotFound));
  EXPECT_FALSE(PosixFileSystem().Exists(options.folder));
}

}  // namespace
}  // namespace kmyriad
