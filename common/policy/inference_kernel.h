#ifndef KMYRIAD_COMMON_POLICY_INFERENCE_KERNEL_H_
#define KMYRIAD_COMMON_POLICY_INFERENCE_KERNEL_H_

// The forward pass, the action noise and the log-probabilities of one block,
// written once for every instruction set. Included by the units
// policy_inference_{scalar,avx2,avx512}.cc only, each of which instantiates
// its PolicyKernel with the tile that fits its registers; the unnamed namespace
// keeps each unit's copy to itself.
//
// Same bits everywhere: an output is bias + sum over k in order, one fma each,
// whatever tile it is in and whichever way its lane is computed.

#include "common/math/elementary.h"
#include "common/math/lanes.h"
#include "common/policy/action_distribution.h"
#include "common/policy/inference_kernel_params.h"

namespace kmyriad {
namespace {

constexpr uint32_t kLanes = 16;

// y[r] = act(bias[r] + sum_k w[k, r] x[k]) for kTile outputs and 16 lanes.
template <uint32_t kTile, bool kRelu>
void DenseTile(const float* w, const float* bias, const float* x, uint32_t in,
               uint32_t stride, float* y) {
  // One broadcast load per multiply-add is more than a core with two 512-bit
  // FMA units loads; half of them by shuffles is what both can keep up with.
  constexpr uint32_t kShuffled = kTile >= 8 ? kTile / 2 : 0;
  FloatLanes sum[kTile];
#pragma GCC unroll 32
  for (uint32_t r = 0; r < kTile; ++r) sum[r] = FloatLanes(bias[r]);
  for (uint32_t k = 0; k < in; ++k) {
    const FloatLanes input = Load(x + kLanes * k);
#pragma GCC unroll 32
    for (uint32_t r = 0; r < kShuffled; r += 4) {
      FloatLanes weight[4];
      BroadcastFour(w + r, weight);
#pragma GCC unroll 4
      for (uint32_t i = 0; i < 4; ++i) {
        sum[r + i] = Fma(weight[i], input, sum[r + i]);
      }
    }
#pragma GCC unroll 32
    for (uint32_t r = kShuffled; r < kTile; ++r) {
      sum[r] = Fma(FloatLanes(w[r]), input, sum[r]);
    }
    w += stride;
  }
#pragma GCC unroll 32
  for (uint32_t r = 0; r < kTile; ++r) {
    Store(kRelu ? Max(sum[r], FloatLanes(0.0f)) : sum[r], y + kLanes * r);
  }
}

// The outputs from `first` on in tiles of kTile, then of its halves.
template <uint32_t kTile, bool kRelu>
void DenseTiles(const KernelLayer& layer, const float* x, uint32_t first,
                float* y) {
  while (layer.out - first >= kTile) {
    DenseTile<kTile, kRelu>(
        layer.weight + static_cast<uint64_t>(first) * layer.in,
        layer.bias + first, x, layer.in, kTile, y + kLanes * first);
    first += kTile;
  }
  if constexpr (kTile > 1) {
    constexpr uint32_t kNext = kTile > 16  ? 16
                               : kTile > 8 ? 8
                               : kTile > 4 ? 4
                               : kTile > 2 ? 2
                                           : 1;
    if (first < layer.out) DenseTiles<kNext, kRelu>(layer, x, first, y);
  }
}

template <uint32_t kTile>
void Dense(const KernelLayer& layer, bool relu, const float* x, float* y) {
  if (relu) {
    DenseTiles<kTile, true>(layer, x, 0, y);
    return;
  }
  DenseTiles<kTile, false>(layer, x, 0, y);
  for (uint32_t i = 0; i < layer.out; ++i) {
    Store(Tanh(Load(y + kLanes * i)), y + kLanes * i);
  }
}

void Normalize(const KernelPolicy& policy, const float* observations,
               float* y) {
  for (uint32_t i = 0; i < policy.obs_dim; ++i) {
    Store(NormalizeObservation(Load(observations + kLanes * i),
                               FloatLanes(policy.mean[i]),
                               FloatLanes(policy.inv_std[i])),
          y + kLanes * i);
  }
}

// Means of the lanes [begin, end), which all belong to `agent`: 16 lanes at a
// time, weights broadcast.
template <uint32_t kTile>
void HeadOfRun(const KernelPolicy& policy, uint32_t agent, const float* hidden,
               uint32_t width, uint32_t begin, uint32_t end, float* mean) {
  const float* weight = policy.head_weight +
                        static_cast<uint64_t>(agent) * width * policy.act_dim;
  const float* bias = policy.head_bias + agent * policy.act_dim;
  for (uint32_t first = 0; first < policy.act_dim; first += kTile) {
    // Outputs beyond act_dim are computed from what lies there and dropped.
    alignas(64) float y[kTile * kLanes];
    DenseTile<kTile, false>(weight + first, bias + first, hidden, width,
                            policy.act_dim, y);
    for (uint32_t r = 0; r < kTile && first + r < policy.act_dim; ++r) {
      for (uint32_t lane = begin; lane < end; ++lane) {
        mean[(first + r) * kLanes + lane] = y[r * kLanes + lane];
      }
    }
  }
}

// Means of kGroup lanes from `first_lane` on, whatever their agents: actions
// stand in the vector's lanes, an environment's activation is broadcast.
template <uint32_t kGroup>
void HeadOfLanes(const KernelPolicy& policy, const uint32_t* agents,
                 const float* hidden, uint32_t width, uint32_t first_lane,
                 float* mean) {
  const uint32_t act_dim = policy.act_dim;
  FloatLanes sum[kGroup];
  const float* weight[kGroup];
#pragma GCC unroll 16
  for (uint32_t g = 0; g < kGroup; ++g) {
    const uint64_t agent = agents[first_lane + g];
    weight[g] = policy.head_weight + agent * width * act_dim;
    sum[g] = Load(policy.head_bias + agent * act_dim);
  }
  for (uint32_t k = 0; k < width; ++k) {
    const float* input = hidden + kLanes * k + first_lane;
#pragma GCC unroll 16
    for (uint32_t g = 0; g < kGroup; ++g) {
      sum[g] = Fma(Load(weight[g] + static_cast<uint64_t>(k) * act_dim),
                   FloatLanes(input[g]), sum[g]);
    }
  }
  for (uint32_t g = 0; g < kGroup; ++g) {
    alignas(64) float y[kLanes];
    Store(sum[g], y);
    for (uint32_t a = 0; a < act_dim; ++a) {
      mean[a * kLanes + first_lane + g] = y[a];
    }
  }
}

template <uint32_t kTile>
void Heads(const KernelPolicy& policy, const uint32_t* agents,
           const float* hidden, uint32_t width, float* mean) {
  uint32_t runs = 1;
  for (uint32_t l = 1; l < kLanes; ++l) runs += agents[l] != agents[l - 1];
  // A run costs as much as a whole block; from the fourth on, the way that
  // does not care about agents is the cheaper one.
  if (runs > 3) {
    constexpr uint32_t kGroup = kTile < 16 ? 4 : 8;
    for (uint32_t l = 0; l < kLanes; l += kGroup) {
      HeadOfLanes<kGroup>(policy, agents, hidden, width, l, mean);
    }
    return;
  }
  for (uint32_t begin = 0; begin < kLanes;) {
    uint32_t end = begin + 1;
    while (end < kLanes && agents[end] == agents[begin]) ++end;
    HeadOfRun < kTile<8 ? 4 : 8>(policy, agents[begin], hidden, width, begin,
                                 end, mean);
    begin = end;
  }
}

// [16] values of action `a` from a table [agents, act_dim].
FloatLanes PerLane(const KernelPolicy& policy, const KernelStep& step,
                   const float* table, uint32_t a) {
  alignas(64) float values[kLanes];
  for (uint32_t l = 0; l < kLanes; ++l) {
    values[l] = table[step.agents[l] * policy.act_dim + a];
  }
  return Load(values);
}

void Sample(const KernelPolicy& policy, const KernelStep& step) {
  alignas(64) uint32_t env[kLanes];
  for (uint32_t l = 0; l < kLanes; ++l) env[l] = step.first_env + l;
  FloatLanes log_prob(0.0f);
  FloatLanes noise[2];
  for (uint32_t a = 0; a < policy.act_dim; ++a) {
    if (a % 2 == 0) {
      ActionNoise(step.seed, step.stream, step.epoch, step.step, a / 2,
                  Load(env), &noise[0], &noise[1]);
    }
    const SampledAction<FloatLanes> action = SampleAction(
        Load(step.mean + kLanes * a), PerLane(policy, step, policy.head_std, a),
        PerLane(policy, step, policy.head_log_std, a), noise[a % 2]);
    log_prob = log_prob + action.log_density;
    Store(action.u, step.actions + kLanes * a);
    Store(Tanh(action.u), step.squashed + kLanes * a);
  }
  Store(log_prob, step.log_probs);
}

// What the heads read: the last layer's outputs [trunk.back().out, 16], within
// `scratch`.
struct TrunkOutput {
  const float* values;
  uint32_t width;
};

template <uint32_t kTile>
TrunkOutput Trunk(const KernelPolicy& policy, const float* observations,
                  float* scratch) {
  float* input = scratch;
  Normalize(policy, observations, input);
  uint32_t width = policy.obs_dim;
  for (uint32_t l = 0; l < policy.layers; ++l) {
    float* output = input + kLanes * width;
    Dense<kTile>(policy.trunk[l], policy.relu, input, output);
    input = output;
    width = policy.trunk[l].out;
  }
  return {input, width};
}

template <uint32_t kTile>
void ActBlock(const KernelPolicy& policy, const KernelStep& step) {
  const TrunkOutput trunk =
      Trunk<kTile>(policy, step.observations, step.scratch);
  Heads<kTile>(policy, step.agents, trunk.values, trunk.width, step.mean);
  Sample(policy, step);
}

template <uint32_t kTile>
void MeansOfBlock(const KernelPolicy& policy, const float* observations,
                  uint32_t agents, float* scratch, float* means) {
  const TrunkOutput trunk = Trunk<kTile>(policy, observations, scratch);
  for (uint32_t agent = 0; agent < agents; ++agent) {
    uint32_t lanes[kLanes];
    for (uint32_t& lane : lanes) lane = agent;
    Heads<kTile>(policy, lanes, trunk.values, trunk.width, means);
    means += policy.act_dim * kLanes;
  }
}

}  // namespace
}  // namespace kmyriad

#endif  // KMYRIAD_COMMON_POLICY_INFERENCE_KERNEL_H_
