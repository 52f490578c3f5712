#ifndef KMYRIAD_COMMON_RPC_CHANNEL_H_
#define KMYRIAD_COMMON_RPC_CHANNEL_H_

#include <chrono>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/metrics/metrics_registry.h"
#include "common/rpc/role.h"
#include "common/rpc/transport_security.h"
#include "grpcpp/grpcpp.h"

namespace kmyriad {

// How a client shows itself, and whom it wants to meet.
struct ChannelSecurity {
  TlsFiles tls;
  // Whose certificate the other end must have.
  Role peer = Role::kLearner;
};

// Largest message that any process sends or takes.
inline constexpr int kMaxMessageBytes = 16 << 20;

// A channel to "HOST:PORT" or "unix:PATH": own connection, keepalive 20 s /
// 10 s, message limit, no compression, reconnect back-off from 0.1 s to
// LongestBackoff; a peer that has moved is looked up again within a second or
// two. Returns at once; calls fail with UNAVAILABLE until the peer is there.
// INVALID_ARGUMENT for an address of another form.
// With `security.tls` it is mutual TLS, else plaintext. Calls are counted in
// `metrics` (call_metrics.h), which must outlive them; null: nowhere.
absl::StatusOr<std::shared_ptr<grpc::Channel>> MakeChannel(
    const std::string& address, const ChannelSecurity& security = {},
    MetricsRegistry* metrics = nullptr);

// Most seconds between two attempts to reach a peer: 2, and 0.25 for one on
// this machine, where an attempt costs next to nothing and a peer that comes
// back is waited for by few.
double LongestBackoff(const std::string& address);

// Deadline for a unary call, from now.
std::chrono::system_clock::time_point DeadlineAfter(double seconds);

// The codes are the same numbers; messages are kept, and explained where TLS is
// why a peer was not reached.
absl::Status FromGrpcStatus(const grpc::Status& status);
grpc::Status ToGrpcStatus(const absl::Status& status);

// Jittered exponential back-off, 0.1 s doubling to `longest`, full jitter. Not
// thread-safe.
class Backoff {
 public:
  explicit Backoff(double longest) : longest_(longest) {}
  // Seconds to wait before the next attempt.
  double NextSeconds();
  void Reset() { attempt_ = 0; }

 private:
  const double longest_;
  int attempt_ = 0;
};

}  // namespace kmyriad

#endif  // KMYRIAD_COMMON_RPC_CHANNEL_H_
