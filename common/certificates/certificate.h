#ifndef KMYRIAD_COMMON_CERTIFICATES_CERTIFICATE_H_
#define KMYRIAD_COMMON_CERTIFICATES_CERTIFICATE_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace kmyriad {

// What of an X.509 certificate matters to us.
struct CertificateInfo {
  // Distinguished name in one line, RFC 2253.
  std::string subject;
  absl::Time not_before;
  absl::Time not_after;
  // Of the subject alternative name.
  std::vector<std::string> uris;
  std::vector<std::string> dns_names;
};

// The first certificate of a PEM text. INVALID_ARGUMENT if there is none.
absl::StatusOr<CertificateInfo> ParseCertificate(absl::string_view pem);

// Whether a process can show itself with the certificate chain `chain` (own
// certificate first) and its private key `key` to peers that trust the
// authorities `ca`, at the time `now`; all three are PEM texts.
// FAILED_PRECONDITION saying what is wrong: not readable, key of another
// certificate, expired, not yet valid, not issued by `ca`.
absl::Status CheckIdentity(absl::string_view chain, absl::string_view key,
                           absl::string_view ca, absl::Time now);

}  // namespace kmyriad

#endif  // KMYRIAD_COMMON_CERTIFICATES_CERTIFICATE_H_
