#include "common/process/process_flags.h"

#include "CLI/CLI.hpp"
#include "common/base/logging.h"

namespace kmyriad {

void AddProcessFlags(CLI::App& app, ProcessFlags& flags) {
  app.add_option("--health", flags.health,
                 "Plaintext health service, HOST:PORT or unix:PATH; empty: "
                 "none");
  app.add_option("--metrics", flags.metrics,
                 "Prometheus endpoint, HOST:PORT; port 0: a free one; empty: "
                 "none")
      ->capture_default_str();
  app.add_option("--log", flags.log, "File to log to; empty: stderr");
  app.add_option("--log-format", flags.log_format,
                 "text, or json: one object per line, with the run and the "
                 "policy version")
      ->check(CLI::IsMember({"text", "json"}))
      ->capture_default_str();
  AddTlsFlags(app, flags.tls);
}

void AddTlsFlags(CLI::App& app, TlsFiles& files) {
  app.add_option("--tls-certificate", files.certificate,
                 "PEM file with the own certificate, for mutual TLS")
      ->envname("KMYRIAD_TLS_CERTIFICATE");
  app.add_option("--tls-key", files.key, "PEM file with its private key")
      ->envname("KMYRIAD_TLS_KEY");
  app.add_option("--tls-ca", files.ca,
                 "PEM file with the authorities that peers must be of")
      ->envname("KMYRIAD_TLS_CA");
}

void StartLogging(const std::string& role, const ProcessFlags& flags) {
  LogOptions options;
  options.role = role;
  options.file = flags.log;
  options.format =
      flags.log_format == "json" ? LogFormat::kJson : LogFormat::kText;
  InitLogging(options);
}

}  // namespace kmyriad
