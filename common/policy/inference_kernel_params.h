#ifndef KMYRIAD_COMMON_POLICY_INFERENCE_KERNEL_PARAMS_H_
#define KMYRIAD_COMMON_POLICY_INFERENCE_KERNEL_PARAMS_H_

// What policy_inference.cc and the kernel units of each instruction set share:
// plain structs without functions, so that nothing compiled for one level can
// be linked into another (common/math/lanes.h). All buffers [dim, 16] have the
// block's 16 lanes innermost.

#include <cstdint>

namespace kmyriad {

// A fully connected layer, repacked for one kernel: its outputs in tiles of
// PolicyKernel::tile_widths' order, each tile [in, width] so that the kernel
// reads its weights in sequence.
struct KernelLayer {
  uint32_t in;
  uint32_t out;
  const float* weight;
  const float* bias;  // [out]
};

// A policy for one kernel. Agents are counted from the part's first one.
struct KernelPolicy {
  uint32_t obs_dim;
  uint32_t act_dim;
  uint32_t layers;       // 1 or 2
  bool relu;             // else tanh
  const float* mean;     // [obs_dim]
  const float* inv_std;  // [obs_dim]
  KernelLayer trunk[2];
  // The next four may be read up to 16 floats beyond their end.
  const float* head_weight;   // [agents, trunk.back().out, act_dim]
  const float* head_bias;     // [agents, act_dim]
  const float* head_log_std;  // [agents, act_dim]
  const float* head_std;      // [agents, act_dim], Exp(log-std)
};

// One block's step.
struct KernelStep {
  const float* observations;  // [obs_dim, 16]
  uint32_t agents[16];        // of each lane
  uint64_t seed;
  uint32_t first_env;
  uint32_t epoch;
  uint32_t step;
  uint32_t stream;
  float* scratch;    // [obs_dim + widths of the trunk, 16], 64-byte aligned
  float* mean;       // [act_dim, 16]
  float* actions;    // [act_dim, 16], before tanh
  float* squashed;   // [act_dim, 16]
  float* log_probs;  // [16]
};

// The kernel of one instruction set.
struct PolicyKernel {
  // Outputs that are accumulated in registers at a time. A layer's outputs
  // are dealt to tiles of this width; what is left to powers of two, largest
  // first.
  uint32_t tile;
  void (*act)(const KernelPolicy& policy, const KernelStep& step);
  // Of observations [obs_dim, 16], the mean actions of the first `agents`
  // agents: means [agents, act_dim, 16]; scratch as in KernelStep.
  void (*means)(const KernelPolicy& policy, const float* observations,
                uint32_t agents, float* scratch, float* means);
};

extern const PolicyKernel kScalarPolicyKernel;
extern const PolicyKernel kAvx2PolicyKernel;
extern const PolicyKernel kAvx512PolicyKernel;

}  // namespace kmyriad

#endif  // KMYRIAD_COMMON_POLICY_INFERENCE_KERNEL_PARAMS_H_
