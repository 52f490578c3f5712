#include "entropy_service/entropy_service_impl.h"

#include <algorithm>
#include <cstddef>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/base/digest.h"
#include "common/base/logging.h"
#include "common/base/status_macros.h"
#include "common/rpc/channel.h"
#include "common/rpc/message_codec.h"
#include "common/rpc/stream_reactor.h"
#include "entropy_service/epoch_evaluation.h"
#include "entropy_service/score_header_codec.h"

namespace kmyriad {
namespace {

// Rewards per message: 256 KiB.
constexpr size_t kChunkRewards = size_t{1} << 16;

using Stream = StreamReactor<v1::ScoreEpochRequest, v1::ScoreEpochResponse>;
using Evaluation = StreamReactor<v1::EvaluateRequest, v1::EvaluateResponse>;

// A place among the streams. Given back before the peer sees the end of an
// answer, so that a client's next call finds it free, or else when the last
// holder is gone.
class Slot {
 public:
  explicit Slot(std::shared_ptr<std::atomic<int>> open)
      : open_(std::move(open)), number_(open_->fetch_add(1) + 1) {}
  ~Slot() { GiveBack(); }
  Slot(const Slot&) = delete;
  Slot& operator=(const Slot&) = delete;
  bool granted() const { return number_ <= EntropyServiceImpl::kMaxStreams; }
  // Idempotent.
  void GiveBack() {
    if (!given_back_.exchange(true)) open_->fetch_sub(1);
  }

 private:
  const std::shared_ptr<std::atomic<int>> open_;
  const int number_;
  std::atomic<bool> given_back_ = false;
};

// What outlives the stream while the worker has its epoch.
template <typename Input>
struct Job {
  Slot slot;
  std::atomic<bool> ended = false;
  std::optional<Input> input;

  explicit Job(std::shared_ptr<std::atomic<int>> open)
      : slot(std::move(open)) {}
};

absl::Status TooManyStreams() {
  return absl::UnavailableError(
      absl::StrCat("streams: ", EntropyServiceImpl::kMaxStreams,
                   " are open already; retry when one has ended"));
}

// Little-endian bytes of a vector of numbers.
template <typename T>
std::string BytesOf(const T* values, size_t count) {
  return std::string(reinterpret_cast<const char*>(values), count * sizeof(T));
}

v1::ScoreEpochResponse SummaryOf(const ScoredEpoch& scored) {
  v1::ScoreEpochResponse response;
  v1::ScoreEpochSummary& summary = *response.mutable_summary();
  summary.set_entropy_nats(scored.entropy_nats);
  summary.set_grid_entropy_nats(scored.grid_entropy_nats);
  summary.set_coverage(scored.coverage);
  summary.set_cell_visits(
      BytesOf(scored.cell_visits.data(), scored.cell_visits.size()));
  summary.set_diversity_nats(scored.diversity_nats);
  summary.set_diversity_null_nats(scored.diversity_null_nats);
  summary.set_masked(scored.masked);
  summary.set_floored(scored.floored);
  summary.set_log_volume_mean(scored.log_volume_mean);
  summary.set_log_volume_std(scored.log_volume_std);
  summary.set_engine(scored.engine);
  summary.set_seconds(scored.seconds);
  summary.set_unreachable_hits(scored.unreachable_hits);
  summary.set_reward_std(scored.reward_std);
  summary.set_in_degree_std(scored.in_degree_std);
  summary.set_agent_marginals_nats(BytesOf(scored.agent_marginals_nats.data(),
                                           scored.agent_marginals_nats.size()));
  summary.set_agent_divergences_nats(
      BytesOf(scored.agent_divergences_nats.data(),
              scored.agent_divergences_nats.size()));
  summary.set_divergence_nats(scored.divergence_nats);
  summary.set_owner_share(scored.sharing.owner_share);
  summary.set_redundancy(scored.sharing.redundancy);
  summary.set_vendi_score(scored.sharing.vendi_score);
  return response;
}

void SendScores(const ScoredEpoch& scored, Stream::Handle& stream) {
  stream.Send(SummaryOf(scored));
  for (size_t first = 0; first < scored.rewards.size();
       first += kChunkRewards) {
    const size_t count = std::min(kChunkRewards, scored.rewards.size() - first);
    v1::ScoreEpochResponse response;
    response.mutable_chunk()->set_first(first);
    response.mutable_chunk()->set_rewards(
        BytesOf(scored.rewards.data() + first, count));
    stream.Send(std::move(response));
  }
  for (size_t first = 0; first < scored.squared_distances.size();
       first += kChunkRewards) {
    const size_t count =
        std::min(kChunkRewards, scored.squared_distances.size() - first);
    v1::ScoreEpochResponse response;
    v1::DistanceChunk& chunk = *response.mutable_distances();
    chunk.set_first(scored.request.first_of_shard(scored.request.shard_index) +
                    first);
    chunk.set_squared_distances(
        BytesOf(scored.squared_distances.data() + first, count));
    stream.Send(std::move(response));
  }
}

// What both calls do: a header, chunks up to the last number, then the epoch is
// the worker's.
template <typename Upload, typename Request, typename Input>
class EpochUpload : public Upload {
 protected:
  EpochUpload(EntropyEngine& engine, EntropyMetrics& metrics,
              ThreadPool& worker, std::shared_ptr<std::atomic<int>> open)
      : engine_(engine),
        metrics_(metrics),
        worker_(worker),
        job_(std::make_shared<Job<Input>>(std::move(open))) {}

