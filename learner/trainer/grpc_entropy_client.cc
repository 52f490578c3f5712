#include "learner/trainer/grpc_entropy_client.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "common/base/status_macros.h"
#include "common/rpc/channel.h"
#include "common/rpc/message_codec.h"

namespace kmyriad {
namespace {

constexpr uint64_t kChunkBytes = uint64_t{1} << 20;
// Exact brute force over the largest allowed pool takes minutes on one core.
constexpr double kAttemptSeconds = 600;

using Stream = grpc::ClientReaderWriterInterface<v1::ScoreEpochRequest,
                                                 v1::ScoreEpochResponse>;

v1::ScoreEpochRequest Header(const ScoreRequest& request) {
  const uint64_t particles = uint64_t{request.envs} * request.horizon;
  Sha256 hash;
  hash.Update(request.particles, particles * request.dims * sizeof(float));
  hash.Update(request.mask, particles);
  v1::ScoreEpochRequest message;
  v1::ScoreEpochHeader& header = *message.mutable_header();
  header.set_run_uuid(ToBytes(request.run_uuid));
  header.set_epoch(request.epoch);
  header.set_particle_digest(ToBytes(hash.Finish()));
  header.set_envs(request.envs);
  header.set_horizon(request.horizon);
  header.set_agents(request.agents);
  header.set_dims(request.dims);
  header.set_k(request.k);
  header.set_floor(request.floor);
  header.set_reward(v1::REWARD_KIND_FORWARD);
  header.set_pooling(request.collective ? v1::POOLING_COLLECTIVE
                                        : v1::POOLING_INDIVIDUAL);
  header.set_window(request.window);
  header.set_seed(request.seed);
  if (!request.coverage.reachable.empty()) {
    *header.mutable_coverage() = ToProto(request.coverage);
  }
  return message;
}

// False when the service has ended the stream.
bool SendParticles(const ScoreRequest& request, Stream& stream) {
  const uint64_t particles = uint64_t{request.envs} * request.horizon;
  const uint64_t row_bytes = request.dims * sizeof(float);
  const uint64_t step = kChunkBytes / (row_bytes + 1);
  v1::ScoreEpochRequest message;
  for (uint64_t first = 0; first < particles; first += step) {
    const uint64_t count = std::min(step, particles - first);
    v1::ParticleChunk& chunk = *message.mutable_chunk();
    chunk.set_first(first);
    chunk.set_features(request.particles + first * request.dims,
                       count * row_bytes);
    chunk.set_mask(request.mask + first, count);
    if (!stream.Write(message)) return false;
  }
  return stream.WritesDone();
}

absl::Status BadAnswer(absl::string_view what) {
  return absl::InternalError(
      absl::StrCat("the entropy service answered ", what));
}

absl::Status ReadSummary(const ScoreRequest& request,
                         const v1::ScoreEpochSummary& summary,
                         ScoreResult* result) {
  result->entropy_nats = summary.entropy_nats();
  result->grid_entropy_nats = summary.grid_entropy_nats();
  result->coverage = summary.coverage();
  result->diversity_nats = summary.diversity_nats();
  result->diversity_null_nats = summary.diversity_null_nats();
  result->log_volume_mean = summary.log_volume_mean();
  result->log_volume_std = summary.log_volume_std();
  result->masked = summary.masked();
  result->floored = summary.floored();
  result->unreachable_hits = summary.unreachable_hits();
  result->engine = summary.engine();
  result->seconds = summary.seconds();
  const std::string& visits = summary.cell_visits();
  if (visits.size() != request.coverage.reachable.size() * sizeof(uint32_t)) {
    return BadAnswer(absl::StrCat(visits.size(), " bytes of cell visits for ",
                                  request.coverage.reachable.size(), " cells"));
  }
  result->cell_visits.resize(request.coverage.reachable.size());
  std::memcpy(result->cell_visits.data(), visits.data(), visits.size());
  return absl::OkStatus();
}

absl::Status ReadRewards(const v1::RewardChunk& chunk, uint64_t particles,
                         std::vector<float>* rewards) {
  const uint64_t count = chunk.rewards().size() / sizeof(float);
  const uint64_t present = rewards->size();
  if (chunk.first() != present || count == 0 ||
      chunk.rewards().size() % sizeof(float) != 0 ||
      count > particles - present) {
    return BadAnswer("a chunk of rewards out of turn");
  }
  rewards->resize(present + count);
  float* const target = rewards->data() + present;
  std::memcpy(target, chunk.rewards().data(), chunk.rewards().size());
  if (!std::all_of(target, target + count,
                   [](float reward) { return std::isfinite(reward); })) {
    return BadAnswer("a reward that is not finite");
  }
  return absl::OkStatus();
}

// Everything up to the end of the stream.
absl::Status ReadAnswer(const ScoreRequest& request, Stream& stream,
                        ScoreResult* result) {
  const uint64_t particles = uint64_t{request.envs} * request.horizon;
  v1::ScoreEpochResponse response;
  bool summary = false;
  while (stream.Read(&response)) {
    if (response.has_summary() && !summary) {
      summary = true;
      KMYRIAD_RETURN_IF_ERROR(ReadSummary(request, response.summary(), result));
    } else if (response.has_chunk() && summary) {
      KMYRIAD_RETURN_IF_ERROR(
          ReadRewards(response.chunk(), particles, &result->rewards));
    } else {
      return BadAnswer("a message out of turn");
    }
  }
  return absl::OkStatus();
}

class GrpcEntropyClient : public EntropyClient {
 public:
  GrpcEntropyClient(std::unique_ptr<v1::EntropyService::StubInterface> stub,
                    std::string address)
      : stub_(std::move(stub)), address_(std::move(address)) {}

