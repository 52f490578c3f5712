#ifndef KMYRIAD_COMMON_PROCESS_PROCESS_METRICS_H_
#define KMYRIAD_COMMON_PROCESS_PROCESS_METRICS_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "common/metrics/metrics_registry.h"
#include "common/process/certificate_watch.h"

namespace kmyriad {

// What every program exports beside the metrics of its component, and the
// endpoint that it exports them on. Thread-safe.
class ProcessMetrics {
 public:
  // `role` is "learner", "entropy" or "actor". The registry must outlive it.
  ProcessMetrics(MetricsRegistry& registry, const std::string& role);

  // Serves the registry on "HOST:PORT", port 0 takes a free one; does nothing
  // for an empty address. UNAVAILABLE or INVALID_ARGUMENT if that cannot be.
  // Once, before other threads use this object.
  absl::Status Serve(const std::string& address);
  // "HOST:PORT" with the port that was taken; empty before Serve.
  const std::string& address() const { return address_; }

  // Exports when the certificate in `files` ends, from now on; nothing for
  // empty files. FAILED_PRECONDITION if `role` cannot be shown with them. Once.
  absl::Status WatchCertificate(const TlsFiles& files, Role role);

  MetricsRegistry& registry() { return registry_; }
  // A call that the caller's role was refused.
  void CountDenied() { denied_.Add(); }
  // Whether other machines are served without TLS.
  void SetInsecureRemote(bool insecure) { insecure_.Set(insecure ? 1 : 0); }

 private:
  MetricsRegistry& registry_;
  Gauge& insecure_;
  Counter& denied_;
  std::string address_;
  std::unique_ptr<CertificateWatch> certificate_;
  std::unique_ptr<MetricsExposer> exposer_;
};

}  // namespace kmyriad

#endif  // KMYRIAD_COMMON_PROCESS_PROCESS_METRICS_H_
