#ifndef KMYRIAD_COMMON_POLICY_POLICY_INFERENCE_H_
#define KMYRIAD_COMMON_POLICY_POLICY_INFERENCE_H_

#include <cstdint>
#include <memory>

#include "absl/status/statusor.h"
#include "common/base/segment.h"
#include "common/base/simd_level.h"
#include "common/policy/policy_weights.h"

namespace kmyriad {

// Which random numbers the action noise of a block's step uses.
struct ActionNoiseKey {
  uint64_t seed = 0;
  uint32_t first_env = 0;  // environment of lane 0
  uint32_t epoch = 0;
  uint32_t step = 0;
};

// A policy made ready to act where it is to act: a PolicyInference, or what a
// device keeps. Constant and thread-safe.
class PreparedPolicy {
 public:
  virtual ~PreparedPolicy() = default;
};

// The policy for acting, without LibTorch: one block of 16 environments at a
// time, weights repacked for the kernel once. Lane-exact: the bits of a lane
// depend neither on the other lanes nor on the instruction set. Const methods
// are thread-safe as long as each thread has its own Scratch.
class PolicyInference : public PreparedPolicy {
 public:
  // Activations of one block; reusable.
  struct Scratch {
    // Sized by PolicyInference; 64-byte aligned.
    std::unique_ptr<float[], void (*)(float*)> buffer{nullptr, [](float*) {}};
    size_t floats = 0;
  };

  // Copies what it needs of `weights`.
  static absl::StatusOr<std::unique_ptr<PolicyInference>> Create(
      const PolicyWeights& weights, SimdLevel level);
  // observations [obs_dim, 16] raw (lane-minor), agents [16] absolute agent
  // numbers, each within the part of the policy that `weights` held, padded
  // lanes included (give them any agent of the block). noise.step < 2^24.
  // Writes mean [act_dim, 16], actions before tanh u [act_dim, 16], the
  // squashed actions tanh(u) [act_dim, 16], and log_probs [16]: the exact
  // log-probability of the squashed action (method.md 1.1).
  virtual void Act(const float* observations, const uint32_t* agents,
                   const ActionNoiseKey& noise, Scratch& scratch, float* mean,
                   float* actions, float* squashed, float* log_probs) const = 0;

  // The mean actions at observations [obs_dim, 16] of every agent that
  // `weights` held: means [agents, act_dim, 16], the bits of Act's.
  virtual void Means(const float* observations, Scratch& scratch,
                     float* means) const = 0;

  // Multiply-adds that one block's forward pass needs, counted twice (FLOP);
  // noise, activations and what the kernel computes in vain do not count.
  virtual uint64_t FlopsPerBlock() const = 0;
};

}  // namespace kmyriad

#endif  // KMYRIAD_COMMON_POLICY_POLICY_INFERENCE_H_
