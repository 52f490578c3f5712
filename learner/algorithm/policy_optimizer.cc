#include "learner/algorithm/policy_optimizer.h"

#include <ATen/ATen.h>
#include <c10/core/InferenceMode.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <exception>
#include <new>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "common/base/thread_pool.h"
#include "learner/algorithm/adam.h"
#include "learner/algorithm/epoch_data.h"
#include "learner/algorithm/gradient_clip.h"
#include "learner/algorithm/gradient_worker.h"
#include "learner/algorithm/objective.h"
#include "learner/algorithm/schedules.h"
#include "learner/algorithm/torch_runtime.h"
#include "learner/network/initial_weights.h"
#include "learner/network/multi_head_actor_critic.h"

namespace kmyriad {
namespace {

// Bounds of the log standard deviation (method.md 1.1).
constexpr double kMinLogStd = -2.5;
constexpr double kMaxLogStd = 0.5;

// Samples per agent that go through the network at once: a thread's
// activations stay within the last cache level. Many agents get more rows,
// since each chunk also passes over all head weights.
int64_t ChunkSamples(int64_t agents) {
  constexpr int64_t kRows = 1024;
  constexpr int64_t kLeastSamplesPerAgent = 8;
  return std::max(kLeastSamplesPerAgent, kRows / agents);
}

// Parameters that one sample goes through.
uint64_t TrunkSize(const NetworkShape& shape, uint64_t inputs) {
  uint64_t touched = 0;
  for (const uint32_t width : shape.trunk) {
    touched += width * (inputs + 1);
    inputs = width;
  }
  return touched;
}

uint64_t ActorSize(const NetworkShape& shape) {
  // Head, bias, log-std.
  return TrunkSize(shape, shape.obs_dim) +
         shape.act_dim * (uint64_t{shape.trunk.back()} + 2);
}

uint64_t CriticSize(const NetworkShape& shape) {
  // Value, embedding.
  return TrunkSize(shape, kEmbeddingSize + shape.obs_dim) + shape.trunk.back() +
         1 + kEmbeddingSize;
}

class TorchPolicyOptimizer : public PolicyOptimizer {
 public:
  TorchPolicyOptimizer(const PolicyOptimizerOptions& options, at::Device device,
                       std::unique_ptr<Objective> objective)
      : options_(options),
        master_(at::TensorOptions().dtype(at::kFloat).device(device)),
        chunk_(ChunkSamples(options.shape.agents)),
        objective_(std::move(objective)),
        network_(options.shape, master_,
                 options.precision == "bf16" ? at::kBFloat16 : at::kFloat),
        adam_(network_.TrunkParameters(), network_.HeadParameters(),
              objective_->uses_critic() ? network_.CriticParameters()
                                        : ParameterList(),
              objective_->uses_critic() ? network_.Embedding() : nullptr) {
    for (int i = 0; i < options.threads; ++i) {
      workers_.push_back(std::make_unique<GradientWorker>(
          network_, *objective_,
          objective_->uses_critic() ? options.entropy_coefficient : 0));
    }
    if (options.threads > 1) {
      pool_ = std::make_unique<ThreadPool>(options.threads - 1);
    }
  }

  absl::Status Initialize() {
    return network_.Load(InitialParameters(options_.shape,
                                           options_.initial_log_std,
                                           options_.head_noise, options_.seed));
  }

  absl::StatusOr<PolicyWeights> Policy(
      const std::vector<float>& normalizer_mean,
      const std::vector<float>& normalizer_inv_std) override;
  absl::StatusOr<UpdateStats> Update(
      const EpochSamples& samples, uint64_t epoch,
      const std::vector<float>& normalizer_mean,
      const std::vector<float>& normalizer_inv_std,
      const std::function<bool(double)>& progress) override;
  void CopyHeads(const std::vector<HeadCopy>& copies, double noise,
                 uint64_t epoch) override;
  std::vector<NamedTensor> SaveParameters() override;
  std::vector<NamedTensor> SaveOptimizer() override;
  absl::Status Load(const std::vector<NamedTensor>& parameters,
                    const std::vector<NamedTensor>& optimizer) override;

