#ifndef KMYRIAD_LEARNER_TRAINER_GRPC_ENTROPY_CLIENT_H_
#define KMYRIAD_LEARNER_TRAINER_GRPC_ENTROPY_CLIENT_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "common/metrics/metrics_registry.h"
#include "common/rpc/transport_security.h"
#include "kmyriad/v1/entropy_service.grpc.pb.h"
#include "learner/trainer/entropy_client.h"

namespace kmyriad {

// Client of a running entropy service, over mutual TLS where `tls` says so.
// Particles go in chunks of at most
// 1 MiB. An attempt has ten minutes; UNAVAILABLE and a passed deadline are
// retried with back-off for ever, since the call is idempotent.
// INVALID_ARGUMENT for a malformed address.
//
// With several addresses, separated by commas, the services are replicas that
// share the search of every epoch paid with "forward" (grpc_replica_client.h);
// the first one does the rest, and other epochs alone. A replica that is not
// there is waited for: an epoch is never scored by fewer particles. The number
// of replicas does not change a bit of the answer. Calls are counted in
// `metrics`, unless it is null; it must outlive the client.
absl::StatusOr<std::unique_ptr<EntropyClient>> MakeGrpcEntropyClient(
    const std::string& addresses, const TlsFiles& tls = {},
    MetricsRegistry* metrics = nullptr);

// The same over a given stub; `address` stands in messages.
std::unique_ptr<EntropyClient> MakeGrpcEntropyClient(
    std::unique_ptr<v1::EntropyService::StubInterface> stub,
    std::string address);

}  // namespace kmyriad

#endif  // KMYRIAD_LEARNER_TRAINER_GRPC_ENTROPY_CLIENT_H_