  // At the end of the constructor: from then on there are messages.
  void Begin() {
    if (job_->slot.granted()) {
      this->ReadNext();
    } else {
      Refuse(TooManyStreams());
    }
  }

  // Takes what the message says into the job's input.
  virtual absl::Status Take(const Request& request) = 0;
  // Hands the complete input to the worker.
  virtual void Schedule() = 0;
  // What has come of an input that is not complete: "1 of 2 particles".
  virtual std::string Received() const = 0;

  EntropyEngine& engine_;
  EntropyMetrics& metrics_;
  ThreadPool& worker_;
  const std::shared_ptr<Job<Input>> job_;

 private:
  void OnMessage(Request& request) override {
    // Once it is scheduled, the input is the worker's.
    const absl::Status status =
        scheduled_
            ? absl::InvalidArgumentError("a message after the last chunk")
            : Take(request);
    if (!status.ok()) {
      Refuse(status);
      return;
    }
    if (job_->input.has_value() && job_->input->complete()) {
      scheduled_ = true;
      Schedule();
    }
    this->ReadNext();
  }

  void OnClosed() override {
    if (scheduled_ || refused_) return;
    Refuse(absl::InvalidArgumentError(
        job_->input.has_value()
            ? absl::StrCat("the stream ended after ", Received())
            : "the stream ended before the header"));
  }

  void OnEnd() override { job_->ended.store(true); }

  void Refuse(const absl::Status& status) {
    refused_ = true;
    metrics_.Rejected(status);
    this->Close(ToGrpcStatus(status));
  }