 private:
  // Progress of one call of Update, whose thread alone reports it.
  struct Progress {
    const std::function<bool(double)>& callback;
    const std::thread::id reporter = std::this_thread::get_id();
    uint64_t total = 0;
    std::atomic<uint64_t> done{0};
    std::atomic<bool> cancelled{false};
    double reported = 0;

    void Report() {
      const double share =
          static_cast<double>(done.load()) / static_cast<double>(total);
      if (!callback || share <= reported || cancelled) return;
      reported = share;
      if (!callback(share)) cancelled = true;
    }
    bool Advance() {
      ++done;
      if (std::this_thread::get_id() == reporter) Report();
      return !cancelled;
    }
  };
  struct PassResult {
    double sums[kSampleSums] = {};
  };

  class Ascent;

  // The update itself, with either objective; leaves what it has done so far
  // if it fails.
  absl::Status Learn(const EpochSamples& samples, uint64_t epoch,
                     const std::vector<float>& normalizer_mean,
                     const std::vector<float>& normalizer_inv_std,
                     const std::function<bool(double)>& progress,
                     UpdateStats* stats);
  absl::Status RunAscent(const EpochSamples& samples, EpochData& data,
                         uint64_t epoch,
                         const std::function<bool(double)>& callback,
                         UpdateStats* stats);
  // INTERNAL if a parameter is not finite.
  absl::Status CheckParameters(uint64_t epoch);
  // Spreads i over workers_ (see ParallelLoop).
  void ParallelFor(size_t count,
                   const std::function<void(size_t, size_t)>& body);
  absl::Status RunPasses(const EpochData& data, uint64_t epoch,
                         const std::function<bool(double)>& callback,
                         UpdateStats* stats);
  absl::StatusOr<PassResult> RunPass(const EpochData& data, uint64_t epoch,
                                     uint32_t pass, Progress* progress,
                                     UpdateStats* stats);
  // Leaves the minibatch's gradients in the network and adds to `sums`;
  // returns the largest |ratio - 1|.
  at::Tensor ComputeGradients(const EpochData& data, const at::Tensor& indices,
                              Progress* progress, at::Tensor sums);
  uint64_t ChunkCount(uint64_t samples) const;
  // Clips and checks the gradients: INTERNAL if one that is stepped along is
  // not finite. `trained` as in Adam::Step.
  absl::Status ClipGradients(uint64_t epoch,
                             const std::vector<uint8_t>& trained,
                             UpdateStats* stats);
  void Step(double policy_rate, const std::vector<uint8_t>& trained);

