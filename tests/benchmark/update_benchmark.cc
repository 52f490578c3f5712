#include "tests/benchmark/update_benchmark.h"

#include <algorithm>
#include <cmath>
#include <fstream>
#include <memory>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "common/math/philox.h"
#include "learner/algorithm/policy_optimizer.h"
#include "learner/network/product_rate.h"

namespace kmyriad {
namespace {

constexpr uint32_t kObsDim = 30;
constexpr uint32_t kActDim = 8;

struct Samples {
  std::vector<float> observations;
  std::vector<float> actions;
  std::vector<float> log_probs;
  std::vector<float> rewards;
};

// Sums of four uniform numbers, roughly normal: only their size matters here.
void FillRandom(std::vector<float>* values, size_t count, uint32_t stream) {
  values->resize(count);
  for (size_t i = 0; i < count; ++i) {
    const PhiloxBlock block = RunRandom(1, RandomStream::kEvaluation,
                                        static_cast<uint32_t>(i), stream, 0, 0);
    float sum = -2;
    for (const uint32_t word : block.word) sum += UniformOpen(word);
    (*values)[i] = 1.7f * sum;
  }
}

Samples MakeSamples(uint64_t count) {
  Samples samples;
  FillRandom(&samples.observations, count * kObsDim, 0);
  FillRandom(&samples.actions, count * kActDim, 1);
  FillRandom(&samples.rewards, count, 2);
  // Log-probabilities of some other policy would make ratios explode: with the
  // means near zero and sigma 0.6 those of a centred Gaussian come close.
  for (uint64_t i = 0; i < count; ++i) {
    double sum = 0;
    for (uint32_t a = 0; a < kActDim; ++a) {
      const double u = samples.actions[i * kActDim + a];
      const double squash =
          2 * (std::log(2.0) - u - std::log1p(std::exp(-2.0 * u)));
      sum += -0.5 * u * u / 0.36 + 0.51 - 0.919 - squash;
    }
    samples.log_probs.push_back(static_cast<float>(sum));
  }
  return samples;
}

PolicyOptimizerOptions OptimizerOptions(const UpdateBenchmarkOptions& options,
                                        const std::string& precision,
                                        int threads) {
  PolicyOptimizerOptions result;
  result.shape.obs_dim = kObsDim;
  result.shape.trunk = options.trunk;
  result.shape.act_dim = kActDim;
  result.shape.agents = options.agents;
  result.initial_log_std = -0.5f;
  result.head_noise = 0.1f;
  result.objective = "ppo";
  result.learning_rate = 3e-4;
  result.critic_learning_rate = 1e-3;
  result.clip = 0.2;
  result.epochs = options.passes;
  result.minibatches = options.minibatches;
  result.gamma = 0.995;
  result.lambda = 0.95;
  result.max_grad_norm = 0.5;
  result.critic_max_grad_norm = 1;
  result.schedule_epochs = 100;
  result.seed = 1;
  result.device = "cpu";
  result.threads = threads;
  result.precision = precision;
  return result;
}

// Rates of all products that are candidates for the machine's GEMM rate, each
// the best of what was measured so far.
absl::Status MeasureProducts(const UpdateBenchmarkOptions& options,
                             const std::string& precision, int threads,
                             nlohmann::json* rates) {
  struct Shape {
    const char* name;
    int64_t rows;
    int64_t inner;
    int64_t columns;
  };
  const int64_t wide = options.trunk.front();
  const int64_t narrow = options.trunk.back();
  const int64_t side = options.square;
  const int64_t rows = options.product_rows;
  const Shape shapes[] = {{"square", side, side, side},
                          {"forward", rows, wide, narrow},
                          {"backward", rows, narrow, wide},
                          {"weight_gradient", narrow, rows, wide}};
  for (const Shape& shape : shapes) {
    for (const bool plain : {true, false}) {
      KMYRIAD_ASSIGN_OR_RETURN(
          const double rate,
          MeasureProductRate({shape.rows, shape.inner, shape.columns, precision,
                              plain, threads}));
      const std::string name =
          absl::StrCat(plain ? "libtorch_" : "engine_", shape.name);
      (*rates)[name] = std::max(rate, rates->value(name, 0.0));
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<nlohmann::json> RunPrecision(
    const UpdateBenchmarkOptions& options, const std::string& precision,
    int threads, const Samples& samples) {
  KMYRIAD_ASSIGN_OR_RETURN(
      const std::unique_ptr<PolicyOptimizer> optimizer,
      PolicyOptimizer::Create(OptimizerOptions(options, precision, threads)));
  nlohmann::json rates = nlohmann::json::object();
  KMYRIAD_RETURN_IF_ERROR(MeasureProducts(options, precision, threads, &rates));
  const std::vector<float> mean(kObsDim, 0.0f);
  const std::vector<float> inv_std(kObsDim, 1.0f);
  EpochSamples view{options.envs,
                    std::min(options.horizon, 16u * options.minibatches),
                    samples.observations.data(),
                    samples.actions.data(),
                    samples.log_probs.data(),
                    samples.rewards.data()};
  KMYRIAD_RETURN_IF_ERROR(
      optimizer->Update(view, 1, mean, inv_std, nullptr).status());
  view.horizon = options.horizon;
  KMYRIAD_ASSIGN_OR_RETURN(const UpdateStats stats,
                           optimizer->Update(view, 2, mean, inv_std, nullptr));
  KMYRIAD_RETURN_IF_ERROR(MeasureProducts(options, precision, threads, &rates));
  double gemm = 0;
  for (const auto& rate : rates) gemm = std::max(gemm, rate.get<double>());
  const double passes = stats.passes;
  const double count = double{1} * options.envs * options.horizon;
  const double gflops = 1e-9 * static_cast<double>(stats.flops) / stats.seconds;
  return nlohmann::json{{"seconds", stats.seconds},
                        {"seconds_per_pass", stats.seconds / passes},
                        {"samples_per_second", count * passes / stats.seconds},
                        {"gflops", gflops},
                        {"gemm_gflops", gemm},
                        {"gemm", rates},
                        {"share", gflops / gemm}};
}

// Peak resident memory of this process in MiB, 0 where /proc is not.
double PeakMemoryMib() {
  std::ifstream status("/proc/self/status");
  std::string word;
  while (status >> word) {
    double kib = 0;
    if (word == "VmHWM:" && status >> kib) return kib / 1024;
  }
  return 0;
}

}  // namespace

absl::StatusOr<nlohmann::json> RunUpdateBenchmark(
    const UpdateBenchmarkOptions& options) {
  if (options.passes < 1 || options.agents < 1 || options.trunk.empty() ||
      options.envs % options.agents != 0) {
    return absl::InvalidArgumentError(absl::StrCat(
        "agents = ", options.agents, ", envs = ", options.envs,
        ", passes = ", options.passes,
        ": all must be positive, agents divide envs, and trunk have a layer"));
  }
  if (options.precision != "fp32" && options.precision != "bf16" &&
      options.precision != "both") {
    return absl::InvalidArgumentError(absl::StrCat(
        "precision = ", options.precision, ": use fp32, bf16 or both"));
  }
  const int threads =
      options.threads > 0
          ? static_cast<int>(options.threads)
          : static_cast<int>(std::max(1u, std::thread::hardware_concurrency()));
  const Samples samples = MakeSamples(uint64_t{options.envs} * options.horizon);
  nlohmann::json result = {{"agents", options.agents},
                           {"envs", options.envs},
                           {"horizon", options.horizon},
                           {"trunk", options.trunk},
                           {"threads", threads},
                           {"passes", options.passes},
                           {"minibatches", options.minibatches},
                           {"bf16_speedup", nullptr}};
  for (const char* precision : {"fp32", "bf16"}) {
    if (options.precision != precision && options.precision != "both") continue;
    KMYRIAD_ASSIGN_OR_RETURN(
        result[precision], RunPrecision(options, precision, threads, samples));
  }
  if (options.precision == "both") {
    result["bf16_speedup"] = result["fp32"]["seconds"].get<double>() /
                             result["bf16"]["seconds"].get<double>();
  }
  result["numerics"] = NumericsInfo("cpu");
  result["peak_memory_mib"] = PeakMemoryMib();
  return result;
}

}  // namespace kmyriad
