#include "learner/trainer/grpc_entropy_client.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/synchronization/mutex.h"
#include "common/base/copy_bytes.h"
#include "common/base/logging.h"
#include "common/base/status_macros.h"
#include "common/rpc/channel.h"
#include "common/rpc/message_codec.h"
#include "learner/trainer/grpc_replica_client.h"

namespace kmyriad {
namespace {

// Exact brute force over the largest allowed pool takes minutes on one core.
constexpr double kAttemptSeconds = 600;
// So often an epoch that the service has lost is scored for one Evaluate: a
// service may restart again and again, but one without room loses it for ever.
constexpr int kMostRescorings = 10;

using EvaluateStream = grpc::ClientReaderWriterInterface<v1::EvaluateRequest,
                                                         v1::EvaluateResponse>;

// A name of entropy.reward, and what it asks for.
struct RewardName {
  absl::string_view name;
  v1::RewardKind kind;
  v1::Credit credit;
};

constexpr RewardName kRewardNames[] = {
    {"forward", v1::REWARD_KIND_FORWARD, v1::CREDIT_UNSPECIFIED},
    {"apt", v1::REWARD_KIND_APT, v1::CREDIT_UNSPECIFIED},
    {"selfnorm_reverse", v1::REWARD_KIND_SELFNORM_REVERSE,
     v1::CREDIT_UNSPECIFIED},
    {"mepol_exact", v1::REWARD_KIND_MEPOL_EXACT, v1::CREDIT_UNSPECIFIED},
    {"cross_novelty", v1::REWARD_KIND_CROSS_NOVELTY, v1::CREDIT_UNSPECIFIED},
    {"marginal", v1::REWARD_KIND_MARGINAL, v1::CREDIT_LEAVE_ONE_OUT},
    {"marginal_uniform", v1::REWARD_KIND_MARGINAL, v1::CREDIT_UNIFORM},
    {"marginal_shuffled", v1::REWARD_KIND_MARGINAL, v1::CREDIT_SHUFFLED}};

absl::StatusOr<RewardName> FindReward(absl::string_view name) {
  for (const RewardName& known : kRewardNames) {
    if (known.name == name) return known;
  }
  return absl::InvalidArgumentError(
      absl::StrCat("reward = ", name, ": the protocol has none of that name"));
}

absl::StatusOr<v1::ScoreEpochRequest> Header(const ScoreRequest& request) {
  KMYRIAD_ASSIGN_OR_RETURN(const RewardName reward, FindReward(request.reward));
  v1::ScoreEpochRequest message;
  v1::ScoreEpochHeader& header = *message.mutable_header();
  header.set_run_uuid(ToBytes(request.run_uuid));
  header.set_epoch(request.epoch);
  header.set_particle_digest(ToBytes(request.particle_digest));
  header.set_envs(request.envs);
  header.set_horizon(request.horizon);
  header.set_agents(request.agents);
  header.set_dims(request.dims);
  header.set_k(request.k);
  header.set_floor(request.floor);
  header.set_theiler_window(request.theiler_window);
  header.set_engine(request.engine);
  header.mutable_periods()->Assign(request.periods.begin(),
                                   request.periods.end());
  header.set_measure_divergences(request.measure_divergences);
  header.set_reward(reward.kind);
  header.set_credit(reward.credit);
  header.set_pooling(request.collective ? v1::POOLING_COLLECTIVE
                                        : v1::POOLING_INDIVIDUAL);
  header.set_window(request.window);
  header.set_seed(request.seed);
  header.set_keep_neighbors(request.keep_neighbors);
  if (!request.coverage.reachable.empty()) {
    *header.mutable_coverage() = ToProto(request.coverage);
  }
  return message;
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
  result->reward_std = summary.reward_std();
  result->in_degree_std = summary.in_degree_std();
  result->owner_share = summary.owner_share();
  result->redundancy = summary.redundancy();
  result->vendi_score = summary.vendi_score();
  result->divergence_nats = summary.divergence_nats();
  const std::string& divergences = summary.agent_divergences_nats();
  const size_t agents = request.measure_divergences ? request.agents : 0;
  if (divergences.size() != agents * sizeof(double)) {
    return BadAnswer(absl::StrCat(
        divergences.size(), " bytes of divergences for ", agents, " agents"));
  }
  result->agent_divergences_nats.resize(agents);
  CopyBytes(result->agent_divergences_nats.data(), divergences.data(),
            divergences.size());
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
  CopyBytes(result->cell_visits.data(), visits.data(), visits.size());
  return absl::OkStatus();
}

// Appends the numbers of a chunk that starts with particle `first`.
absl::Status ReadNumbers(absl::string_view what, uint64_t first,
                         const std::string& bytes, uint64_t particles,
                         std::vector<float>* numbers) {
  const uint64_t count = bytes.size() / sizeof(float);
  const uint64_t present = numbers->size();
  if (first != present || count == 0 || bytes.size() % sizeof(float) != 0 ||
      count > particles - present) {
    return BadAnswer(absl::StrCat("a chunk of ", what, "s out of turn"));
  }
  numbers->resize(present + count);
  float* const target = numbers->data() + present;
  CopyBytes(target, bytes.data(), bytes.size());
  if (!std::all_of(target, target + count,
                   [](float number) { return std::isfinite(number); })) {
    return BadAnswer(absl::StrCat("a ", what, " that is not finite"));
  }
  return absl::OkStatus();
}

// Everything up to the end of the stream.
absl::Status ReadAnswer(const ScoreRequest& request, ScoreStream& stream,
                        ScoreResult* result) {
  const uint64_t particles = request.samples();
  v1::ScoreEpochResponse response;
  bool summary = false;
  while (stream.Read(&response)) {
    if (response.has_summary() && !summary) {
      summary = true;
      KMYRIAD_RETURN_IF_ERROR(ReadSummary(request, response.summary(), result));
    } else if (response.has_chunk() && summary) {
      KMYRIAD_RETURN_IF_ERROR(ReadNumbers("reward", response.chunk().first(),
                                          response.chunk().rewards(), particles,
                                          &result->rewards));
    } else {
      return BadAnswer("a message out of turn");
    }
  }
  return absl::OkStatus();
}

bool SendLogWeights(const float* log_weights, uint64_t particles,
                    EvaluateStream& stream) {
  constexpr uint64_t kStep = kChunkBytes / sizeof(float);
  v1::EvaluateRequest message;
  for (uint64_t first = 0; first < particles; first += kStep) {
    const uint64_t count = std::min(kStep, particles - first);
    message.mutable_chunk()->set_first(first);
    message.mutable_chunk()->set_log_weights(log_weights + first,
                                             count * sizeof(float));
    if (!stream.Write(message)) return false;
  }
  return stream.WritesDone();
}

absl::Status ReadEvaluateSummary(uint32_t agents,
                                 const v1::EvaluateSummary& summary,
                                 EvaluateResult* result) {
  result->entropy_nats = summary.entropy_nats();
  result->kl_nats = summary.kl_nats();
  result->effective_samples = summary.effective_samples();
  result->seconds = summary.seconds();
  const std::string& bytes = summary.agent_effective_samples();
  if (bytes.size() != agents * sizeof(double)) {
    return BadAnswer(absl::StrCat(
        bytes.size(), " bytes of effective samples for ", agents, " agents"));
  }
  result->agent_effective_samples.resize(agents);
  CopyBytes(result->agent_effective_samples.data(), bytes.data(), bytes.size());
  return absl::OkStatus();
}

absl::Status ReadEvaluation(const ScoreRequest& epoch, EvaluateStream& stream,
                            EvaluateResult* result) {
  const uint64_t particles = epoch.samples();
  v1::EvaluateResponse response;
  bool summary = false;
  while (stream.Read(&response)) {
    if (response.has_summary() && !summary) {
      summary = true;
      KMYRIAD_RETURN_IF_ERROR(
          ReadEvaluateSummary(epoch.agents, response.summary(), result));
    } else if (response.has_chunk() && summary) {
      KMYRIAD_RETURN_IF_ERROR(ReadNumbers("gradient", response.chunk().first(),
                                          response.chunk().entropy(), particles,
                                          &result->entropy_gradient));
    } else {
      return BadAnswer("a message out of turn");
    }
  }
  return absl::OkStatus();
}

class GrpcEntropyClient : public EntropyClient {
 public:
  explicit GrpcEntropyClient(std::vector<EntropyReplica> replicas)
      : replicas_(std::move(replicas)),
        address_(replicas_.size() == 1
                     ? replicas_[0].address
                     : absl::StrCat("all ", replicas_.size(), " replicas")) {}

