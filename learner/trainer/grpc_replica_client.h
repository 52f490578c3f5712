#ifndef KMYRIAD_LEARNER_TRAINER_GRPC_REPLICA_CLIENT_H_
#define KMYRIAD_LEARNER_TRAINER_GRPC_REPLICA_CLIENT_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "kmyriad/v1/entropy_service.grpc.pb.h"
#include "learner/trainer/entropy_client.h"

namespace kmyriad {

// What both clients' streams have in common.

using ScoreStream = grpc::ClientReaderWriterInterface<v1::ScoreEpochRequest,
                                                      v1::ScoreEpochResponse>;

// Bytes of numbers in one message, well below its limit.
inline constexpr uint64_t kChunkBytes = uint64_t{1} << 20;

// INTERNAL: an answer that breaks the protocol; asking again would not help.
absl::Status BadAnswer(absl::string_view what);

// Sends all particles in chunks of at most kChunkBytes, and with them, unless
// null, squared_distances [particles_in_pool()]. False when the service has
// ended the stream.
bool SendParticles(const ScoreRequest& request, const float* squared_distances,
                   ScoreStream& stream);

// One of the services that share an epoch's queries.
struct EntropyReplica {
  std::unique_ptr<v1::EntropyService::StubInterface> stub;
  // For messages.
  std::string address;
};

// Squared k-th distances of all particles [particles_in_pool()]: every replica
// gets all particles and searches its share of them, all at the same time, each
// call in its context [replicas]. The share of a particle does not change its
// distance, so any number of replicas gives the same bits. A replica that fails
// makes the whole search fail with its status, the address in front, and the
// other calls are cancelled. `header` is the epoch's.
absl::StatusOr<std::vector<float>> SearchReplicas(
    const std::vector<EntropyReplica>& replicas,
    const v1::ScoreEpochRequest& header, const ScoreRequest& request,
    std::vector<grpc::ClientContext>& contexts);

}  // namespace kmyriad

#endif  // KMYRIAD_LEARNER_TRAINER_GRPC_REPLICA_CLIENT_H_
