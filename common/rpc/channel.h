#ifndef KMYRIAD_COMMON_RPC_CHANNEL_H_
#define KMYRIAD_COMMON_RPC_CHANNEL_H_

#include <chrono>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "grpcpp/grpcpp.h"

namespace kmyriad {

// Largest message that any process sends or takes.
inline constexpr int kMaxMessageBytes = 16 << 20;

// A channel to "HOST:PORT" or "unix:PATH": own connection, keepalive 20 s /
// 10 s, message limit, no compression, reconnect back-off 0.1..2 s. Returns at
// once; calls fail with UNAVAILABLE until the peer is there. INVALID_ARGUMENT
// for an address of another form.
absl::StatusOr<std::shared_ptr<grpc::Channel>> MakeChannel(
    const std::string& address);

// Deadline for a unary call, from now.
std::chrono::system_clock::time_point DeadlineAfter(double seconds);

// The codes are the same numbers; messages are kept.
absl::Status FromGrpcStatus(const grpc::Status& status);
grpc::Status ToGrpcStatus(const absl::Status& status);

// Jittered exponential back-off, 0.1 s doubling to 2 s, full jitter. Not
// thread-safe.
class Backoff {
 public:
  // Seconds to wait before the next attempt.
  double NextSeconds();
  void Reset() { attempt_ = 0; }

 private:
  int attempt_ = 0;
};

}  // namespace kmyriad

#endif  // KMYRIAD_COMMON_RPC_CHANNEL_H_
