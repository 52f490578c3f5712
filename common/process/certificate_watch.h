#ifndef KMYRIAD_COMMON_PROCESS_CERTIFICATE_WATCH_H_
#define KMYRIAD_COMMON_PROCESS_CERTIFICATE_WATCH_H_

#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "common/base/steady_cond_var.h"
#include "common/base/thread_pool.h"
#include "common/metrics/metrics_registry.h"
#include "common/rpc/role.h"
#include "common/rpc/transport_security.h"

namespace kmyriad {

// Keeps kmyriad_tls_certificate_not_after_timestamp_seconds at the end of the
// certificate that lies in the process's files now, and says in the log when
// that is another one, will end within a week, or cannot be used. What gRPC
// serves with follows the files on its own. Thread of its own.
class CertificateWatch {
 public:
  // The registry must outlive it. Looks at once, and every `seconds`.
  CertificateWatch(MetricsRegistry& registry, const TlsFiles& files, Role role,
                   double seconds = 10);
  ~CertificateWatch();

 private:
  void Watch(double seconds);
  void Look();

  const TlsFiles files_;
  const Role role_;
  Gauge& not_after_;
  // Watching thread only: what was last said.
  std::string said_;
  absl::Mutex mutex_;
  SteadyCondVar stop_signal_;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  // Last: its thread uses the others.
  ThreadPool thread_;
};

}  // namespace kmyriad

#endif  // KMYRIAD_COMMON_PROCESS_CERTIFICATE_WATCH_H_
