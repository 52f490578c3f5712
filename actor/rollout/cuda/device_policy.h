#ifndef KMYRIAD_ACTOR_ROLLOUT_CUDA_DEVICE_POLICY_H_
#define KMYRIAD_ACTOR_ROLLOUT_CUDA_DEVICE_POLICY_H_

#include <memory>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/device/device_array.h"
#include "common/policy/inference_kernel_params.h"
#include "common/policy/policy_inference.h"
#include "common/policy/policy_weights.h"

namespace kmyriad {

// A policy laid out for the kernels of segments, on the host still.
class DevicePolicy final : public PreparedPolicy {
 public:
  // Errors of ValidatePolicyWeights.
  static absl::StatusOr<std::unique_ptr<DevicePolicy>> Create(
      const PolicyWeights& weights);

  // Trunk weights are [in, out] here.
  const PolicyWeights& weights() const { return weights_; }
  const std::vector<float>& head_std() const { return head_std_; }

 private:
  explicit DevicePolicy(const PolicyWeights& weights);

  PolicyWeights weights_;
  std::vector<float> head_std_;  // [agent_count, act_dim]
};

// A device's copy of one policy at a time. The device must outlive it.
class DevicePolicyMemory {
 public:
  explicit DevicePolicyMemory(Device& device);

  // Replaces the policy; what was enqueued before sees the old one to its end.
  absl::Status Load(const DevicePolicy& policy);
  // Valid until the next Load.
  const KernelPolicy& view() const { return view_; }

 private:
  DeviceArray<float> mean_, inv_std_;
  DeviceArray<float> trunk_weight_[kMaxTrunkLayers];
  DeviceArray<float> trunk_bias_[kMaxTrunkLayers];
  DeviceArray<float> head_weight_, head_bias_, head_log_std_, head_std_;
  KernelPolicy view_ = {};
};

}  // namespace kmyriad

#endif  // KMYRIAD_ACTOR_ROLLOUT_CUDA_DEVICE_POLICY_H_
