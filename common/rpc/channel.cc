#include "common/rpc/channel.h"

#include <algorithm>
#include <cmath>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "common/base/status_macros.h"
#include "common/rpc/address.h"
#include "common/rpc/call_metrics.h"
#include "common/rpc/handshake_report.h"
#include "common/rpc/transport_options.h"

namespace kmyriad {
namespace {

constexpr double kFirstBackoffSeconds = 0.1;
constexpr double kLongestBackoffSeconds = 2.0;
constexpr double kLongestLocalBackoffSeconds = 0.25;
// For one attempt, handshakes included, on a machine with other things to do.
constexpr int kConnectMs = 5000;
// A container or pod that starts again has another address, which the library
// would ask for after half a minute.
constexpr int kResolveAgainMs = 1000;

double LongestBackoff(const Address& address) {
  return address.IsLocal() ? kLongestLocalBackoffSeconds
                           : kLongestBackoffSeconds;
}

}  // namespace

absl::StatusOr<std::shared_ptr<grpc::Channel>> MakeChannel(
    const std::string& address, const ChannelSecurity& security,
    MetricsRegistry* metrics) {
  KMYRIAD_ASSIGN_OR_RETURN(const Address parsed, ParseAddress(address));
  if (!parsed.is_unix && parsed.port == 0) {
    return absl::InvalidArgumentError(absl::StrCat(
        "address \"", address,
        "\": port 0 cannot be connected to; "
        "write the port that the service printed when it started"));
  }
  RouteGrpcLogs();
  KeepGrpcLibrary();
  grpc::ChannelArguments args;
  SetTransportOptions(
      [&args](const char* name, int value) { args.SetInt(name, value); });
  args.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, 20000);
  args.SetInt(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, 10000);
  args.SetInt(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
  // Own connection per channel: a data stream does not share its window.
  args.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  args.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 100);
  // In spite of its name this is how long an attempt may take.
  args.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, kConnectMs);
  args.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS,
              static_cast<int>(1000 * LongestBackoff(parsed)));
  args.SetInt(GRPC_ARG_DNS_MIN_TIME_BETWEEN_RESOLUTIONS_MS, kResolveAgainMs);
  // Streams are opened anew by the application; the library's retries would
  // only buffer.
  args.SetInt(GRPC_ARG_ENABLE_RETRIES, 0);
  // Peers are named by address; a proxy for web traffic must not catch them.
  args.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  const auto credentials =
      security.tls.enabled()
          ? MakeChannelCredentials(security.tls, security.peer)
          : grpc::InsecureChannelCredentials();
  if (metrics == nullptr) {
    return grpc::CreateCustomChannel(parsed.ToString(), credentials, args);
  }
  std::vector<
      std::unique_ptr<grpc::experimental::ClientInterceptorFactoryInterface>>
      interceptors;
  interceptors.push_back(MakeClientCallMetrics(*metrics));
  return grpc::experimental::CreateCustomChannelWithInterceptors(
      parsed.ToString(), credentials, args, std::move(interceptors));
}

double LongestBackoff(const std::string& address) {
  const absl::StatusOr<Address> parsed = ParseAddress(address);
  return parsed.ok() ? LongestBackoff(*parsed) : kLongestBackoffSeconds;
}

std::chrono::system_clock::time_point DeadlineAfter(double seconds) {
  return std::chrono::system_clock::now() +
         std::chrono::duration_cast<std::chrono::system_clock::duration>(
             std::chrono::duration<double>(seconds));
}

absl::Status FromGrpcStatus(const grpc::Status& status) {
  const std::string meaning =
      status.error_code() == grpc::StatusCode::UNAVAILABLE
          ? ExplainHandshake(status.error_message())
          : "";
  return absl::Status(
      static_cast<absl::StatusCode>(status.error_code()),
      meaning.empty()
          ? status.error_message()
          : absl::StrCat(meaning, " (", status.error_message(), ")"));
}

grpc::Status ToGrpcStatus(const absl::Status& status) {
  if (status.ok()) return grpc::Status::OK;
  return grpc::Status(static_cast<grpc::StatusCode>(status.code()),
                      std::string(status.message()));
}

double Backoff::NextSeconds() {
  const double limit =
      std::min(longest_, kFirstBackoffSeconds * std::pow(2.0, attempt_));
  if (limit < longest_) ++attempt_;
  // Only spreads reconnects in time; no result depends on it.
  thread_local std::minstd_rand generator{std::random_device{}()};
  std::uniform_real_distribution<double> jitter(0.0, limit);
  // Full jitter, but never a busy loop.
  return std::max(kFirstBackoffSeconds / 10, jitter(generator));
}

}  // namespace kmyriad
