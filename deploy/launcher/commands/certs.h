#ifndef KMYRIAD_DEPLOY_LAUNCHER_COMMANDS_CERTS_H_
#define KMYRIAD_DEPLOY_LAUNCHER_COMMANDS_CERTS_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"

namespace kmyriad {

struct CertsOptions {
  // Folder to fill; made if it is missing.
  std::string folder;
  // Folder with the ca.crt and ca.key to issue with; empty: a new authority.
  std::string authority;
  // Further names and addresses of hosts, for every certificate: clients of
  // other make look at them, ours at the role alone.
  std::vector<std::string> names;
  // Days that the certificates are good for; a new authority: ten years.
  int days = 90;
};

// Writes FOLDER/ca/{ca.crt,ca.key} (unless there is an authority) and, for each
// role, FOLDER/ROLE/{tls.crt,tls.key,ca.crt}, as a Kubernetes secret of type
// TLS names them. Keys are for their owner alone (0600). ALREADY_EXISTS, with
// nothing written, if one of the files is there.
absl::Status MakeCertificates(const CertsOptions& options, absl::Time now);

// `kmyriad certs`: the same, and says how to use them. Returns the exit code.
int RunCerts(const CertsOptions& options);

}  // namespace kmyriad

#endif  // KMYRIAD_DEPLOY_LAUNCHER_COMMANDS_CERTS_H_