  const PolicyOptimizerOptions options_;
  const at::TensorOptions master_;
  const int64_t chunk_;
  const std::unique_ptr<Objective> objective_;
  MultiHeadActorCritic network_;
  Adam adam_;
  std::vector<GradientShard> shards_;
  std::vector<std::unique_ptr<GradientWorker>> workers_;
  // One thread fewer than workers: the caller takes part.
  std::unique_ptr<ThreadPool> pool_;
};

void TorchPolicyOptimizer::ParallelFor(
    size_t count, const std::function<void(size_t, size_t)>& body) {
  std::atomic<size_t> next{0};
  // LibTorch's exceptions must not leave a thread of the pool.
  std::vector<std::exception_ptr> failures(workers_.size());
  const auto run_worker = [&](size_t worker) {
    const c10::InferenceMode guard;
    RunOperationsOnThisThread();
    try {
      for (size_t i = next++; i < count; i = next++) body(worker, i);
    } catch (...) {
      failures[worker] = std::current_exception();
    }
  };
  if (pool_ == nullptr) {
    run_worker(0);
  } else {
    pool_->ParallelFor(workers_.size(), run_worker);
  }
  for (const std::exception_ptr& failure : failures) {
    if (failure != nullptr) std::rethrow_exception(failure);
  }
}

absl::StatusOr<PolicyWeights> TorchPolicyOptimizer::Policy(
    const std::vector<float>& normalizer_mean,
    const std::vector<float>& normalizer_inv_std) {
  const c10::InferenceMode guard;
  if (normalizer_mean.size() != options_.shape.obs_dim ||
      normalizer_inv_std.size() != options_.shape.obs_dim) {
    return absl::InvalidArgumentError(
        absl::StrCat("normaliser of ", normalizer_mean.size(), " and ",
                     normalizer_inv_std.size(), " numbers for observations of ",
                     options_.shape.obs_dim));
  }
  return network_.Policy(normalizer_mean, normalizer_inv_std);
}

absl::StatusOr<UpdateStats> TorchPolicyOptimizer::Update(
    const EpochSamples& samples, uint64_t epoch,
    const std::vector<float>& normalizer_mean,
    const std::vector<float>& normalizer_inv_std,
    const std::function<bool(double)>& progress) {
  const auto start = std::chrono::steady_clock::now();
  KMYRIAD_RETURN_IF_ERROR(CheckSamples(
      options_, samples, normalizer_mean.size(), normalizer_inv_std.size()));
  const c10::InferenceMode guard;
  RunOperationsOnThisThread();
  const Adam::State before = adam_.Snapshot();
  UpdateStats stats;
  absl::Status status;
  try {
    status = Learn(samples, epoch, normalizer_mean, normalizer_inv_std,
                   progress, &stats);
  } catch (const c10::Error& error) {
    status = absl::InternalError(
        absl::StrCat("LibTorch: ", error.what_without_backtrace()));
  } catch (const std::bad_alloc&) {
    status = absl::ResourceExhaustedError("out of memory in the update");
  }
  if (!status.ok()) {
    adam_.Restore(before);
    network_.Refresh();
    return status;
  }
  stats.seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - start)
          .count();
  return stats;
}

absl::Status TorchPolicyOptimizer::Learn(
    const EpochSamples& samples, uint64_t epoch,
    const std::vector<float>& normalizer_mean,
    const std::vector<float>& normalizer_inv_std,
    const std::function<bool(double)>& progress, UpdateStats* stats) {
  std::vector<MultiHeadActorCritic*> networks;
  for (const auto& worker : workers_) networks.push_back(&worker->network());
  const ParallelLoop loop = [this](size_t count, const auto& body) {
    ParallelFor(count, body);
  };
  if (objective_->uses_critic()) {
    KMYRIAD_ASSIGN_OR_RETURN(
        const EpochData data,
        PrepareEpoch(options_, samples, normalizer_mean, normalizer_inv_std,
                     chunk_, master_, networks, loop));
    KMYRIAD_RETURN_IF_ERROR(RunPasses(data, epoch, progress, stats));
  } else {
    EpochData data = FillEpoch(options_, samples, normalizer_mean,
                               normalizer_inv_std, master_, networks, loop);
    KMYRIAD_RETURN_IF_ERROR(RunAscent(samples, data, epoch, progress, stats));
  }
  stats->action_std_mean = network_.log_std().exp().mean().item<double>();
  return CheckParameters(epoch);
}

absl::Status TorchPolicyOptimizer::CheckParameters(uint64_t epoch) {
  for (const Parameter* parameter : network_.AllParameters()) {
    if (!at::isfinite(parameter->value).all().item<bool>()) {
      return absl::InternalError(absl::StrCat(
          parameter->name, " is not finite after the update of epoch ", epoch));
    }
  }
  return absl::OkStatus();
}

absl::Status TorchPolicyOptimizer::RunPasses(
    const EpochData& data, uint64_t epoch,
    const std::function<bool(double)>& callback, UpdateStats* stats) {
  const double agents = options_.shape.agents;
  const double samples = agents * static_cast<double>(data.rows.size(1));
  stats->learning_rate =
      LearningRate(options_.learning_rate, epoch, options_.schedule_epochs);
  stats->explained_variance = data.explained_variance;
  stats->saturated_fraction = data.saturated_fraction;

  Progress progress{callback};
  const uint64_t count = static_cast<uint64_t>(data.rows.size(1));
  for (uint32_t part = 0; part < options_.minibatches; ++part) {
    const uint64_t size = PartBegin(count, options_.minibatches, part + 1) -
                          PartBegin(count, options_.minibatches, part);
    progress.total += ChunkCount(size) * options_.epochs;
  }
  for (uint32_t pass = 0; pass < options_.epochs; ++pass) {
    KMYRIAD_ASSIGN_OR_RETURN(const PassResult result,
                             RunPass(data, epoch, pass, &progress, stats));
    stats->passes = pass + 1;
    stats->kl_mean = result.sums[kKl] / data.live_samples;
    stats->policy_loss =
        result.sums[kPolicyLoss] / (agents * options_.minibatches);
    stats->value_loss = result.sums[kSquaredError] / data.live_samples;
    stats->clip_fraction = result.sums[kClipped] / data.live_samples;
    stats->action_mean_abs =
        result.sums[kAbsoluteMean] / (samples * options_.shape.act_dim);
    if (options_.kl_stop > 0 && stats->kl_mean > options_.kl_stop) break;
  }
  const double steps = double{1} * stats->passes * options_.minibatches;
  stats->trunk_grad_norm /= steps;
  stats->flops = 6 * (ActorSize(options_.shape) + CriticSize(options_.shape)) *
                 data.rows.size(0) * count * stats->passes;
  return absl::OkStatus();
}

// What AscendIwEntropy does to the network.
class TorchPolicyOptimizer::Ascent : public AscendingPolicy {
 public:
  Ascent(TorchPolicyOptimizer& owner, EpochData& data, uint64_t epoch,
         const std::function<bool(double)>& callback, UpdateStats* stats)
      : owner_(owner),
        data_(data),
        epoch_(epoch),
        stats_(stats),
        progress_{callback} {
    progress_.total = owner.ChunkCount(static_cast<uint64_t>(samples())) *
                      owner.options_.iw_entropy.steps;
    order_ = at::arange(samples(), owner.master_.dtype(at::kLong));
  }

