#include "common/policy/policy_inference.h"

#include <algorithm>
#include <new>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/base/check.h"
#include "common/base/status_macros.h"
#include "common/math/elementary.h"
#include "common/math/philox.h"
#include "common/policy/inference_kernel_params.h"

namespace kmyriad {
namespace {

// A cache line and the widest vector.
constexpr std::align_val_t kAlignment{64};
// What the kernel may read beyond the head's tensors (inference_kernel_params).
constexpr size_t kReadAhead = 16;

using AlignedFloats = std::unique_ptr<float[], void (*)(float*)>;

AlignedFloats AllocateFloats(size_t count) {
  return AlignedFloats(
      static_cast<float*>(::operator new(count * sizeof(float), kAlignment)),
      [](float* p) { ::operator delete(p, kAlignment); });
}

const PolicyKernel& KernelOf(SimdLevel level) {
#ifdef KMYRIAD_HAVE_X86_SIMD
  if (level == SimdLevel::kAvx512) return kAvx512PolicyKernel;
  if (level == SimdLevel::kAvx2) return kAvx2PolicyKernel;
#endif
  KMYRIAD_CHECK(level == SimdLevel::kScalar);
  return kScalarPolicyKernel;
}

// Outputs of the tile that begins when `left` outputs are left.
uint32_t TileWidth(uint32_t tile, uint32_t left) {
  if (left >= tile) return tile;
  uint32_t width = 1;
  while (width * 2 <= left) width *= 2;
  return width;
}

// [out, in] row-major to tiles [in, width], one after another.
void RepackLayer(const DenseLayer& layer, uint32_t tile, float* packed) {
  for (uint32_t first = 0; first < layer.out;) {
    const uint32_t width = TileWidth(tile, layer.out - first);
    for (uint32_t k = 0; k < layer.in; ++k) {
      for (uint32_t r = 0; r < width; ++r) {
        *packed++ = layer.weight[static_cast<size_t>(first + r) * layer.in + k];
      }
    }
    first += width;
  }
}

class BlockInference final : public PolicyInference {
 public:
  BlockInference(const PolicyWeights& weights, SimdLevel level)
      : kernel_(KernelOf(level)),
        first_agent_(weights.first_agent),
        agent_count_(weights.agent_count) {
    const NetworkShape& shape = weights.shape;
    policy_.obs_dim = shape.obs_dim;
    policy_.act_dim = shape.act_dim;
    policy_.layers = static_cast<uint32_t>(shape.trunk.size());
    policy_.relu = shape.activation == Activation::kRelu;
    policy_.mean = Keep(weights.normalizer_mean);
    policy_.inv_std = Keep(weights.normalizer_inv_std);
    scratch_floats_ = shape.obs_dim;
    for (uint32_t l = 0; l < policy_.layers; ++l) {
      const DenseLayer& layer = weights.trunk[l];
      std::vector<float> packed(layer.weight.size());
      RepackLayer(layer, kernel_.tile, packed.data());
      policy_.trunk[l] = {layer.in, layer.out, Keep(packed), Keep(layer.bias)};
      scratch_floats_ += layer.out;
      multiply_adds_ += layer.weight.size();
    }
    scratch_floats_ *= kBlockLanes;
    multiply_adds_ += static_cast<uint64_t>(shape.trunk.back()) * shape.act_dim;
    policy_.head_weight = Keep(weights.head_weight);
    policy_.head_bias = Keep(weights.head_bias);
    policy_.head_log_std = Keep(weights.head_log_std);
    std::vector<float> std;
    for (const float log_std : weights.head_log_std) {
      std.push_back(Exp(log_std));
    }
    policy_.head_std = Keep(std);
  }

  void Act(const float* observations, const uint32_t* agents,
           const ActionNoiseKey& noise, Scratch& scratch, float* mean,
           float* actions, float* squashed, float* log_probs) const override {
    KernelStep step{};
    step.observations = observations;
    for (uint32_t lane = 0; lane < kBlockLanes; ++lane) {
      step.agents[lane] = agents[lane] - first_agent_;
      KMYRIAD_CHECK(step.agents[lane] < agent_count_);
    }
    step.seed = noise.seed;
    step.first_env = noise.first_env;
    step.epoch = noise.epoch;
    step.step = noise.step;
    step.stream = static_cast<uint32_t>(RandomStream::kActionNoise);
    step.scratch = Sized(scratch);
    step.mean = mean;
    step.actions = actions;
    step.squashed = squashed;
    step.log_probs = log_probs;
    kernel_.act(policy_, step);
  }

  void Means(const float* observations, Scratch& scratch,
             float* means) const override {
    kernel_.means(policy_, observations, agent_count_, Sized(scratch), means);
  }

  uint64_t FlopsPerBlock() const override {
    return 2 * kBlockLanes * multiply_adds_;
  }

 private:
  float* Sized(Scratch& scratch) const {
    if (scratch.floats < scratch_floats_) {
      scratch.buffer = AllocateFloats(scratch_floats_);
      scratch.floats = scratch_floats_;
    }
    return scratch.buffer.get();
  }
  // An aligned copy with room to read beyond its end, owned by this object.
  const float* Keep(const std::vector<float>& values) {
    AlignedFloats copy = AllocateFloats(values.size() + kReadAhead);
    std::copy(values.begin(), values.end(), copy.get());
    std::fill_n(copy.get() + values.size(), kReadAhead, 0.0f);
    buffers_.push_back(std::move(copy));
    return buffers_.back().get();
  }

  const PolicyKernel& kernel_;
  const uint32_t first_agent_;
  const uint32_t agent_count_;
  KernelPolicy policy_{};
  size_t scratch_floats_ = 0;
  uint64_t multiply_adds_ = 0;
  std::vector<AlignedFloats> buffers_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<PolicyInference>> PolicyInference::Create(
    const PolicyWeights& weights, SimdLevel level) {
  KMYRIAD_RETURN_IF_ERROR(ValidatePolicyWeights(weights));
  if (!SupportsSimdLevel(level)) {
    return absl::FailedPreconditionError(absl::StrCat(
        "policy inference: this machine lacks ", SimdLevelName(level)));
  }
  return std::unique_ptr<PolicyInference>(
      std::make_unique<BlockInference>(weights, level));
}

}  // namespace kmyriad
