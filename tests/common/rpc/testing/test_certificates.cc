#include "tests/common/rpc/testing/test_certificates.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/base/file_system.h"
#include "gtest/gtest.h"
#include "tests/testing/status_matchers.h"

namespace kmyriad {
namespace {

void Write(const std::string& path, const std::string& content) {
  ASSERT_THAT(PosixFileSystem().AtomicReplace(path, content), IsOk());
}

}  // namespace

TestCertificates::TestCertificates(std::string folder)
    : folder_(std::move(folder)), ca_(JoinPath(folder_, "ca.crt")) {
  CertificateRequest request = Request();
  request.common_name = "test-ca";
  const auto authority = MakeAuthority(request);
  EXPECT_THAT(authority, IsOk());
  authority_ = authority.value_or(KeyAndCertificate());
  Write(ca_, authority_.certificate);
}

CertificateRequest TestCertificates::Request() const {
  CertificateRequest request;
  request.common_name = "test";
  request.not_before = absl::Now() - absl::Hours(1);
  request.not_after = absl::Now() + absl::Hours(1);
  return request;
}

TlsFiles TestCertificates::Issue(Role role) {
  CertificateRequest request = Request();
  request.uris = {RoleUri(role)};
  return Issue(request);
}

TlsFiles TestCertificates::Issue(const CertificateRequest& request) {
  const std::string stem = JoinPath(folder_, absl::StrCat(issued_++));
  const TlsFiles files = {stem + ".crt", stem + ".key", ca_};
  Replace(request, files);
  return files;
}

void TestCertificates::Replace(const CertificateRequest& request,
                               const TlsFiles& files) const {
  const auto issued = IssueCertificate(authority_, request);
  ASSERT_THAT(issued, IsOk());
  Write(files.key, issued->key);
  Write(files.certificate, issued->certificate);
  Write(files.ca, authority_.certificate);
}

}  // namespace kmyriad
