#ifndef KMYRIAD_COMMON_RPC_GRPC_SERVER_H_
#define KMYRIAD_COMMON_RPC_GRPC_SERVER_H_

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/metrics/metrics_registry.h"
#include "common/rpc/transport_security.h"
#include "grpcpp/grpcpp.h"

namespace kmyriad {

struct GrpcServerOptions {
  // "HOST:PORT" (port 0: a free one) or "unix:PATH". A host other than
  // loopback is refused without TLS, unless `insecure_allow_remote`. Empty: no
  // services, for a process that has health alone.
  std::string listen;
  // Address of the plaintext health service; empty: none. "HOST:PORT" or
  // "unix:PATH".
  std::string health_listen;
  bool insecure_allow_remote = false;
  // Own identity under mutual TLS; empty: plaintext. Health is plaintext
  // always.
  TlsFiles tls;
  // Where calls are counted (call_metrics.h); null: nowhere. Must outlive the
  // server.
  MetricsRegistry* metrics = nullptr;
  // Hears of every call that the caller's role was refused; must not block.
  std::function<void()> on_denied;
  // While others are served without TLS, a warning is logged as often.
  double reminder_seconds = 60;
};

// A gRPC server with the project's limits and keepalive settings, reflection
// on loopback and unix sockets, and grpc.health.v1 on an address of its own:
// service "" is live, named services are ready once SetReady(true).
class GrpcServer {
 public:
  // `services` must outlive the server; `ready_names` are the health names,
  // e.g. "kmyriad.v1.Learner". UNAVAILABLE, with address and mend, if the
  // address is in use; INVALID_ARGUMENT if it is malformed or not allowed.
  static absl::StatusOr<std::unique_ptr<GrpcServer>> Start(
      const GrpcServerOptions& options,
      const std::vector<grpc::Service*>& services,
      const std::vector<std::string>& ready_names);
  // Shuts down at once if Shutdown was not called.
  virtual ~GrpcServer() = default;

  // Address to connect to, with the port that was taken.
  virtual const std::string& address() const = 0;
  // The same of the health service; empty without one.
  virtual const std::string& health_address() const = 0;
  // Whether other machines are served without TLS.
  virtual bool insecure_remote() const = 0;
  virtual void SetReady(bool ready) = 0;
  // Not ready, no new calls; cancels what still runs after `grace_seconds`.
  // Blocks. Services must end their streams before or when cancelled.
  virtual void Shutdown(double grace_seconds) = 0;
};

}  // namespace kmyriad

#endif  // KMYRIAD_COMMON_RPC_GRPC_SERVER_H_
