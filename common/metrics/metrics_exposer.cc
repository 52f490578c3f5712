#include <arpa/inet.h>
#include <netinet/in.h>
#include <prometheus/exposer.h>
#include <sys/socket.h>
#include <unistd.h>

#include <exception>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "common/base/steady_cond_var.h"
#include "common/base/thread_pool.h"
#include "common/metrics/metrics_registry.h"
#include "common/metrics/metrics_registry_impl.h"
#include "common/metrics/process_collector.h"

namespace kmyriad {
namespace {

// Opens and closes a connection to a port of this machine.
void Knock(const std::string& host, int port) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return;
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(port));
  if (inet_pton(AF_INET, host.c_str(), &address.sin_addr) != 1 ||
      address.sin_addr.s_addr == htonl(INADDR_ANY)) {
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  }
  // Whether it comes about does not matter: it only has to be noticed.
  (void)connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof(address));
  close(fd);
}

class PrometheusExposer : public MetricsExposer {
 public:
  PrometheusExposer(const std::string& address, MetricsRegistry::Impl& registry)
      : host_(address.substr(0, address.rfind(':'))),
        process_(std::make_shared<ProcessCollector>(registry.constant_labels)),
        exposer_(std::make_unique<prometheus::Exposer>(address)) {
    exposer_->RegisterCollectable(registry.registry);
    exposer_->RegisterCollectable(process_);
    port_ = exposer_->GetListeningPorts().at(0);
  }

  // The web server notices that it is to stop only when a connection comes or
  // two seconds are over; knocking spares every process these seconds.
  ~PrometheusExposer() override {
    absl::Mutex mutex;
    SteadyCondVar stop_signal;
    bool stopped = false;
    ThreadPool knocker(1);
    knocker.Schedule([&] {
      absl::MutexLock lock(&mutex);
      do {
        Knock(host_, port_);
      } while (!stop_signal.AwaitWithTimeout(mutex, absl::Milliseconds(5),
                                             [&] { return stopped; }));
    });
    exposer_.reset();
    absl::MutexLock lock(&mutex);
    stopped = true;
    stop_signal.SignalAll();
  }

  int port() const override { return port_; }

 private:
  const std::string host_;
  const std::shared_ptr<ProcessCollector> process_;
  std::unique_ptr<prometheus::Exposer> exposer_;
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