  absl::StatusOr<ScoreResult> ScoreEpoch(const ScoreRequest& request,
                                         const WaitForRetry& wait) override {
    {
      absl::MutexLock lock(&mutex_);
      cancelled_ = false;
    }
    const v1::ScoreEpochRequest header = Header(request);
    Backoff backoff(LongestBackoff(address_));
    while (true) {
      absl::StatusOr<ScoreResult> result = Attempt(header, request);
      const absl::Status& status = result.status();
      // A service that shuts down cancels its calls, too.
      if (!absl::IsUnavailable(status) && !absl::IsDeadlineExceeded(status) &&
          !(absl::IsCancelled(status) && !cancelled())) {
        return result;
      }
      const std::string reason =
          absl::StrCat("waiting for the entropy service at ", address_, ": ",
                       status.message());
      if (!wait(reason, backoff.NextSeconds())) {
        return absl::CancelledError("scoring was given up");
      }
    }
  }

  void Cancel() override {
    absl::MutexLock lock(&mutex_);
    cancelled_ = true;
    if (context_ != nullptr) context_->TryCancel();
  }

 private:
  absl::StatusOr<ScoreResult> Attempt(const v1::ScoreEpochRequest& header,
                                      const ScoreRequest& request) {
    grpc::ClientContext context;
    context.set_deadline(DeadlineAfter(kAttemptSeconds));
    SetContext(&context);
    ScoreResult result;
    absl::Status status = Exchange(header, request, context, &result);
    SetContext(nullptr);
    KMYRIAD_RETURN_IF_ERROR(status);
    return result;
  }

  absl::Status Exchange(const v1::ScoreEpochRequest& header,
                        const ScoreRequest& request,
                        grpc::ClientContext& context, ScoreResult* result) {
    const std::unique_ptr<Stream> stream = stub_->ScoreEpoch(&context);
    absl::Status answer;
    if (stream->Write(header) && SendParticles(request, *stream)) {
      answer = ReadAnswer(request, *stream, result);
      if (!answer.ok()) context.TryCancel();
    }
    const absl::Status status = FromGrpcStatus(stream->Finish());
    KMYRIAD_RETURN_IF_ERROR(answer);
    KMYRIAD_RETURN_IF_ERROR(status);
    const uint64_t particles = uint64_t{request.envs} * request.horizon;
    if (result->rewards.size() != particles) {
      return BadAnswer(absl::StrCat(result->rewards.size(), " rewards for ",
                                    particles, " particles"));
    }
    return absl::OkStatus();
  }

  bool cancelled() {
    absl::MutexLock lock(&mutex_);
    return cancelled_;
  }

  void SetContext(grpc::ClientContext* context) {
    absl::MutexLock lock(&mutex_);
    context_ = context;
    // Cancel may have come between two attempts.
    if (cancelled_ && context != nullptr) context->TryCancel();
  }

  const std::unique_ptr<v1::EntropyService::StubInterface> stub_;
  const std::string address_;
  absl::Mutex mutex_;
  // Of the call in progress; null between calls.
  grpc::ClientContext* context_ ABSL_GUARDED_BY(mutex_) = nullptr;
  bool cancelled_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace

absl::StatusOr<std::unique_ptr<EntropyClient>> MakeGrpcEntropyClient(
    const std::string& address, const TlsFiles& tls) {
  KMYRIAD_ASSIGN_OR_RETURN(const std::shared_ptr<grpc::Channel> channel,
                           MakeChannel(address, {tls, Role::kEntropy}));
  return MakeGrpcEntropyClient(v1::EntropyService::NewStub(channel), address);
}

std::unique_ptr<EntropyClient> MakeGrpcEntropyClient(
    std::unique_ptr<v1::EntropyService::StubInterface> stub,
    std::string address) {
  return std::make_unique<GrpcEntropyClient>(std::move(stub),
                                             std::move(address));
}

}  // namespace kmyriad
