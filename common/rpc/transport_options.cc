#include "common/rpc/transport_options.h"

#include <cstdlib>
#include <mutex>

#include "common/base/logging.h"
#include "common/rpc/channel.h"
#include "common/rpc/handshake_report.h"
#include "google/protobuf/stubs/logging.h"
#include "grpc/grpc.h"
#include "grpc/support/log.h"

namespace kmyriad {

void SetTransportOptions(const std::function<void(const char*, int)>& set) {
  set(GRPC_ARG_MAX_RECEIVE_MESSAGE_LENGTH, kMaxMessageBytes);
  set(GRPC_ARG_MAX_SEND_MESSAGE_LENGTH, kMaxMessageBytes);
  set(GRPC_COMPRESSION_CHANNEL_DEFAULT_ALGORITHM, GRPC_COMPRESS_NONE);
  // State batches are 128 KiB to 1 MiB: whole batches in flight, few frames.
  set(GRPC_ARG_HTTP2_STREAM_LOOKAHEAD_BYTES, 8 << 20);
  set(GRPC_ARG_HTTP2_MAX_FRAME_SIZE, 1 << 20);
  set(GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0);
}

void RouteGrpcLogs() {
  static std::once_flag once;
  std::call_once(once, [] {
    google::protobuf::SetLogHandler([](google::protobuf::LogLevel, const char*,
                                       int, const std::string& message) {
      // The message is refused, which is counted and answered.
      Log(LogLevel::kDebug, absl::StrCat("protobuf: ", message));
    });
    if (std::getenv("GRPC_VERBOSITY") != nullptr ||
        std::getenv("GRPC_TRACE") != nullptr) {
      return;
    }
    gpr_set_log_function([](gpr_log_func_args* args) {
      if (ReportHandshake(args->message)) return;
      // The library calls an error what our own status then explains.
      Log(args->severity == GPR_LOG_SEVERITY_ERROR ? LogLevel::kInfo
                                                   : LogLevel::kDebug,
          absl::StrCat("grpc: ", args->message));
    });
  });
}

void KeepGrpcLibrary() {
  static std::once_flag once;
  std::call_once(once, grpc_init);
}

}  // namespace kmyriad