  absl::StatusOr<std::vector<float>> LogDensities() override {
    const int64_t m = data_.rows.size(0);
    std::vector<float> densities(static_cast<size_t>(m * samples()));
    const at::Tensor target =
        at::from_blob(densities.data(), {m, samples()}, at::kFloat);
    const auto chunk = static_cast<uint64_t>(owner_.chunk_);
    owner_.ParallelFor(
        PartCount(static_cast<uint64_t>(samples()), chunk),
        [&](size_t worker, size_t i) {
          const int64_t first = static_cast<int64_t>(i) * owner_.chunk_;
          const int64_t size = std::min(owner_.chunk_, samples() - first);
          target.narrow(1, first, size)
              .copy_(owner_.workers_[worker]->LogDensity(data_, first, size));
        });
    ++forwards_;
    if (!progress_.cancelled) return densities;
    return absl::CancelledError("the update was abandoned");
  }

  absl::Status Differentiate(const std::vector<float>& factors) override {
    SplitRecords(data_.records)
        .advantages.copy_(at::from_blob(const_cast<float*>(factors.data()),
                                        {data_.rows.size(0), samples()},
                                        at::kFloat));
    sums_ = at::zeros({kSampleSums}, owner_.master_.dtype(at::kDouble));
    const at::Tensor error =
        owner_.ComputeGradients(data_, order_, &progress_, sums_);
    if (progress_.cancelled) {
      return absl::CancelledError("the update was abandoned");
    }
    // The first gradient is taken where the samples were drawn.
    if (backwards_++ == 0) stats_->ratio_max_error = error.item<double>();
    return owner_.ClipGradients(epoch_, data_.trained, stats_);
  }

