#include "common/process/process_metrics.h"

#include "absl/strings/str_cat.h"
#include "common/base/build_info.h"
#include "common/base/status_macros.h"

namespace kmyriad {

ProcessMetrics::ProcessMetrics(MetricsRegistry& registry,
                               const std::string& role)
    : registry_(registry),
      insecure_(
          registry.AddGauge("kmyriad_rpc_insecure_remote",
                            "1 while other machines are served without TLS.")) {
  registry
      .AddGauge("kmyriad_build_info", "Always 1.",
                {{"version", BuildVersion()},
                 {"revision", BuildRevision()},
                 {"role", role}})
      .Set(1);
}

absl::Status ProcessMetrics::Serve(const std::string& address) {
  if (address.empty()) return absl::OkStatus();
  KMYRIAD_ASSIGN_OR_RETURN(exposer_, MetricsExposer::Start(address, registry_));
  address_ = absl::StrCat(address.substr(0, address.rfind(':')), ":",
                          exposer_->port());
  return absl::OkStatus();
}

}  // namespace kmyriad
