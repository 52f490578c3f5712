#include "common/process/process_metrics.h"

#include <sys/stat.h>

#include "absl/strings/str_cat.h"
#include "common/base/build_info.h"
#include "common/base/clock.h"
#include "common/base/logging.h"
#include "common/base/status_macros.h"

namespace kmyriad {
namespace {

void WarnIfReadableByAll(const std::string& key) {
  struct stat info;
  if (stat(key.c_str(), &info) != 0 || (info.st_mode & S_IROTH) == 0) return;
  LogWarning("--tls-key = ", key,
             ": everybody on this machine may read it; chmod o-r it");
}

}  // namespace

ProcessMetrics::ProcessMetrics(MetricsRegistry& registry,
                               const std::string& role)
    : registry_(registry),
      insecure_(
          registry.AddGauge("kmyriad_rpc_insecure_remote",
                            "1 while other machines are served without TLS.")),
      denied_(registry.AddCounter(
          "kmyriad_rpc_denied_total",
          "Calls refused because of the role in the caller's certificate.")) {
  registry
      .AddGauge("kmyriad_build_info", "Always 1.",
                {{"version", BuildVersion()},
                 {"revision", BuildRevision()},
                 {"role", role}})
      .Set(1);
}

absl::Status ProcessMetrics::WatchCertificate(const TlsFiles& files,
                                              Role role) {
  if (!files.enabled()) return absl::OkStatus();
  KMYRIAD_RETURN_IF_ERROR(
      CheckTlsFiles(files, role, RealClock().WallTime()).status());
  WarnIfReadableByAll(files.key);
  certificate_ = std::make_unique<CertificateWatch>(registry_, files, role);
  return absl::OkStatus();
}

absl::Status ProcessMetrics::Serve(const std::string& address) {
  if (address.empty()) return absl::OkStatus();
  KMYRIAD_ASSIGN_OR_RETURN(exposer_, MetricsExposer::Start(address, registry_));
  address_ = absl::StrCat(address.substr(0, address.rfind(':')), ":",
                          exposer_->port());
  return absl::OkStatus();
}

}  // namespace kmyriad