  absl::StatusOr<ScoreResult> ScoreEpoch(const ScoreRequest& request,
                                         const WaitForRetry& wait) override {
    return Score(request, wait);
  }

  absl::StatusOr<EvaluateResult> Evaluate(const ScoreRequest& epoch,
                                          WeightedForm form,
                                          const float* log_weights,
                                          const WaitForRetry& wait) override {
    v1::EvaluateRequest message;
    v1::EvaluateHeader& header = *message.mutable_header();
    header.set_run_uuid(ToBytes(epoch.run_uuid));
    header.set_epoch(epoch.epoch);
    header.set_particle_digest(ToBytes(epoch.particle_digest));
    header.set_form(form == WeightedForm::kMepol
                        ? v1::WEIGHTED_FORM_MEPOL
                        : v1::WEIGHTED_FORM_SELF_NORMALIZED);
    const auto attempt = [&](grpc::ClientContext& context) {
      return ExchangeWeights(message, epoch, log_weights, context);
    };
    absl::StatusOr<EvaluateResult> result =
        Retry<EvaluateResult>(attempt, wait);
    ScoreRequest kept = epoch;
    kept.keep_neighbors = true;
    Backoff backoff(LongestBackoff(address_));
    for (int i = 0; i < kMostRescorings && IsNotHeld(result.status()); ++i) {
      if (i == 0) {
        LogInfo("entropy: ", address_, " does not hold epoch ", epoch.epoch,
                ", which is scored again: ", result.status().message());
      } else {
        KMYRIAD_RETURN_IF_ERROR(Wait(result.status(), wait, &backoff));
      }
      KMYRIAD_RETURN_IF_ERROR(Score(kept, wait).status());
      result = Retry<EvaluateResult>(attempt, wait);
    }
    return result;
  }

