#ifndef KMYRIAD_COMMON_RPC_HANDSHAKE_REPORT_H_
#define KMYRIAD_COMMON_RPC_HANDSHAKE_REPORT_H_

#include <string>

#include "absl/strings/string_view.h"

namespace kmyriad {

// What a failure to connect that gRPC or OpenSSL describes in `message` means
// for a user, and what to do; empty for failures of other kinds.
std::string ExplainHandshake(absl::string_view message);

// Logs, as a warning and at most once in ten seconds per meaning, what gRPC's
// own log line says about a handshake that failed. False if the line is about
// something else. Thread-safe.
bool ReportHandshake(absl::string_view line);

}  // namespace kmyriad

#endif  // KMYRIAD_COMMON_RPC_HANDSHAKE_REPORT_H_
