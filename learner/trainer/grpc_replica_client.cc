#include "learner/trainer/grpc_replica_client.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <thread>

#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "common/base/copy_bytes.h"
#include "common/base/status_macros.h"
#include "common/rpc/channel.h"

namespace kmyriad {
namespace {

// Distances of the particles from `first` on, in order; `have`: how many came.
absl::Status ReadDistances(uint64_t first, ScoreStream& stream,
                           absl::Span<float> out, size_t& have) {
  v1::ScoreEpochResponse response;
  bool summary = false;
  while (stream.Read(&response)) {
    if (response.has_summary() && !summary) {
      summary = true;
      continue;
    }
    const std::string& bytes = response.distances().squared_distances();
    const size_t count = bytes.size() / sizeof(float);
    if (!response.has_distances() || !summary ||
        response.distances().first() != first + have || count == 0 ||
        bytes.size() % sizeof(float) != 0 || count > out.size() - have) {
      return BadAnswer("a message out of turn");
    }
    CopyBytes(&out[have], bytes.data(), bytes.size());
    for (const float squared : out.subspan(have, count)) {
      if (std::isfinite(squared) && squared >= 0) continue;
      return BadAnswer(absl::StrCat("a squared distance of ", squared));
    }
    have += count;
  }
  return absl::OkStatus();
}

absl::Status SearchShard(const EntropyReplica& replica,
                         const v1::ScoreEpochRequest& header,
                         const ScoreRequest& request,
                         grpc::ClientContext& context, absl::Span<float> all) {
  const uint64_t index = header.header().shard_index();
  const uint64_t count = header.header().shard_count();
  const uint64_t first = all.size() * index / count;
  const uint64_t last = all.size() * (index + 1) / count;
  const std::unique_ptr<ScoreStream> stream =
      replica.stub->ScoreEpoch(&context);
  size_t have = 0;
  absl::Status answer;
  if (stream->Write(header) && SendParticles(request, nullptr, *stream)) {
    answer =
        ReadDistances(first, *stream, all.subspan(first, last - first), have);
    if (!answer.ok()) context.TryCancel();
  }
  const absl::Status status = FromGrpcStatus(stream->Finish());
  KMYRIAD_RETURN_IF_ERROR(answer);
  KMYRIAD_RETURN_IF_ERROR(status);
  if (have == last - first) return absl::OkStatus();
  return BadAnswer(
      absl::StrCat(have, " distances for ", last - first, " particles"));
}

}  // namespace

absl::Status BadAnswer(absl::string_view what) {
  return absl::InternalError(
      absl::StrCat("the entropy service answered ", what));
}

bool SendParticles(const ScoreRequest& request, const float* squared_distances,
                   ScoreStream& stream) {
  const uint64_t particles = request.particles_in_pool();
  const uint64_t row_bytes = request.dims * sizeof(float);
  const uint64_t step = kChunkBytes / (row_bytes + sizeof(float) + 1);
  v1::ScoreEpochRequest message;
  for (uint64_t first = 0; first < particles; first += step) {
    const uint64_t count = std::min(step, particles - first);
    v1::ParticleChunk& chunk = *message.mutable_chunk();
    chunk.set_first(first);
    chunk.set_features(request.particles + first * request.dims,
                       count * row_bytes);
    chunk.set_mask(request.mask + first, count);
    if (squared_distances != nullptr) {
      chunk.set_squared_distances(squared_distances + first,
                                  count * sizeof(float));
    }
    if (!stream.Write(message)) return false;
  }
  return stream.WritesDone();
}

absl::StatusOr<std::vector<float>> SearchReplicas(
    const std::vector<EntropyReplica>& replicas,
    const v1::ScoreEpochRequest& header, const ScoreRequest& request,
    std::vector<grpc::ClientContext>& contexts) {
  std::vector<float> distances(request.particles_in_pool());
  std::vector<absl::Status> statuses(replicas.size());
  // The first that fails; the others are cancelled because of it.
  std::atomic<size_t> failed = replicas.size();
  std::vector<std::thread> threads;
  for (size_t i = 0; i < replicas.size(); ++i) {
    threads.emplace_back([&, i] {
      v1::ScoreEpochRequest shard = header;
      shard.mutable_header()->clear_coverage();
      shard.mutable_header()->set_shard_index(static_cast<uint32_t>(i));
      shard.mutable_header()->set_shard_count(
          static_cast<uint32_t>(replicas.size()));
      statuses[i] = SearchShard(replicas[i], shard, request, contexts[i],
                                absl::MakeSpan(distances));
      size_t none = replicas.size();
      if (statuses[i].ok() || !failed.compare_exchange_strong(none, i)) return;
      for (grpc::ClientContext& context : contexts) context.TryCancel();
    });
  }
  for (std::thread& thread : threads) thread.join();
  if (failed == replicas.size()) return distances;
  const absl::Status& status = statuses[failed];
  return absl::Status(status.code(), absl::StrCat(replicas[failed].address,
                                                  ": ", status.message()));
}

}  // namespace kmyriad
