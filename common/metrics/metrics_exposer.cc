#include <prometheus/exposer.h>

#include <exception>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "common/metrics/metrics_registry.h"
#include "common/metrics/metrics_registry_impl.h"
#include "common/metrics/process_collector.h"

namespace kmyriad {
namespace {

class PrometheusExposer : public MetricsExposer {
 public:
  PrometheusExposer(const std::string& address, MetricsRegistry::Impl& registry)
      : process_(std::make_shared<ProcessCollector>(registry.constant_labels)),
        exposer_(address) {
    exposer_.RegisterCollectable(registry.registry);
    exposer_.RegisterCollectable(process_);
    port_ = exposer_.GetListeningPorts().at(0);
  }
  int port() const override { return port_; }

 private:
  const std::shared_ptr<ProcessCollector> process_;
  prometheus::Exposer exposer_;
  int port_ = 0;
};

absl::Status CheckAddress(const std::string& address) {
  const size_t colon = address.rfind(':');
  int port = 0;
  // The web server inside takes lists of ports and letters for options; only
  // one plain address is wanted.
  if (colon == std::string::npos || colon == 0 ||
      address.find_first_of(", \t\n") != std::string::npos ||
      !absl::SimpleAtoi(address.substr(colon + 1), &port) || port < 0 ||
      port > 65535) {
    return absl::InvalidArgumentError(
        absl::StrCat("metrics address = \"", address,
                     "\" is not HOST:PORT; give e.g. 127.0.0.1:9464, or port "
                     "0 for a free one"));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::unique_ptr<MetricsExposer>> MetricsExposer::Start(
    const std::string& address, MetricsRegistry& registry) {
  if (absl::Status status = CheckAddress(address); !status.ok()) return status;
  try {
    return std::unique_ptr<MetricsExposer>(
        std::make_unique<PrometheusExposer>(address, registry.impl()));
  } catch (const std::exception& error) {
    // The reason is not told; in practice the port is taken.
    return absl::UnavailableError(
        absl::StrCat("metrics address = ", address,
                     " cannot be listened on: its port is in use, or the host "
                     "is not this machine; give another HOST:PORT, port 0 "
                     "takes a free one"));
  }
}

}  // namespace kmyriad