  bool scheduled_ = false;
  bool refused_ = false;
};

// One ScoreEpoch call.
class ScoreStream final
    : public EpochUpload<Stream, v1::ScoreEpochRequest, EpochParticles> {
 public:
  ScoreStream(EntropyEngine& engine, EntropyMetrics& metrics,
              ThreadPool& worker, std::shared_ptr<std::atomic<int>> open)
      : EpochUpload(engine, metrics, worker, std::move(open)) {
    metrics_.StreamOpened();
    Begin();
  }

 private:
  std::string Received() const override {
    return absl::StrCat(job_->input->mask().size(), " of ",
                        job_->input->request().particles(), " particles");
  }

  absl::Status Take(const v1::ScoreEpochRequest& request) override {
    switch (request.message_case()) {
      case v1::ScoreEpochRequest::kHeader: {
        if (job_->input.has_value()) {
          return absl::InvalidArgumentError("a second header");
        }
        KMYRIAD_ASSIGN_OR_RETURN(ScoreRequest header,
                                 ScoreRequestFromProto(request.header()));
        KMYRIAD_ASSIGN_OR_RETURN(job_->input,
                                 EpochParticles::Create(std::move(header)));
        return absl::OkStatus();
      }
      case v1::ScoreEpochRequest::kChunk: {
        if (!job_->input.has_value()) {
          return absl::InvalidArgumentError("a chunk before the header");
        }
        return job_->input->Append(
            request.chunk().first(), request.chunk().features(),
            request.chunk().mask(), request.chunk().squared_distances());
      }
      case v1::ScoreEpochRequest::MESSAGE_NOT_SET:
        break;
    }
    return absl::InvalidArgumentError(
        "a message that is neither header nor "
        "chunk");
  }

  void Schedule() override {
    worker_.Schedule([&engine = engine_, job = job_, stream = handle()] {
      if (job->ended.load()) return;
      const ScoreRequest& request = job->input->request();
      SetLogRun(ToHex(request.run_uuid));
      // Strictly on-policy: the first epoch is that of version 0.
      SetLogPolicyVersion(request.epoch - 1);
      const auto scored = engine.Score(*job->input, &job->ended);
      // Before the answer, which may be large, too.
      job->input.reset();
      if (scored.ok()) SendScores(**scored, *stream);
      stream->Close(ToGrpcStatus(scored.status()),
                    [job] { job->slot.GiveBack(); });
    });
  }
};

void SendEvaluation(const EvaluatedEpoch& evaluated, double seconds,
                    Evaluation::Handle& stream) {
  v1::EvaluateResponse first_response;
  v1::EvaluateSummary& summary = *first_response.mutable_summary();
  summary.set_entropy_nats(evaluated.entropy_nats);
  summary.set_kl_nats(evaluated.kl_nats);
  summary.set_effective_samples(evaluated.effective_samples);
  summary.set_agent_effective_samples(
      BytesOf(evaluated.agent_effective_samples.data(),
              evaluated.agent_effective_samples.size()));
  summary.set_seconds(seconds);
  stream.Send(std::move(first_response));
  const size_t particles = evaluated.entropy_gradient.size();
  for (size_t first = 0; first < particles; first += kChunkRewards) {
    const size_t count = std::min(kChunkRewards, particles - first);
    v1::EvaluateResponse response;
    v1::GradientChunk& chunk = *response.mutable_chunk();
    chunk.set_first(first);
    chunk.set_entropy(
        BytesOf(evaluated.entropy_gradient.data() + first, count));
    stream.Send(std::move(response));
  }
}

// One Evaluate call.
class EvaluateStream final
    : public EpochUpload<Evaluation, v1::EvaluateRequest, EpochEvaluation> {
 public:
  EvaluateStream(EntropyEngine& engine, EntropyMetrics& metrics,
                 ThreadPool& worker, std::shared_ptr<std::atomic<int>> open)
      : EpochUpload(engine, metrics, worker, std::move(open)) {
    Begin();
  }

 private:
  std::string Received() const override {
    return absl::StrCat(job_->input->received(), " of ",
                        job_->input->particles(), " log-weights");
  }

  absl::Status Take(const v1::EvaluateRequest& request) override {
    if (request.has_header()) {
      if (job_->input.has_value()) {
        return absl::InvalidArgumentError("a second header");
      }
      return Find(request.header());
    }
    if (!request.has_chunk()) {
      return absl::InvalidArgumentError(
          "a message that is neither header nor chunk");
    }
    if (!job_->input.has_value()) {
      return absl::InvalidArgumentError("a chunk before the header");
    }
    return job_->input->Append(request.chunk().first(),
                               request.chunk().log_weights());
  }

  absl::Status Find(const v1::EvaluateHeader& header) {
    KMYRIAD_ASSIGN_OR_RETURN(const WeightedForm form,
                             WeightedFormFromProto(header.form()));
    KMYRIAD_ASSIGN_OR_RETURN(const Uuid run,
                             UuidFromBytes(header.run_uuid(), "run_uuid"));
    KMYRIAD_ASSIGN_OR_RETURN(
        const Digest digest,
        DigestFromBytes(header.particle_digest(), "particle_digest"));
    KMYRIAD_ASSIGN_OR_RETURN(auto epoch,
                             engine_.FindEpoch(run, header.epoch(), digest));
    KMYRIAD_ASSIGN_OR_RETURN(job_->input,
                             EpochEvaluation::Create(std::move(epoch), form));
    return absl::OkStatus();
  }

  void Schedule() override {
    worker_.Schedule([&metrics = metrics_, job = job_, stream = handle()] {
      if (job->ended.load()) return;
      const double start = RealClock().MonotonicSeconds();
      const EvaluatedEpoch evaluated = job->input->Compute();
      job->input.reset();
      const double seconds = RealClock().MonotonicSeconds() - start;
      metrics.Evaluated(seconds);
      SendEvaluation(evaluated, seconds, *stream);
      stream->Close(grpc::Status::OK, [job] { job->slot.GiveBack(); });
    });
  }
};

}  // namespace

EntropyServiceImpl::EntropyServiceImpl(EntropyEngine& engine,
                                       EntropyMetrics& metrics)
    : engine_(engine),
      metrics_(metrics),
      open_streams_(std::make_shared<std::atomic<int>>(0)),
      worker_(1) {}

grpc::ServerBidiReactor<v1::ScoreEpochRequest, v1::ScoreEpochResponse>*
EntropyServiceImpl::ScoreEpoch(grpc::CallbackServerContext* /*context*/) {
  // Deletes itself when the call is done.
  return new ScoreStream(engine_, metrics_, worker_, open_streams_);
}

grpc::ServerBidiReactor<v1::EvaluateRequest, v1::EvaluateResponse>*
EntropyServiceImpl::Evaluate(grpc::CallbackServerContext* /*context*/) {
  return new EvaluateStream(engine_, metrics_, worker_, open_streams_);
}

grpc::ServerUnaryReactor* EntropyServiceImpl::GetCoverage(
    grpc::CallbackServerContext* context, const v1::GetCoverageRequest* request,
    v1::GetCoverageResponse* response) {
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  const absl::Status status = [&]() -> absl::Status {
    KMYRIAD_ASSIGN_OR_RETURN(const Uuid run,
                             UuidFromBytes(request->run_uuid(), "run_uuid"));
    KMYRIAD_ASSIGN_OR_RETURN(const auto last, engine_.LastEpoch(run));
    if (!last->request.coverage.has_value()) {
      return absl::NotFoundError(
          absl::StrCat("run ", ToHex(run),
                       ": its epochs were scored without a coverage "
                       "grid"));
    }
    response->set_epoch(last->request.epoch);
    *response->mutable_grid() = ToProto(*last->request.coverage);
    response->set_cell_visits(
        BytesOf(last->cell_visits.data(), last->cell_visits.size()));
    return absl::OkStatus();
  }();
  if (!status.ok()) metrics_.Rejected(status);
  reactor->Finish(ToGrpcStatus(status));
  return reactor;
}

grpc::ServerUnaryReactor* EntropyServiceImpl::GetInfo(
    grpc::CallbackServerContext* context, const v1::GetInfoRequest* /*request*/,
    v1::GetInfoResponse* response) {
  const EntropyInfo info = engine_.Info();
  response->set_revision(info.revision);
  response->set_instruction_set(info.instruction_set);
  response->set_threads(static_cast<uint32_t>(info.threads));
  response->set_engine(info.engine);
  response->set_engine_reason(info.engine_reason);
  response->set_epochs_scored(info.epochs_scored);
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  reactor->Finish(grpc::Status::OK);
  return reactor;
}

}  // namespace kmyriad
