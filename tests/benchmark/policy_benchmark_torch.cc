#include "tests/benchmark/policy_benchmark_torch.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include <cstring>
#include <exception>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/base/segment.h"

namespace kmyriad {
namespace {

at::Tensor CopyOf(const float* values, at::IntArrayRef shape) {
  // from_blob takes a pointer to non-const; the clone only reads.
  return at::from_blob(const_cast<float*>(values), shape, at::kFloat).clone();
}

class TorchForwardImpl final : public TorchForward {
 public:
  TorchForwardImpl(const PolicyWeights& w, uint32_t agent)
      : relu_(w.shape.activation == Activation::kRelu),
        obs_dim_(w.shape.obs_dim),
        mean_(CopyOf(w.normalizer_mean.data(), {obs_dim_})),
        inv_std_(CopyOf(w.normalizer_inv_std.data(), {obs_dim_})) {
    for (const DenseLayer& layer : w.trunk) {
      weights_.push_back(CopyOf(layer.weight.data(), {layer.out, layer.in}));
      biases_.push_back(CopyOf(layer.bias.data(), {layer.out}));
    }
    const int64_t width = w.shape.trunk.back();
    const int64_t act_dim = w.shape.act_dim;
    head_ = CopyOf(w.head_weight.data() + agent * width * act_dim,
                   {width, act_dim});
    head_bias_ = CopyOf(w.head_bias.data() + agent * act_dim, {act_dim});
  }

  absl::Status Run(const float* observations, float* mean) override {
    try {
      const c10::InferenceMode guard;
      at::Tensor x = at::from_blob(const_cast<float*>(observations),
                                   {kBlockLanes, obs_dim_}, at::kFloat);
      x = ((x - mean_) * inv_std_).clamp(-5.0, 5.0);
      for (size_t l = 0; l < weights_.size(); ++l) {
        x = at::linear(x, weights_[l], biases_[l]);
        x = relu_ ? x.relu_() : x.tanh_();
      }
      const at::Tensor y = at::addmm(head_bias_, x, head_);
      std::memcpy(mean, y.const_data_ptr<float>(), y.nbytes());
      return absl::OkStatus();
    } catch (const std::exception& error) {
      return absl::InternalError(absl::StrCat("LibTorch: ", error.what()));
    }
  }

 private:
  const bool relu_;
  const int64_t obs_dim_;
  const at::Tensor mean_;
  const at::Tensor inv_std_;
  std::vector<at::Tensor> weights_;
  std::vector<at::Tensor> biases_;
  at::Tensor head_;
  at::Tensor head_bias_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<TorchForward>> TorchForward::Create(
    const PolicyWeights& weights, uint32_t agent) {
  try {
    at::set_num_threads(1);
    return std::unique_ptr<TorchForward>(
        std::make_unique<TorchForwardImpl>(weights, agent));
  } catch (const std::exception& error) {
    return absl::InternalError(absl::StrCat("LibTorch: ", error.what()));
  }
}

}  // namespace kmyriad
