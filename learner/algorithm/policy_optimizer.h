#ifndef KMYRIAD_LEARNER_ALGORITHM_POLICY_OPTIMIZER_H_
#define KMYRIAD_LEARNER_ALGORITHM_POLICY_OPTIMIZER_H_

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/optional.h"
#include "common/base/tensor.h"
#include "common/policy/network_shape.h"
#include "common/policy/policy_weights.h"
#include "learner/algorithm/iw_entropy.h"

namespace kmyriad {

// Settings of the update; fields as in proto RunConfig (network, ppo, learner).
struct PolicyOptimizerOptions {
  NetworkShape shape;
  float initial_log_std = 0;
  float head_noise = 0;
  std::string objective;  // "ppo" or "iw_entropy"
  IwEntropyOptions iw_entropy;
  // Of trunk and heads.
  double learning_rate = 0;
  double critic_learning_rate = 0;
  double clip = 0;
  uint32_t epochs = 0;
  uint32_t minibatches = 0;
  double gamma = 0;
  double lambda = 0;
  double kl_stop = 0;
  double max_grad_norm = 0;
  double critic_max_grad_norm = 0;
  double entropy_coefficient = 0;
  bool normalize_advantages = true;
  uint64_t schedule_epochs = 0;
  uint64_t seed = 0;
  std::string device;     // "cpu", "cuda", "cuda:N"
  int threads = 0;        // >= 1, already resolved
  std::string precision;  // "fp32" or "bf16"
};

// Samples of one epoch, environment-major: env e of agent e / (envs / agents).
// Pointers into buffers of the caller, valid during the call.
struct EpochSamples {
  uint32_t envs = 0;
  uint32_t horizon = 0;
  const float* observations = nullptr;  // [envs, horizon, obs_dim] raw
  const float* actions = nullptr;       // [envs, horizon, act_dim] before tanh
  const float* log_probs = nullptr;     // [envs, horizon] of the actors
  const float* rewards = nullptr;       // [envs, horizon] standardised
  // Samples that count, [envs, horizon], 1 or 0: an episode is over before the
  // first that does not. Null: all count.
  const uint8_t* counts = nullptr;
  // Agents whose policies learn, [agents], 1 or 0; the critic learns from all.
  // Null: all. If it is none, trunk and heads stay as they are.
  const uint8_t* trained = nullptr;
  // Needed by "iw_entropy", which takes neither rewards nor `counts`.
  WeightsEvaluator evaluate = nullptr;
};

// A head that becomes a copy of another one.
struct HeadCopy {
  uint32_t from = 0;
  uint32_t to = 0;
};

// Means over the samples of the last pass, each taken before the step of its
// minibatch, unless a comment says otherwise; kl_mean, value_loss and
// clip_fraction over those that count.
struct UpdateStats {
  double kl_mean = 0;      // behaviour to new policy, nats
  double policy_loss = 0;  // mean over agents
  double value_loss = 0;   // (value - target)^2
  // Of the value targets by the values before the first step.
  double explained_variance = 0;
  double clip_fraction = 0;
  double ratio_max_error = 0;     // max |ratio - 1| before the first step
  double action_std_mean = 0;     // after the update
  double action_mean_abs = 0;     // |mu| before tanh, over all dimensions
  double saturated_fraction = 0;  // share of |tanh u| > 0.97
  double trunk_grad_norm = 0;     // mean over steps, before clipping
  // Over steps and heads that learn, before clipping.
  double head_grad_norm_max = 0;
  double learning_rate = 0;
  uint32_t passes = 0;  // after kl_stop; "iw_entropy": steps taken
  // 6 x parameters touched x samples x passes, and 2 x for what is only
  // computed forwards.
  uint64_t flops = 0;
  // Of "iw_entropy", whose policy_loss is the entropy, negated.
  absl::optional<AscentStats> ascent;
  double seconds = 0;  // of the whole call
};

// Networks, optimiser state and the update, on one device. LibTorch stays
// behind this header. Used by one thread at a time; on a CPU the update spreads
// its samples over `threads` threads (more than 8 have no work). The result's
// bits depend on the device, its kind of processor and the LibTorch build (see
// NumericsInfo), not on the number of threads.
class PolicyOptimizer {
 public:
  // Initial weights come from Philox (stream kInitialWeights, run seed).
  // FAILED_PRECONDITION in one line if the device is not there or not built.
  static absl::StatusOr<std::unique_ptr<PolicyOptimizer>> Create(
      const PolicyOptimizerOptions& options);
  virtual ~PolicyOptimizer() = default;

  // All heads; the normaliser's vectors are the caller's, copied in.
  virtual absl::StatusOr<PolicyWeights> Policy(
      const std::vector<float>& normalizer_mean,
      const std::vector<float>& normalizer_inv_std) = 0;

  // One update from the samples of `epoch` (from 1). `progress` (may be empty)
  // gets the share done, 0..1, on the calling thread, and returns false to
  // abandon: then CANCELLED, and the state is that of before the call. INTERNAL
  // if a gradient or parameter becomes non-finite (state of before the call).
  virtual absl::StatusOr<UpdateStats> Update(
      const EpochSamples& samples, uint64_t epoch,
      const std::vector<float>& normalizer_mean,
      const std::vector<float>& normalizer_inv_std,
      const std::function<bool(double)>& progress) = 0;

  // Copies heads in order, with what the critic knows of their agents. Weights
  // differ by `noise` times HeadCopyNoise (learner/network/initial_weights.h);
  // the optimiser's moments of the copies begin anew.
  virtual void CopyHeads(const std::vector<HeadCopy>& copies, double noise,
                         uint64_t epoch) = 0;

  // Learned tensors (trunk.*, heads.*, critic.*, embedding) on the CPU.
  virtual std::vector<NamedTensor> SaveParameters() = 0;
  // Optimiser state (adam.*).
  virtual std::vector<NamedTensor> SaveOptimizer() = 0;
  // INVALID_ARGUMENT naming the tensor if one is missing, unknown or of
  // another shape; nothing is changed then.
  virtual absl::Status Load(const std::vector<NamedTensor>& parameters,
                            const std::vector<NamedTensor>& optimizer) = 0;
};

// Among NumericsInfo: the version of the update's arithmetic, 3. The first,
// which was not recorded, differs where there is a task: heads without a
// success went on by their momentum, and kl_mean was over all samples. Up to
// the second, heads without two particles did so with "iw_entropy".
inline constexpr char kUpdateArithmetic[] = "update_arithmetic";

// What the numerics depend on: LibTorch version, MKL mode, CPU capability,
// device name, version of the arithmetic. Recorded by the run.
std::map<std::string, std::string> NumericsInfo(const std::string& device);

}  // namespace kmyriad

#endif  // KMYRIAD_LEARNER_ALGORITHM_POLICY_OPTIMIZER_H_
