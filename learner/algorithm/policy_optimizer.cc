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

// Shards of a minibatch: a function of sizes alone, so that bits do not depend
// on threads. At most so many threads have work; each shard costs a set of
// gradients.
uint64_t ShardCount(uint64_t agents, uint64_t samples) {
  constexpr uint64_t kMaxShards = 8;
  constexpr uint64_t kLeastRows = 512;
  return std::clamp<uint64_t>(agents * samples / kLeastRows, 1,
                              std::min(kMaxShards, samples));
}

at::Tensor SquaredNorm(const ParameterList& parameters) {
  at::Tensor sum;
  for (const Parameter* parameter : parameters) {
    const at::Tensor part = parameter->gradient.square().sum();
    sum = sum.defined() ? sum + part : part;
  }
  return sum;
}

// Scales the gradients so that their common norm is at most `limit`; returns
// the norm before.
at::Tensor ClipTogether(const ParameterList& parameters, double limit) {
  const at::Tensor norm = SquaredNorm(parameters).sqrt();
  const at::Tensor scale = (limit / (norm + 1e-6)).clamp_max(1.0);
  for (Parameter* parameter : parameters) parameter->gradient.mul_(scale);
  return norm;
}

// The same for each agent alone; returns the norms [m].
at::Tensor ClipPerHead(const ParameterList& heads, double limit) {
  at::Tensor squares;
  for (const Parameter* head : heads) {
    const at::Tensor part = head->gradient.square().sum({1, 2}, true);
    squares = squares.defined() ? squares + part : part;
  }
  const at::Tensor norms = squares.sqrt();
  const at::Tensor scale = (limit / (norms + 1e-6)).clamp_max(1.0);
  for (Parameter* head : heads) head->gradient.mul_(scale);
  return norms.flatten();
}

uint64_t TouchedParameters(const NetworkShape& shape) {
  uint64_t touched = 0;
  uint64_t actor_inputs = shape.obs_dim;
  uint64_t critic_inputs = kEmbeddingSize + shape.obs_dim;
  for (const uint32_t width : shape.trunk) {
    touched += width * (actor_inputs + 1) + width * (critic_inputs + 1);
    actor_inputs = critic_inputs = width;
  }
  touched += shape.act_dim * (actor_inputs + 2);    // head, bias, log-std
  touched += (critic_inputs + 1) + kEmbeddingSize;  // value, embedding
  return touched;
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
        adam_(network_.AllParameters(), network_.TrunkParameters().size() +
                                            network_.HeadParameters().size()) {
    for (int i = 0; i < options.threads; ++i) {
      workers_.push_back(std::make_unique<GradientWorker>(
          network_, *objective_, options.entropy_coefficient));
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
  // Clips, checks and steps; without `train_policy`, the critic alone.
  // INTERNAL if a gradient is not finite.
  absl::Status Step(uint64_t epoch, bool train_policy, UpdateStats* stats);

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
  std::vector<MultiHeadActorCritic*> networks;
  for (const auto& worker : workers_) networks.push_back(&worker->network());
  UpdateStats stats;
  absl::Status status;
  try {
    absl::StatusOr<EpochData> data = PrepareEpoch(
        options_, samples, normalizer_mean, normalizer_inv_std, chunk_, master_,
        networks,
        [this](size_t count, const auto& body) { ParallelFor(count, body); });
    status =
        data.ok() ? RunPasses(*data, epoch, progress, &stats) : data.status();
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
  stats.flops = 6 * TouchedParameters(options_.shape) * samples.envs *
                samples.horizon * stats.passes;
  stats.seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - start)
          .count();
  return stats;
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
    stats->kl_mean = result.sums[kKl] / samples;
    stats->policy_loss =
        result.sums[kPolicyLoss] / (agents * options_.minibatches);
    stats->value_loss = result.sums[kSquaredError] / samples;
    stats->clip_fraction = result.sums[kClipped] / samples;
    stats->action_mean_abs =
        result.sums[kAbsoluteMean] / (samples * options_.shape.act_dim);
    if (options_.kl_stop > 0 && stats->kl_mean > options_.kl_stop) break;
  }
  const double steps = double{1} * stats->passes * options_.minibatches;
  stats->trunk_grad_norm /= steps;
  stats->action_std_mean = network_.log_std().exp().mean().item<double>();
  for (const Parameter* parameter : network_.AllParameters()) {
    if (!at::isfinite(parameter->value).all().item<bool>()) {
      return absl::InternalError(absl::StrCat(
          parameter->name, " is not finite after the update of epoch ", epoch));
    }
  }
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
    KMYRIAD_RETURN_IF_ERROR(Step(epoch, data.train_policy, stats));
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

absl::Status TorchPolicyOptimizer::Step(uint64_t epoch, bool train_policy,
                                        UpdateStats* stats) {
  const ParameterList trunk = network_.TrunkParameters();
  const ParameterList heads = network_.HeadParameters();
  const ParameterList critic = network_.CriticParameters();
  const at::Tensor norms =
      at::stack({ClipTogether(trunk, options_.max_grad_norm),
                 ClipPerHead(heads, options_.max_grad_norm).max(),
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
  std::vector<double> rates(trunk.size() + heads.size(), stats->learning_rate);
  rates.resize(rates.size() + critic.size(), options_.critic_learning_rate);
  adam_.Step(rates, /*hold=*/!train_policy);
  heads[2]->value.clamp_(kMinLogStd, kMaxLogStd);
  network_.Refresh();
  return absl::OkStatus();
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
