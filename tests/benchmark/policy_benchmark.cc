#include "tests/benchmark/policy_benchmark.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/base/clock.h"
#include "common/base/segment.h"
#include "common/base/simd_level.h"
#include "common/base/status_macros.h"
#include "common/policy/policy_inference.h"
#include "tests/benchmark/core_peak.h"
#include "tests/benchmark/cpu_clock.h"
#include "tests/benchmark/policy_benchmark_torch.h"
#include "tests/benchmark/random_weights.h"

namespace kmyriad {
namespace {

constexpr uint32_t kEnvs = 1000;
// Long against the clock's resolution, short against the machine's moods.
constexpr double kSliceSeconds = 0.002;

// Seconds of one call, from a slice of them.
double SecondsPerCall(const std::function<void()>& call) {
  const double start = ThreadCpuSeconds();
  double elapsed = 0;
  uint64_t calls = 0;
  do {
    call();
    ++calls;
    elapsed = ThreadCpuSeconds() - start;
  } while (elapsed < kSliceSeconds);
  return elapsed / static_cast<double>(calls);
}

// Steps the blocks of 1000 environments one after another.
class BlockStepper {
 public:
  BlockStepper(const PolicyInference& inference, const NetworkShape& shape)
      : inference_(inference),
        blocks_(BlockCount(kEnvs)),
        observation_size_(static_cast<size_t>(shape.obs_dim) * kBlockLanes),
        observations_(ScaledNormals(blocks_ * observation_size_, 1.0f, 2)),
        mean_(static_cast<size_t>(shape.act_dim) * kBlockLanes),
        actions_(mean_.size()),
        squashed_(mean_.size()),
        log_probs_(kBlockLanes) {
    const uint32_t agents = std::min(shape.agents, kEnvs);
    for (uint32_t env = 0; env < blocks_ * kBlockLanes; ++env) {
      agents_.push_back(std::min(env / (kEnvs / agents), shape.agents - 1));
    }
  }

  void StepNextBlock() {
    inference_.Act(block_observations(block_),
                   agents_.data() + block_ * kBlockLanes,
                   {1, block_ * kBlockLanes, 1, step_}, scratch_, mean_.data(),
                   actions_.data(), squashed_.data(), log_probs_.data());
    if (++block_ == blocks_) {
      block_ = 0;
      step_ = (step_ + 1) % 1000;
    }
  }

  const float* block_observations(uint32_t block) const {
    return observations_.data() + block * observation_size_;
  }
  const std::vector<float>& mean() const { return mean_; }

 private:
  const PolicyInference& inference_;
  const uint32_t blocks_;
  const size_t observation_size_;
  const std::vector<float> observations_;
  std::vector<uint32_t> agents_;
  std::vector<float> mean_, actions_, squashed_, log_probs_;
  PolicyInference::Scratch scratch_;
  uint32_t block_ = 0;
  uint32_t step_ = 0;
};

// [dim, 16] to [16, dim].
std::vector<float> RowMajor(const float* lanes, uint32_t dim) {
  std::vector<float> rows(static_cast<size_t>(dim) * kBlockLanes);
  for (uint32_t i = 0; i < dim; ++i) {
    for (uint32_t l = 0; l < kBlockLanes; ++l) {
      rows[l * dim + i] = lanes[i * kBlockLanes + l];
    }
  }
  return rows;
}

double Median(std::vector<double> values) {
  const auto middle =
      values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

}  // namespace

absl::StatusOr<nlohmann::json> RunPolicyBenchmark(
    const PolicyBenchmarkOptions& options) {
  if (!(options.seconds > 0)) {
    return absl::InvalidArgumentError(absl::StrCat(
        "seconds = ", options.seconds, ": must be greater than 0"));
  }
  KMYRIAD_RETURN_IF_ERROR(ValidateNetworkShape(options.shape));
  KMYRIAD_ASSIGN_OR_RETURN(const SimdLevel level, ChooseSimdLevel());
  const NetworkShape& shape = options.shape;
  const PolicyWeights weights = RandomPolicyWeights(shape);
  KMYRIAD_ASSIGN_OR_RETURN(const std::unique_ptr<PolicyInference> inference,
                           PolicyInference::Create(weights, level));
  BlockStepper stepper(*inference, shape);
  // LibTorch gets the environments of the first block, as if they all were
  // agent 0's: the fewest operations that it can do.
  const std::vector<float> rows =
      RowMajor(stepper.block_observations(0), shape.obs_dim);
  std::vector<float> torch_mean(static_cast<size_t>(shape.act_dim) *
                                kBlockLanes);
  std::unique_ptr<TorchForward> torch;
  double difference = 0;
  stepper.StepNextBlock();
  if (options.torch) {
    KMYRIAD_ASSIGN_OR_RETURN(torch, TorchForward::Create(weights, 0));
    KMYRIAD_RETURN_IF_ERROR(torch->Run(rows.data(), torch_mean.data()));
    const auto mean = RowMajor(stepper.mean().data(), shape.act_dim);
    // Lane 0 is agent 0's for every population.
    for (uint32_t a = 0; a < shape.act_dim; ++a) {
      difference = std::max(
          difference, static_cast<double>(std::abs(mean[a] - torch_mean[a])));
    }
  }

  const FmaChains& chains = FmaChainsOf(level);
  // A call of a fraction of a millisecond: reading the clock costs nothing.
  constexpr uint64_t kIterations = 50000;
  float sink[kBlockLanes];
  std::vector<double> peak_seconds, kernel_seconds, torch_seconds;
  absl::Status torch_status;
  const double end = RealClock().MonotonicSeconds() + options.seconds;
  do {
    peak_seconds.push_back(
        SecondsPerCall([&] { chains.run(kIterations, sink); }));
    kernel_seconds.push_back(SecondsPerCall([&] { stepper.StepNextBlock(); }));
    if (torch != nullptr) {
      torch_seconds.push_back(SecondsPerCall([&] {
        torch_status.Update(torch->Run(rows.data(), torch_mean.data()));
      }));
      KMYRIAD_RETURN_IF_ERROR(torch_status);
    }
  } while (RealClock().MonotonicSeconds() < end);

  const double flops = static_cast<double>(inference->FlopsPerBlock());
  const double peak =
      static_cast<double>(kIterations * chains.flops_per_iteration) /
      Median(peak_seconds);
  const double seconds = Median(kernel_seconds);
  nlohmann::json result = {
      {"instruction_set", std::string(SimdLevelName(level))},
      {"obs_dim", shape.obs_dim},
      {"trunk", shape.trunk},
      {"act_dim", shape.act_dim},
      {"agents", shape.agents},
      {"flops_per_block", inference->FlopsPerBlock()},
      {"fma_peak_gflops", peak * 1e-9},
      {"kernel_gflops", flops / seconds * 1e-9},
      {"share_of_peak", flops / seconds / peak},
      {"microseconds_per_block", seconds * 1e6},
      {"env_steps_per_second", kBlockLanes / seconds}};
  if (torch != nullptr) {
    const double torch_median = Median(torch_seconds);
    result["torch_gflops"] = flops / torch_median * 1e-9;
    result["torch_microseconds"] = torch_median * 1e6;
    result["ratio_to_torch"] = torch_median / seconds;
    result["torch_max_difference"] = difference;
  }
  return result;
}

}  // namespace kmyriad
