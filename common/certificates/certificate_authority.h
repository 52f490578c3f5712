#ifndef KMYRIAD_COMMON_CERTIFICATES_CERTIFICATE_AUTHORITY_H_
#define KMYRIAD_COMMON_CERTIFICATES_CERTIFICATE_AUTHORITY_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace kmyriad {

// PEM texts of a certificate and of its private key (PKCS #8, P-256).
struct KeyAndCertificate {
  std::string key;
  std::string certificate;
};

struct CertificateRequest {
  // Subject, "CN=..."; at most 64 characters (RFC 5280, ub-common-name).
  std::string common_name;
  // Subject alternative names.
  std::vector<std::string> uris;
  std::vector<std::string> dns_names;
  std::vector<std::string> ip_addresses;
  absl::Time not_before;
  absl::Time not_after;
};

// A new authority for test clusters: self-signed, signs certificates of peers
// and no further authorities. Names are limited to letters, digits and
// ". : / - _ *": INVALID_ARGUMENT otherwise. Serial numbers and keys are
// random.
absl::StatusOr<KeyAndCertificate> MakeAuthority(
    const CertificateRequest& request);

// A certificate of a peer, for both ends of a TLS connection, issued by
// `authority`, which is read from PEM. INVALID_ARGUMENT for a name or an
// authority that cannot be used.
absl::StatusOr<KeyAndCertificate> IssueCertificate(
    const KeyAndCertificate& authority, const CertificateRequest& request);

}  // namespace kmyriad

#endif  // KMYRIAD_COMMON_CERTIFICATES_CERTIFICATE_AUTHORITY_H_
