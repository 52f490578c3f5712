#ifndef KMYRIAD_ACTOR_ROLLOUT_GRPC_LEARNER_CLIENT_H_
#define KMYRIAD_ACTOR_ROLLOUT_GRPC_LEARNER_CLIENT_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "actor/rollout/learner_client.h"
#include "common/metrics/metrics_registry.h"
#include "common/rpc/transport_security.h"

namespace kmyriad {

// Client of Learner.Collect at "HOST:PORT" or "unix:PATH", over mutual TLS
// where `tls` says so. Calls are counted in `metrics`, unless it is null; it
// must outlive the client. INVALID_ARGUMENT for another address; a learner that
// is not there is no error yet.
absl::StatusOr<std::unique_ptr<LearnerClient>> MakeGrpcLearnerClient(
    const std::string& address, const TlsFiles& tls = {},
    MetricsRegistry* metrics = nullptr);

}  // namespace kmyriad

#endif  // KMYRIAD_ACTOR_ROLLOUT_GRPC_LEARNER_CLIENT_H_
