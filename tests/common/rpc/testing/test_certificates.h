#ifndef KMYRIAD_TESTS_COMMON_RPC_TESTING_TEST_CERTIFICATES_H_
#define KMYRIAD_TESTS_COMMON_RPC_TESTING_TEST_CERTIFICATES_H_

#include <string>

#include "common/certificates/certificate_authority.h"
#include "common/rpc/transport_security.h"

namespace kmyriad {

// An authority made for one test, and certificates of it, as files in a folder
// of the test's own.
class TestCertificates {
 public:
  explicit TestCertificates(std::string folder);

  // Valid for an hour, without names.
  CertificateRequest Request() const;
  // Fresh files with a certificate of that role, or for that request.
  TlsFiles Issue(Role role);
  TlsFiles Issue(const CertificateRequest& request);
  // Writes a new certificate and this authority over the files.
  void Replace(const CertificateRequest& request, const TlsFiles& files) const;

  const KeyAndCertificate& authority() const { return authority_; }
  // File with the authority's certificate.
  const std::string& ca() const { return ca_; }

 private:
  const std::string folder_;
  KeyAndCertificate authority_;
  std::string ca_;
  int issued_ = 0;
};

}  // namespace kmyriad

#endif  // KMYRIAD_TESTS_COMMON_RPC_TESTING_TEST_CERTIFICATES_H_
