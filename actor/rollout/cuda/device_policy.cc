#include "actor/rollout/cuda/device_policy.h"

#include "common/base/status_macros.h"
#include "common/math/elementary.h"

namespace kmyriad {
namespace {

// [out, in] to [in, out].
std::vector<float> Transposed(const DenseLayer& layer) {
  std::vector<float> transposed(layer.weight.size());
  for (size_t r = 0; r < layer.out; ++r) {
    for (size_t k = 0; k < layer.in; ++k) {
      transposed[k * layer.out + r] = layer.weight[r * layer.in + k];
    }
  }
  return transposed;
}

}  // namespace

absl::StatusOr<std::unique_ptr<DevicePolicy>> DevicePolicy::Create(
    const PolicyWeights& weights) {
  KMYRIAD_RETURN_IF_ERROR(ValidatePolicyWeights(weights));
  return std::unique_ptr<DevicePolicy>(new DevicePolicy(weights));
}

DevicePolicy::DevicePolicy(const PolicyWeights& weights) : weights_(weights) {
  for (DenseLayer& layer : weights_.trunk) layer.weight = Transposed(layer);
  for (const float log_std : weights_.head_log_std) {
    head_std_.push_back(Exp(log_std));
  }
}

DevicePolicyMemory::DevicePolicyMemory(Device& device)
    : mean_(device),
      inv_std_(device),
      trunk_weight_{DeviceArray<float>(device), DeviceArray<float>(device)},
      trunk_bias_{DeviceArray<float>(device), DeviceArray<float>(device)},
      head_weight_(device),
      head_bias_(device),
      head_log_std_(device),
      head_std_(device) {
  static_assert(kMaxTrunkLayers == 2);
}

absl::Status DevicePolicyMemory::Load(const DevicePolicy& policy) {
  const PolicyWeights& weights = policy.weights();
  KMYRIAD_RETURN_IF_ERROR(mean_.AllocateCopy(weights.normalizer_mean));
  KMYRIAD_RETURN_IF_ERROR(inv_std_.AllocateCopy(weights.normalizer_inv_std));
  for (size_t l = 0; l < weights.trunk.size(); ++l) {
    KMYRIAD_RETURN_IF_ERROR(
        trunk_weight_[l].AllocateCopy(weights.trunk[l].weight));
    KMYRIAD_RETURN_IF_ERROR(trunk_bias_[l].AllocateCopy(weights.trunk[l].bias));
    view_.trunk[l] = {weights.trunk[l].in, weights.trunk[l].out,
                      trunk_weight_[l].data(), trunk_bias_[l].data()};
  }
  KMYRIAD_RETURN_IF_ERROR(head_weight_.AllocateCopy(weights.head_weight));
  KMYRIAD_RETURN_IF_ERROR(head_bias_.AllocateCopy(weights.head_bias));
  KMYRIAD_RETURN_IF_ERROR(head_log_std_.AllocateCopy(weights.head_log_std));
  KMYRIAD_RETURN_IF_ERROR(head_std_.AllocateCopy(policy.head_std()));
  view_.obs_dim = weights.shape.obs_dim;
  view_.act_dim = weights.shape.act_dim;
  view_.layers = static_cast<uint32_t>(weights.trunk.size());
  view_.relu = weights.shape.activation == Activation::kRelu;
  view_.mean = mean_.data();
  view_.inv_std = inv_std_.data();
  view_.head_weight = head_weight_.data();
  view_.head_bias = head_bias_.data();
  view_.head_log_std = head_log_std_.data();
  view_.head_std = head_std_.data();
  return absl::OkStatus();
}

}  // namespace kmyriad
