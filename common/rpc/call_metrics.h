#ifndef KMYRIAD_COMMON_RPC_CALL_METRICS_H_
#define KMYRIAD_COMMON_RPC_CALL_METRICS_H_

#include <memory>

#include "common/metrics/metrics_registry.h"
#include "grpcpp/support/client_interceptor.h"
#include "grpcpp/support/server_interceptor.h"

namespace kmyriad {

// Count calls and messages of one end under the names that dashboards of the
// Go gRPC middleware read: grpc_server_started_total, _handled_total,
// _msg_received_total, _msg_sent_total, and grpc_server_handling_seconds of
// unary calls alone, since a stream lasts as long as a run; grpc_client_* the
// same. Labels grpc_service, grpc_method, grpc_type, and grpc_code at the end;
// a method that this program does not know is "other", so that strangers
// cannot make series. The registry must outlive all calls. Thread-safe.
std::unique_ptr<grpc::experimental::ServerInterceptorFactoryInterface>
MakeServerCallMetrics(MetricsRegistry& registry);
std::unique_ptr<grpc::experimental::ClientInterceptorFactoryInterface>
MakeClientCallMetrics(MetricsRegistry& registry);

}  // namespace kmyriad

#endif  // KMYRIAD_COMMON_RPC_CALL_METRICS_H_
