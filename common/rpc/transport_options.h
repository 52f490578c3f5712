#ifndef KMYRIAD_COMMON_RPC_TRANSPORT_OPTIONS_H_
#define KMYRIAD_COMMON_RPC_TRANSPORT_OPTIONS_H_

#include <functional>

namespace kmyriad {

// Settings that both ends of a connection share: message limit, no
// compression, HTTP/2 windows and frame sizes for bulk data. Calls `set` with
// the name and value of each gRPC argument.
void SetTransportOptions(const std::function<void(const char*, int)>& set);

// Sends gRPC's and protobuf's own log lines to common/base/logging, once per
// process; a user who sets GRPC_VERBOSITY or GRPC_TRACE keeps gRPC's output on
// stderr. Protobuf has a line for every message with text that is no UTF-8,
// with which a peer could fill a disk.
void RouteGrpcLogs();

// Keeps gRPC initialised until the process ends, from the first call on. When
// the last server or channel goes, the library otherwise waits, now and then
// for ten seconds, until its background poller wakes up.
void KeepGrpcLibrary();

}  // namespace kmyriad

#endif  // KMYRIAD_COMMON_RPC_TRANSPORT_OPTIONS_H_
