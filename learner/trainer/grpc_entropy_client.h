#ifndef KMYRIAD_LEARNER_TRAINER_GRPC_ENTROPY_CLIENT_H_
#define KMYRIAD_LEARNER_TRAINER_GRPC_ENTROPY_CLIENT_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "common/rpc/transport_security.h"
#include "kmyriad/v1/entropy_service.grpc.pb.h"
#include "learner/trainer/entropy_client.h"

namespace kmyriad {

// Client of a running entropy service, over mutual TLS where `tls` says so.
// Particles go in chunks of at most
// 1 MiB. An attempt has ten minutes; UNAVAILABLE and a passed deadline are
// retried with back-off for ever, since the call is idempotent.
// INVALID_ARGUMENT for a malformed address.
absl::StatusOr<std::unique_ptr<EntropyClient>> MakeGrpcEntropyClient(
    const std::string& address, const TlsFiles& tls = {});

// The same over a given stub; `address` stands in messages.
std::unique_ptr<EntropyClient> MakeGrpcEntropyClient(
    std::unique_ptr<v1::EntropyService::StubInterface> stub,
    std::string address);

}  // namespace kmyriad

#endif  // KMYRIAD_LEARNER_TRAINER_GRPC_ENTROPY_CLIENT_H_
