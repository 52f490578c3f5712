#ifndef KMYRIAD_ACTOR_ROLLOUT_CUDA_DENSE_OUTPUTS_H_
#define KMYRIAD_ACTOR_ROLLOUT_CUDA_DENSE_OUTPUTS_H_

// What one thread computes of a fully connected layer: one or two outputs for
// the 16 environments of a block. Per input and output a weight is read from
// global memory, which neighbouring threads read beside it; the inputs are
// broadcasts from shared memory, four lanes at a time. Weights of kDepth inputs
// are asked for together, so that their latencies overlap.

#include "common/math/elementary.h"
#include "common/policy/inference_kernel_params.h"

namespace kmyriad {

struct alignas(16) FourLanes {
  float lane[4];
};

inline namespace KMYRIAD_LANES_NAMESPACE {

// sum[4] += weight * input[4], lane by lane.
KMYRIAD_HOST_DEVICE inline void AddProducts(float weight,
                                            const FourLanes* input,
                                            FourLanes* sum) {
  for (int q = 0; q < 4; ++q) {
    const FourLanes four = input[q];
    for (int i = 0; i < 4; ++i) {
      sum[q].lane[i] = Fma(weight, four.lane[i], sum[q].lane[i]);
    }
  }
}

// Outputs `first`, `first` + kStride, ... of `layer`, whose weights are
// [in, out]: y[r] = act(bias[r] + sum over k in order of weight[k, r] x[k]),
// one fma each. x [in, 16] and y [out, 16], aligned to 16 bytes.
template <uint32_t kOutputs, uint32_t kStride>
KMYRIAD_HOST_DEVICE void DenseOutputs(const KernelLayer& layer, bool relu,
                                      const float* x, uint32_t first,
                                      float* y) {
  constexpr uint32_t kDepth = 4;
  const auto* input = reinterpret_cast<const FourLanes*>(x);
  const float* weights = layer.weight + first;
  FourLanes sum[kOutputs][4];
  for (uint32_t r = 0; r < kOutputs; ++r) {
    const float bias = layer.bias[first + r * kStride];
    for (int l = 0; l < 16; ++l) sum[r][l / 4].lane[l % 4] = bias;
  }
  uint32_t k = 0;
  for (; k + kDepth <= layer.in; k += kDepth) {
    float weight[kDepth][kOutputs];
    for (uint32_t d = 0; d < kDepth; ++d) {
      for (uint32_t r = 0; r < kOutputs; ++r) {
        weight[d][r] = weights[r * kStride];
      }
      weights += layer.out;
    }
    for (uint32_t d = 0; d < kDepth; ++d) {
      for (uint32_t r = 0; r < kOutputs; ++r) {
        AddProducts(weight[d][r], input, sum[r]);
      }
      input += 4;
    }
  }
  for (; k < layer.in; ++k) {
    for (uint32_t r = 0; r < kOutputs; ++r) {
      AddProducts(weights[r * kStride], input, sum[r]);
    }
    weights += layer.out;
    input += 4;
  }
  for (uint32_t r = 0; r < kOutputs; ++r) {
    auto* out = reinterpret_cast<FourLanes*>(y) + 4 * (first + r * kStride);
    for (int q = 0; q < 4; ++q) {
      for (float& value : sum[r][q].lane) {
        value = relu ? Max(value, 0.0f) : value;
      }
      out[q] = sum[r][q];
    }
    // From memory, so that the sums stay in registers.
    for (int l = 0; !relu && l < 16; ++l) {
      float& value = out[l / 4].lane[l % 4];
      value = Tanh(value);
    }
  }
}

}  // namespace KMYRIAD_LANES_NAMESPACE
}  // namespace kmyriad

#endif  // KMYRIAD_ACTOR_ROLLOUT_CUDA_DENSE_OUTPUTS_H_
