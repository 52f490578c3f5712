#ifndef KMYRIAD_COMMON_PROCESS_PROCESS_FLAGS_H_
#define KMYRIAD_COMMON_PROCESS_PROCESS_FLAGS_H_

#include <string>

#include "common/rpc/transport_security.h"

namespace CLI {
class App;
}  // namespace CLI

namespace kmyriad {

// Flags that the learner, the entropy service and the actors share.
struct ProcessFlags {
  // Plaintext health service, "HOST:PORT" or "unix:PATH"; empty: none.
  std::string health;
  // Prometheus endpoint, "HOST:PORT", port 0 takes a free one; empty: none.
  std::string metrics;
  // File to log to; empty: stderr.
  std::string log;
  // "text" or "json".
  std::string log_format = "text";
  // Identity under mutual TLS; empty: plaintext.
  TlsFiles tls;
};

// Adds --health, --metrics, --log, --log-format and AddTlsFlags, with `flags`
// as defaults. `flags` must outlive the parsing.
void AddProcessFlags(CLI::App& app, ProcessFlags& flags);

// Adds --tls-certificate, --tls-key and --tls-ca, which may also come from the
// environment: KMYRIAD_TLS_CERTIFICATE, KMYRIAD_TLS_KEY, KMYRIAD_TLS_CA.
void AddTlsFlags(CLI::App& app, TlsFiles& files);

// Logs as the flags say from here on; `role` stands in every line.
void StartLogging(const std::string& role, const ProcessFlags& flags);

}  // namespace kmyriad

#endif  // KMYRIAD_COMMON_PROCESS_PROCESS_FLAGS_H_
