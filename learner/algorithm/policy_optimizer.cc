#include "learner/algorithm/policy_optimizer.h"

#include <ATen/ATen.h>
#include <c10/core/InferenceMode.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <new>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "learner/algorithm/adam.h"
#include "learner/algorithm/epoch_data.h"
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

// Sums over one pass, kept on the device.
enum PassSum {
  kPolicyLoss,
  kKl,
  kClipped,
  kSquaredError,
  kAbsoluteMean,
  kPassSums
};

// Rows that go through the network at once: activations of two layers stay
// within the last cache level. Many agents get more rows, since each chunk
// also passes over all head weights.
int64_t ChunkSamples(int64_t agents) {
  constexpr int64_t kRows = 2048;
  constexpr int64_t kLeastSamplesPerAgent = 8;
  return std::max(kLeastSamplesPerAgent, kRows / agents);
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
        adam_(network_.AllParameters()) {}

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
  // Counts chunks and asks the caller whether to go on.
  struct Progress {
    const std::function<bool(double)>& callback;
    uint64_t done = 0;
    uint64_t total = 0;
    bool Advance() {
      ++done;
      return !callback ||
             callback(static_cast<double>(done) / static_cast<double>(total));
    }
  };
  struct PassResult {
    double sums[kPassSums] = {};
  };

  absl::Status RunPasses(const EpochData& data, uint64_t epoch,
                         const std::function<bool(double)>& progress,
                         UpdateStats* stats);
  absl::StatusOr<PassResult> RunPass(const EpochData& data, uint64_t epoch,
                                     uint32_t pass, Progress* progress,
                                     UpdateStats* stats);
  // Adds the gradients of the samples `indices` of each agent, a piece of a
  // minibatch.
  void Accumulate(const EpochData& data, const at::Tensor& indices,
                  int64_t minibatch_samples, at::Tensor sums,
                  at::Tensor* ratio_error);
  // Clips, checks and steps. INTERNAL if a gradient is not finite.
  absl::Status Step(uint64_t epoch, UpdateStats* stats);

  const PolicyOptimizerOptions options_;
  const at::TensorOptions master_;
  const int64_t chunk_;
  const std::unique_ptr<Objective> objective_;
  MultiHeadActorCritic network_;
  Adam adam_;
};

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
  UseThreads(options_.threads);
  const Adam::State before = adam_.Snapshot();
  UpdateStats stats;
  absl::Status status;
  try {
    absl::StatusOr<EpochData> data =
        PrepareEpoch(options_, samples, normalizer_mean, normalizer_inv_std,
                     chunk_, master_, network_);
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
    const std::function<bool(double)>& progress, UpdateStats* stats) {
  const double agents = options_.shape.agents;
  const double samples = agents * static_cast<double>(data.rows.size(1));
  stats->learning_rate =
      LearningRate(options_.learning_rate, epoch, options_.schedule_epochs);
  stats->explained_variance = data.explained_variance;
  stats->saturated_fraction = data.saturated_fraction;

  Progress counter{progress};
  for (uint32_t part = 0; part < options_.minibatches; ++part) {
    const uint64_t count = static_cast<uint64_t>(data.rows.size(1));
    const uint64_t size = PartBegin(count, options_.minibatches, part + 1) -
                          PartBegin(count, options_.minibatches, part);
    counter.total += (size + chunk_ - 1) / chunk_ * options_.epochs;
  }
  for (uint32_t pass = 0; pass < options_.epochs; ++pass) {
    KMYRIAD_ASSIGN_OR_RETURN(const PassResult result,
                             RunPass(data, epoch, pass, &counter, stats));
    stats->passes = pass + 1;
    stats->kl_mean = result.sums[kKl] / samples;
    stats->policy_loss =
        result.sums[kPolicyLoss] / (agents * options_.minibatches);
    stats->value_loss = result.sums[kSquaredError] / samples;
    stats->clip_fraction = result.sums[kClipped] / samples;
    stats->mean_abs_max =
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
  at::Tensor sums = at::zeros({kPassSums}, master_.dtype(at::kDouble));
  for (uint32_t part = 0; part < options_.minibatches; ++part) {
    const uint64_t begin = PartBegin(count, options_.minibatches, part);
    const uint64_t size =
        PartBegin(count, options_.minibatches, part + 1) - begin;
    const uint64_t chunks = (size + chunk_ - 1) / chunk_;
    const bool first = pass == 0 && part == 0;
    at::Tensor ratio_error = at::zeros({}, master_);
    network_.ZeroGradients();
    for (uint64_t chunk = 0; chunk < chunks; ++chunk) {
      const uint64_t from = begin + PartBegin(size, chunks, chunk);
      const uint64_t to = begin + PartBegin(size, chunks, chunk + 1);
      Accumulate(data,
                 indices.narrow(0, static_cast<int64_t>(from),
                                static_cast<int64_t>(to - from)),
                 static_cast<int64_t>(size), sums,
                 first ? &ratio_error : nullptr);
      if (!progress->Advance()) {
        return absl::CancelledError("the update was abandoned");
      }
    }
    if (first) stats->ratio_max_error = ratio_error.item<double>();
    KMYRIAD_RETURN_IF_ERROR(Step(epoch, stats));
  }
  PassResult result;
  const at::Tensor host = sums.cpu();
  for (int i = 0; i < kPassSums; ++i) {
    result.sums[i] = host.const_data_ptr<double>()[i];
  }
  return result;
}

void TorchPolicyOptimizer::Accumulate(const EpochData& data,
                                      const at::Tensor& indices,
                                      int64_t minibatch_samples,
                                      at::Tensor sums,
                                      at::Tensor* ratio_error) {
  constexpr double kHalfLogTwoPi = 0.9189385332046727;
  const at::Tensor rows = data.rows.index_select(1, indices);
  const RecordColumns record =
      SplitRecords(data.records.index_select(1, indices));
  const double share = static_cast<double>(indices.size(0)) /
                       static_cast<double>(minibatch_samples);

  const at::Tensor& mean = network_.ForwardPolicy(rows);
  const at::Tensor& log_std = network_.log_std();
  const at::Tensor inverse_std = log_std.neg().exp_();
  const at::Tensor z = (record.actions - mean).mul_(inverse_std);
  const at::Tensor z_squared = z.square();
  const at::Tensor constant =
      log_std.sum(2) +
      kHalfLogTwoPi * static_cast<double>(options_.shape.act_dim);
  const at::Tensor log_ratio =
      z_squared.sum(2).mul_(-0.5).sub_(constant).sub_(record.log_density);
  const ObjectiveOutput output =
      objective_->Evaluate({log_ratio, record.advantages, minibatch_samples});

  const at::Tensor weight = output.log_prob_gradient.unsqueeze(2);
  const at::Tensor mean_gradient = (z * inverse_std).mul_(weight);
  const at::Tensor log_std_gradient =
      ((z_squared - 1.0) * weight)
          .sum(1, true)
          .sub_(options_.entropy_coefficient * share);
  network_.BackwardPolicy(rows, mean_gradient, log_std_gradient);

  const at::Tensor error = network_.ForwardValue(rows) - record.value_target;
  const double value_scale = 2.0 / (static_cast<double>(minibatch_samples) *
                                    static_cast<double>(options_.shape.agents));
  network_.BackwardValue(rows, error * value_scale);

  const at::Tensor ratio_minus_one = log_ratio.expm1();
  sums.add_(at::stack({output.loss, (ratio_minus_one - log_ratio).sum(),
                       output.clipped.to(log_ratio.scalar_type()),
                       error.square().sum(), mean.abs().sum()}));
  if (ratio_error != nullptr) {
    *ratio_error = at::maximum(*ratio_error, ratio_minus_one.abs().max());
  }
}

absl::Status TorchPolicyOptimizer::Step(uint64_t epoch, UpdateStats* stats) {
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
  adam_.Step(rates);
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
  UseThreads(options.threads);
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