  void Cancel() override {
    absl::MutexLock lock(&mutex_);
    cancelled_ = true;
    CancelCalls();
  }

  void ClearCancel() override {
    absl::MutexLock lock(&mutex_);
    cancelled_ = false;
  }

 private:
  absl::StatusOr<ScoreResult> Score(const ScoreRequest& request,
                                    const WaitForRetry& wait) {
    KMYRIAD_ASSIGN_OR_RETURN(const v1::ScoreEpochRequest header,
                             Header(request));
    return Retry<ScoreResult>(
        [&](grpc::ClientContext& context) -> absl::StatusOr<ScoreResult> {
          if (replicas_.size() == 1) {
            return ExchangeParticles(header, request, nullptr, context);
          }
          if (!Shardable(header.header())) {
            NoteUnshared();
            return ExchangeParticles(header, request, nullptr, context);
          }
          KMYRIAD_ASSIGN_OR_RETURN(const std::vector<float> distances,
                                   SearchAll(header, request));
          return ExchangeParticles(header, request, distances.data(), context);
        },
        wait);
  }

  void NoteUnshared() ABSL_LOCKS_EXCLUDED(mutex_) {
    absl::MutexLock lock(&mutex_);
    if (noted_unshared_) return;
    noted_unshared_ = true;
    LogInfo("entropy: ", replicas_[0].address, " alone scores, of ",
            replicas_.size(),
            " replicas: they share the search of entropy.reward = forward "
            "alone, without entropy.divergences or objective.kind = "
            "iw_entropy");
  }

  // The replicas can share its search; other epochs are one replica's.
  static bool Shardable(const v1::ScoreEpochHeader& header) {
    return header.reward() == v1::REWARD_KIND_FORWARD &&
           !header.keep_neighbors() && !header.measure_divergences();
  }

  absl::StatusOr<std::vector<float>> SearchAll(
      const v1::ScoreEpochRequest& header, const ScoreRequest& request) {
    std::vector<grpc::ClientContext> contexts(replicas_.size());
    for (grpc::ClientContext& context : contexts) {
      context.set_deadline(DeadlineAfter(kAttemptSeconds));
    }
    SetShardContexts(&contexts);
    auto distances = SearchReplicas(replicas_, header, request, contexts);
    SetShardContexts(nullptr);
    return distances;
  }

  // The service was restarted, or never kept the neighbours.
  static bool IsNotHeld(const absl::Status& status) {
    return absl::IsNotFound(status) || absl::IsFailedPrecondition(status);
  }

  // Before the next attempt; CANCELLED if it is given up.
  absl::Status Wait(const absl::Status& reason, const WaitForRetry& wait,
                    Backoff* backoff) const {
    if (wait(absl::StrCat("waiting for the entropy service at ", address_, ": ",
                          reason.message()),
             backoff->NextSeconds())) {
      return absl::OkStatus();
    }
    return absl::CancelledError("scoring was given up");
  }

  // Calls `attempt(context)` until it succeeds, fails for good, or is given up.
  template <typename Result, typename Attempt>
  absl::StatusOr<Result> Retry(const Attempt& attempt,
                               const WaitForRetry& wait) {
    Backoff backoff(LongestBackoff(address_));
    while (true) {
      grpc::ClientContext context;
      context.set_deadline(DeadlineAfter(kAttemptSeconds));
      SetContext(&context);
      absl::StatusOr<Result> result = attempt(context);
      SetContext(nullptr);
      const absl::Status& status = result.status();
      // A service that shuts down cancels its calls, too.
      if (!absl::IsUnavailable(status) && !absl::IsDeadlineExceeded(status) &&
          !(absl::IsCancelled(status) && !cancelled())) {
        return result;
      }
      KMYRIAD_RETURN_IF_ERROR(Wait(status, wait, &backoff));
    }
  }