  void Step(double rate) override { owner_.Step(rate, data_.trained); }
  void Keep() override { kept_ = owner_.adam_.Snapshot(); }
  void GoBack() override {
    owner_.adam_.Restore(kept_);
    owner_.network_.Refresh();
  }

  // What the update's statistics say of the passes.
  void Summarize(const AscentStats& ascent) const {
    const int64_t all = data_.rows.size(0) * samples();
    stats_->ascent = ascent;
    stats_->passes = ascent.steps;
    stats_->kl_mean = ascent.policy_kl_step_nats;
    stats_->policy_loss = -ascent.entropy_nats;
    stats_->clip_fraction = ascent.clamped_share;
    stats_->action_mean_abs =
        sums_[kAbsoluteMean].item<double>() /
        static_cast<double>(all * owner_.options_.shape.act_dim);
    stats_->trunk_grad_norm /= static_cast<double>(backwards_);
    stats_->flops = ActorSize(owner_.options_.shape) *
                    static_cast<uint64_t>(all) *
                    (2 * forwards_ + 6 * backwards_);
  }

 private:
  int64_t samples() const { return data_.rows.size(1); }

  TorchPolicyOptimizer& owner_;
  EpochData& data_;
  const uint64_t epoch_;
  UpdateStats* const stats_;
  Progress progress_;
  at::Tensor order_;
  at::Tensor sums_;
  Adam::State kept_;
  uint64_t forwards_ = 0;
  uint64_t backwards_ = 0;
};

absl::Status TorchPolicyOptimizer::RunAscent(
    const EpochSamples& samples, EpochData& data, uint64_t epoch,
    const std::function<bool(double)>& callback, UpdateStats* stats) {
  stats->learning_rate =
      LearningRate(options_.learning_rate, epoch, options_.schedule_epochs);
  stats->saturated_fraction = data.saturated_fraction;
  if (samples.trained != nullptr) {
    data.trained.assign(samples.trained,
                        samples.trained + options_.shape.agents);
  }
  Ascent ascent(*this, data, epoch, callback, stats);
  KMYRIAD_ASSIGN_OR_RETURN(
      const AscentStats result,
      AscendIwEntropy(options_.iw_entropy, options_.shape.agents, samples.envs,
                      samples.horizon, stats->learning_rate, ascent,
                      samples.evaluate));
  ascent.Summarize(result);
  return absl::OkStatus();
}

absl::StatusOr<TorchPolicyOptimizer::PassResult> TorchPolicyOptimizer::RunPass(
    const EpochData& data, uint64_t epoch, uint32_t pass, Progress* progress,
    UpdateStats* stats) {
  const uint64_t count = static_cast<uint64_t>(data.rows.size(1));
  std::vector<int64_t> order =
      MinibatchOrder(count, options_.seed, epoch, pass);
  const at::Tensor indices =
      at::from_blob(order.data(), {static_cast<int64_t>(count)}, at::kLong)
          .to(master_.device());
  at::Tensor sums = at::zeros({kSampleSums}, master_.dtype(at::kDouble));
  for (uint32_t part = 0; part < options_.minibatches; ++part) {
    const int64_t begin =
        static_cast<int64_t>(PartBegin(count, options_.minibatches, part));
    const int64_t end =
        static_cast<int64_t>(PartBegin(count, options_.minibatches, part + 1));
    const at::Tensor ratio_error = ComputeGradients(
        data, indices.narrow(0, begin, end - begin), progress, sums);
    if (progress->cancelled) {
      return absl::CancelledError("the update was abandoned");
    }
    if (pass == 0 && part == 0) {
      stats->ratio_max_error = ratio_error.item<double>();
    }
    KMYRIAD_RETURN_IF_ERROR(ClipGradients(epoch, data.trained, stats));
    Step(stats->learning_rate, data.trained);
  }
  PassResult result;
  const at::Tensor host = sums.cpu();
  for (int i = 0; i < kSampleSums; ++i) {
    result.sums[i] = host.const_data_ptr<double>()[i];
  }
  return result;
}

uint64_t TorchPolicyOptimizer::ChunkCount(uint64_t samples) const {
  const uint64_t shards = ShardCount(options_.shape.agents, samples);
  uint64_t chunks = 0;
  for (uint64_t shard = 0; shard < shards; ++shard) {
    chunks += PartCount(PartBegin(samples, shards, shard + 1) -
                            PartBegin(samples, shards, shard),
                        static_cast<uint64_t>(chunk_));
  }
  return chunks;
}

at::Tensor TorchPolicyOptimizer::ComputeGradients(const EpochData& data,
                                                  const at::Tensor& indices,
                                                  Progress* progress,
                                                  at::Tensor sums) {
  const ParameterList parameters = network_.AllParameters();
  const uint64_t samples = static_cast<uint64_t>(indices.size(0));
  const uint64_t count = ShardCount(options_.shape.agents, samples);
  while (shards_.size() < count) {
    GradientShard shard;
    for (const Parameter* parameter : parameters) {
      shard.gradients.push_back(at::zeros_like(parameter->value));
    }
    shard.sums = at::zeros_like(sums);
    shard.ratio_error = at::zeros({}, master_);
    shards_.push_back(std::move(shard));
  }
  ParallelFor(count, [&](size_t worker, size_t i) {
    const int64_t from = static_cast<int64_t>(PartBegin(samples, count, i));
    const int64_t to = static_cast<int64_t>(PartBegin(samples, count, i + 1));
    if (progress->cancelled) return;
    workers_[worker]->Compute(
        data, indices.narrow(0, from, to - from), indices.size(0), chunk_,
        [progress] { return progress->Advance(); }, &shards_[i]);
  });
  progress->Report();
  ParallelFor(parameters.size(), [&](size_t, size_t p) {
    at::Tensor& gradient = parameters[p]->gradient;
    gradient.copy_(shards_[0].gradients[p]);
    for (uint64_t i = 1; i < count; ++i) {
      gradient.add_(shards_[i].gradients[p]);
    }
  });
  at::Tensor ratio_error = shards_[0].ratio_error;
  for (uint64_t i = 0; i < count; ++i) {
    sums.add_(shards_[i].sums);
    ratio_error = at::maximum(ratio_error, shards_[i].ratio_error);
  }
  return ratio_error;
}

absl::Status TorchPolicyOptimizer::ClipGradients(
    uint64_t epoch, const std::vector<uint8_t>& trained, UpdateStats* stats) {
  const ParameterList trunk = network_.TrunkParameters();
  const ParameterList heads = network_.HeadParameters();
  const ParameterList critic = network_.CriticParameters();
  at::Tensor head_norms = ClipPerHead(heads, options_.max_grad_norm);
  if (!trained.empty()) {
    const at::Tensor learns = at::tensor(at::ArrayRef<uint8_t>(trained))
                                  .to(head_norms.device(), at::kBool);
    head_norms = at::where(learns, head_norms, at::zeros_like(head_norms));
  }
  const at::Tensor norms =
      at::stack({ClipTogether(trunk, options_.max_grad_norm), head_norms.max(),
                 ClipTogether(critic, options_.critic_max_grad_norm)})
          .cpu();
  const float* norm = norms.const_data_ptr<float>();
  if (!std::isfinite(norm[0] + norm[1] + norm[2])) {
    return absl::InternalError(absl::StrCat(
        "a gradient of epoch ", epoch, " is not finite: trunk norm ", norm[0],
        ", largest head norm ", norm[1], ", critic norm ", norm[2]));
  }
  stats->trunk_grad_norm += norm[0];
  stats->head_grad_norm_max =
      std::max(stats->head_grad_norm_max, static_cast<double>(norm[1]));
  return absl::OkStatus();
}

void TorchPolicyOptimizer::Step(double policy_rate,
                                const std::vector<uint8_t>& trained) {
  adam_.Step(policy_rate, options_.critic_learning_rate, trained);
  network_.log_std().clamp_(kMinLogStd, kMaxLogStd);
  network_.Refresh();
}

void TorchPolicyOptimizer::CopyHeads(const std::vector<HeadCopy>& copies,
                                     double noise, uint64_t epoch) {
  const c10::InferenceMode guard;
  for (const HeadCopy& copy : copies) {
    std::vector<float> numbers =
        HeadCopyNoise(options_.shape, options_.seed, epoch, copy.to);
    const at::Tensor difference =
        at::from_blob(numbers.data(),
                      {options_.shape.trunk.back(), options_.shape.act_dim},
                      at::kFloat)
            .to(master_) *
        noise;
    network_.CopyHead(copy.from, copy.to, difference);
    adam_.ForgetAgent(copy.to);
  }
}

std::vector<NamedTensor> TorchPolicyOptimizer::SaveParameters() {
  const c10::InferenceMode guard;
  return network_.Save();
}

std::vector<NamedTensor> TorchPolicyOptimizer::SaveOptimizer() {
  const c10::InferenceMode guard;
  return adam_.Save();
}

absl::Status TorchPolicyOptimizer::Load(
    const std::vector<NamedTensor>& parameters,
    const std::vector<NamedTensor>& optimizer) {
  const c10::InferenceMode guard;
  KMYRIAD_RETURN_IF_ERROR(adam_.Check(optimizer));
  KMYRIAD_RETURN_IF_ERROR(network_.Load(parameters));
  adam_.Load(optimizer);
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::unique_ptr<PolicyOptimizer>> PolicyOptimizer::Create(
    const PolicyOptimizerOptions& options) {
  KMYRIAD_RETURN_IF_ERROR(ValidateNetworkShape(options.shape));
  if (options.threads < 1) {
    return absl::InvalidArgumentError(
        absl::StrCat("learner.threads = ", options.threads,
                     ": must be resolved to 1 or more"));
  }
  if (options.precision != "fp32" && options.precision != "bf16") {
    return absl::InvalidArgumentError(
        absl::StrCat("learner.precision = ", options.precision,
                     ": unknown precision; use fp32 or bf16"));
  }
  if (options.objective == "iw_entropy" && options.iw_entropy.steps < 1) {
    return absl::InvalidArgumentError("objective.steps = 0: must be 1 or more");
  }
  if (options.epochs < 1 || options.minibatches < 1) {
    return absl::InvalidArgumentError(
        absl::StrCat("ppo.epochs = ", options.epochs, ", ppo.minibatches = ",
                     options.minibatches, ": both must be 1 or more"));
  }
  KMYRIAD_ASSIGN_OR_RETURN(std::unique_ptr<Objective> objective,
                           CreateObjective(options.objective, options.clip));
  PinNumerics();
  KMYRIAD_ASSIGN_OR_RETURN(const at::Device device, OpenDevice(options.device));
  const c10::InferenceMode guard;
  RunOperationsOnThisThread();
  try {
    auto optimizer = std::make_unique<TorchPolicyOptimizer>(
        options, device, std::move(objective));
    KMYRIAD_RETURN_IF_ERROR(optimizer->Initialize());
    return optimizer;
  } catch (const c10::Error& error) {
    return absl::InternalError(
        absl::StrCat("LibTorch: ", error.what_without_backtrace()));
  }
}

}  // namespace kmyriad
