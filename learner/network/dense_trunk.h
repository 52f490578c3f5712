#ifndef KMYRIAD_LEARNER_NETWORK_DENSE_TRUNK_H_
#define KMYRIAD_LEARNER_NETWORK_DENSE_TRUNK_H_

#include <ATen/ATen.h>

#include <cstdint>
#include <string>
#include <vector>

#include "common/policy/network_shape.h"
#include "learner/network/parameter.h"
#include "learner/network/workspace.h"

namespace kmyriad {

// Fully connected layers, each followed by the activation, with a forward and
// a backward pass written out by hand: no autograd graph, activations in
// reused buffers, gradients accumulated in the master type. Products run in
// `product_type` (bf16: inputs and outputs rounded, accumulators fp32).
//
// The rows that go in carry their bias column: [input | 1 | zeros], so the
// first layer's bias and its gradient cost no pass over the widest
// activations. Not thread-safe.
class DenseTrunk {
 public:
  // `input_columns` > inputs is the width of the rows that go in.
  DenseTrunk(const std::string& name, int64_t inputs, int64_t input_columns,
             const std::vector<uint32_t>& widths, Activation activation,
             at::TensorOptions master, at::ScalarType product_type);

  // Uses the parameters of `other`, of the same shape and types, in place of
  // its own; gradients and buffers stay its own.
  void ShareParameters(const DenseTrunk& other);

  // The layers' parameters: weight [out, in], bias [out].
  ParameterList Parameters();

  // Takes over changed parameters; before the first Forward and after each
  // optimiser step.
  void Refresh();

  // rows [n, input_columns], product type. Returns [n, widths.back()], valid
  // until the next Forward.
  const at::Tensor& Forward(const at::Tensor& rows);

  // Where the caller of Backward puts the gradient of Forward's result.
  const at::Tensor& OutputGradient() const { return deltas_.back(); }

  // Accumulates the gradients for the last Forward, whose rows are given
  // again, from OutputGradient(), which it overwrites. Returns the gradient
  // of the first layer's pre-activation [n, widths[0]].
  const at::Tensor& Backward(const at::Tensor& rows);

  // First layer's weight in product type, [widths[0], input_columns].
  const at::Tensor& PackedFirstLayer() const { return packed_first_; }

 private:
  struct Layer {
    Parameter weight;
    Parameter bias;
    // In product type; unused by the first layer.
    at::Tensor product_weight;
    at::Tensor product_bias;
    Workspace activation_space;
    Workspace delta_space;
  };

  void Activate(const at::Tensor& values) const;
  // delta *= activation'(pre-activation), given the activation.
  void BackActivate(at::Tensor delta, const at::Tensor& activation) const;
  // gradient += delta^T input.
  void AccumulateWeight(const at::Tensor& delta, const at::Tensor& input,
                        const at::Tensor& gradient);

  const int64_t inputs_;
  const Activation activation_;
  const bool same_type_;
  std::vector<Layer> layers_;
  at::Tensor packed_first_;
  at::Tensor packed_gradient_;
  Workspace product_gradient_;
  // Views into the layers' spaces for the current number of rows.
  std::vector<at::Tensor> activations_;
  std::vector<at::Tensor> deltas_;
};

}  // namespace kmyriad

#endif  // KMYRIAD_LEARNER_NETWORK_DENSE_TRUNK_H_
