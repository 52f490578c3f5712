#ifndef KMYRIAD_COMMON_RPC_TRANSPORT_SECURITY_H_
#define KMYRIAD_COMMON_RPC_TRANSPORT_SECURITY_H_

#include <functional>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/certificates/certificate.h"
#include "common/rpc/role.h"
#include "grpcpp/grpcpp.h"

namespace kmyriad {

// PEM files of a process's identity under mutual TLS; all empty: plaintext.
struct TlsFiles {
  // Own certificate, followed by those that lead to the authority.
  std::string certificate;
  // Its private key, without a password.
  std::string key;
  // Authorities that peers' certificates must lead to.
  std::string ca;

  bool enabled() const {
    return !certificate.empty() || !key.empty() || !ca.empty();
  }
};

// Reads the files and checks, before anything is served or connected, that a
// peer will take them: all three there, key and certificate of one kind, valid
// at `now`, issued by the authority, and of role `own`. FAILED_PRECONDITION
// naming flag, file and mend. The certificate that was found; the files must be
// set.
absl::StatusOr<CertificateInfo> CheckTlsFiles(const TlsFiles& files, Role own,
                                              absl::Time now);

// Client's end: TLS 1.2 or newer, shows the own certificate, and takes the peer
// for what its certificate's role says, not for its address: so port forwards,
// service names and addresses that change need no other certificates. Files
// that are replaced count for the next connection, within kRefreshSeconds.
std::shared_ptr<grpc::ChannelCredentials> MakeChannelCredentials(
    const TlsFiles& files, Role peer);

// Server's end: TLS 1.2 or newer, a client certificate is required, and each
// call is checked against the table of role.cc. Files that are replaced count
// as above. `on_denied` hears of every call that was refused, on threads of
// gRPC; it must not block.
std::shared_ptr<grpc::ServerCredentials> MakeServerCredentials(
    const TlsFiles& files, std::function<void()> on_denied);

inline constexpr unsigned kRefreshSeconds = 1;

}  // namespace kmyriad

#endif  // KMYRIAD_COMMON_RPC_TRANSPORT_SECURITY_H_