  absl::StatusOr<ScoreResult> ExchangeParticles(
      const v1::ScoreEpochRequest& header, const ScoreRequest& request,
      const float* squared_distances, grpc::ClientContext& context) {
    const std::unique_ptr<ScoreStream> stream =
        replicas_[0].stub->ScoreEpoch(&context);
    ScoreResult result;
    absl::Status answer;
    if (stream->Write(header) &&
        SendParticles(request, squared_distances, *stream)) {
      answer = ReadAnswer(request, *stream, &result);
      if (!answer.ok()) context.TryCancel();
    }
    const absl::Status status = FromGrpcStatus(stream->Finish());
    KMYRIAD_RETURN_IF_ERROR(answer);
    KMYRIAD_RETURN_IF_ERROR(status);
    const uint64_t particles = request.samples();
    if (result.rewards.size() != particles) {
      return BadAnswer(absl::StrCat(result.rewards.size(), " rewards for ",
                                    particles, " particles"));
    }
    return result;
  }

  absl::StatusOr<EvaluateResult> ExchangeWeights(
      const v1::EvaluateRequest& header, const ScoreRequest& epoch,
      const float* log_weights, grpc::ClientContext& context) {
    const std::unique_ptr<EvaluateStream> stream =
        replicas_[0].stub->Evaluate(&context);
    const uint64_t particles = epoch.samples();
    EvaluateResult result;
    absl::Status answer;
    if (stream->Write(header) &&
        SendLogWeights(log_weights, particles, *stream)) {
      answer = ReadEvaluation(epoch, *stream, &result);
      if (!answer.ok()) context.TryCancel();
    }
    const absl::Status status = FromGrpcStatus(stream->Finish());
    KMYRIAD_RETURN_IF_ERROR(answer);
    KMYRIAD_RETURN_IF_ERROR(status);
    if (result.entropy_gradient.size() != particles) {
      return BadAnswer(absl::StrCat(result.entropy_gradient.size(),
                                    " gradients for ", particles,
                                    " particles"));
    }
    return result;
  }

  bool cancelled() {
    absl::MutexLock lock(&mutex_);
    return cancelled_;
  }

  void SetContext(grpc::ClientContext* context) {
    absl::MutexLock lock(&mutex_);
    context_ = context;
    // Cancel may have come between two attempts, or before the first.
    if (cancelled_) CancelCalls();
  }

  void SetShardContexts(std::vector<grpc::ClientContext>* contexts) {
    absl::MutexLock lock(&mutex_);
    shard_contexts_ = contexts;
    if (cancelled_) CancelCalls();
  }

  void CancelCalls() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    if (context_ != nullptr) context_->TryCancel();
    if (shard_contexts_ == nullptr) return;
    for (grpc::ClientContext& context : *shard_contexts_) context.TryCancel();
  }

  // The first one scores.
  const std::vector<EntropyReplica> replicas_;
  // In messages.
  const std::string address_;
  absl::Mutex mutex_;
  // Of the call in progress; null between calls.
  grpc::ClientContext* context_ ABSL_GUARDED_BY(mutex_) = nullptr;
  // Of the replicas' searches in progress.
  std::vector<grpc::ClientContext>* shard_contexts_ ABSL_GUARDED_BY(mutex_) =
      nullptr;
  bool cancelled_ ABSL_GUARDED_BY(mutex_) = false;
  bool noted_unshared_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace

absl::StatusOr<std::unique_ptr<EntropyClient>> MakeGrpcEntropyClient(
    const std::string& addresses, const TlsFiles& tls,
    MetricsRegistry* metrics) {
  std::vector<EntropyReplica> replicas;
  for (const absl::string_view part : absl::StrSplit(addresses, ',')) {
    const std::string address(part);
    KMYRIAD_ASSIGN_OR_RETURN(
        const std::shared_ptr<grpc::Channel> channel,
        MakeChannel(address, {tls, Role::kEntropy}, metrics));
    replicas.push_back({v1::EntropyService::NewStub(channel), address});
  }
  return std::make_unique<GrpcEntropyClient>(std::move(replicas));
}

std::unique_ptr<EntropyClient> MakeGrpcEntropyClient(
    std::unique_ptr<v1::EntropyService::StubInterface> stub,
    std::string address) {
  std::vector<EntropyReplica> replicas;
  replicas.push_back({std::move(stub), std::move(address)});
  return std::make_unique<GrpcEntropyClient>(std::move(replicas));
}

}  // namespace kmyriad
