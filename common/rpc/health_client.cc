#include "common/rpc/health_client.h"

#include <memory>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "common/rpc/channel.h"
#include "grpc/health/v1/health.grpc.pb.h"

namespace kmyriad {

absl::StatusOr<bool> CheckHealth(const std::string& address,
                                 const std::string& service,
                                 double deadline_seconds) {
  KMYRIAD_ASSIGN_OR_RETURN(const std::shared_ptr<grpc::Channel> channel,
                           MakeChannel(address));
  const auto stub = grpc::health::v1::Health::NewStub(channel);
  grpc::health::v1::HealthCheckRequest request;
  request.set_service(service);
  grpc::health::v1::HealthCheckResponse response;
  grpc::ClientContext context;
  context.set_deadline(DeadlineAfter(deadline_seconds));
  const absl::Status status =
      FromGrpcStatus(stub->Check(&context, request, &response));
  if (absl::IsNotFound(status)) {
    return absl::NotFoundError(absl::StrCat(
        "health of ", address, ": it has no service \"", service,
        "\"; ask without --service, or for the name in the program's --help"));
  }
  if (!status.ok()) {
    return absl::UnavailableError(
        absl::StrCat("health of ", address, ": ", status.message(),
                     "; is a process started with --health there?"));
  }
  return response.status() == grpc::health::v1::HealthCheckResponse::SERVING;
}

}  // namespace kmyriad
