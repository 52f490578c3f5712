#ifndef KMYRIAD_COMMON_RPC_HEALTH_CLIENT_H_
#define KMYRIAD_COMMON_RPC_HEALTH_CLIENT_H_

#include <string>

#include "absl/status/statusor.h"

namespace kmyriad {

// Asks the plaintext health service at "HOST:PORT" or "unix:PATH" whether
// `service` is serving; the empty name asks whether the process lives. Waits at
// most `deadline_seconds` for an answer. UNAVAILABLE without one, NOT_FOUND for
// a service that the process does not know, INVALID_ARGUMENT for an address of
// another form.
absl::StatusOr<bool> CheckHealth(const std::string& address,
                                 const std::string& service,
                                 double deadline_seconds);

}  // namespace kmyriad

#endif  // KMYRIAD_COMMON_RPC_HEALTH_CLIENT_H_
