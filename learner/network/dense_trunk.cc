#include "learner/network/dense_trunk.h"

#include "learner/network/matrix_product.h"

namespace kmyriad {

DenseTrunk::DenseTrunk(const std::string& name, int64_t inputs,
                       int64_t input_columns,
                       const std::vector<uint32_t>& widths,
                       Activation activation, at::TensorOptions master,
                       at::ScalarType product_type)
    : inputs_(inputs),
      activation_(activation),
      same_type_(c10::typeMetaToScalarType(master.dtype()) == product_type) {
  const at::TensorOptions product = master.dtype(product_type);
  int64_t in = inputs;
  for (size_t i = 0; i < widths.size(); ++i) {
    const int64_t out = widths[i];
    const std::string prefix = name + "." + std::to_string(i);
    Layer layer;
    layer.weight = {prefix + ".weight", at::zeros({out, in}, master),
                    at::zeros({out, in}, master)};
    layer.bias = {prefix + ".bias", at::zeros({out}, master),
                  at::zeros({out}, master)};
    layer.product_weight = layer.weight.value.to(product_type);
    layer.product_bias = layer.bias.value.to(product_type);
    layer.activation_space = Workspace(product);
    layer.delta_space = Workspace(product);
    layers_.push_back(std::move(layer));
    in = out;
  }
  const int64_t first = widths[0];
  packed_first_ = at::zeros({first, input_columns}, product);
  packed_gradient_ = at::zeros({first, input_columns}, master);
  product_gradient_ = Workspace(product);
  activations_.resize(layers_.size());
  deltas_.resize(layers_.size());
}

ParameterList DenseTrunk::Parameters() {
  ParameterList list;
  for (Layer& layer : layers_) {
    list.push_back(&layer.weight);
    list.push_back(&layer.bias);
  }
  return list;
}

void DenseTrunk::ShareParameters(const DenseTrunk& other) {
  for (size_t i = 0; i < layers_.size(); ++i) {
    layers_[i].weight.value = other.layers_[i].weight.value;
    layers_[i].bias.value = other.layers_[i].bias.value;
    layers_[i].product_weight = other.layers_[i].product_weight;
    layers_[i].product_bias = other.layers_[i].product_bias;
  }
  packed_first_ = other.packed_first_;
}

void DenseTrunk::Refresh() {
  packed_first_.narrow(1, 0, inputs_).copy_(layers_[0].weight.value);
  packed_first_.select(1, inputs_).copy_(layers_[0].bias.value);
  if (same_type_) return;
  for (size_t i = 1; i < layers_.size(); ++i) {
    layers_[i].product_weight.copy_(layers_[i].weight.value);
    layers_[i].product_bias.copy_(layers_[i].bias.value);
  }
}

const at::Tensor& DenseTrunk::Forward(const at::Tensor& rows) {
  const int64_t n = rows.size(0);
  for (size_t i = 0; i < layers_.size(); ++i) {
    Layer& layer = layers_[i];
    const int64_t width = layer.bias.value.size(0);
    activations_[i] = layer.activation_space.Get({n, width});
    deltas_[i] = layer.delta_space.Get({n, width});
    if (i == 0) {
      MatrixProduct(rows, packed_first_.t(), false, activations_[i]);
    } else {
      activations_[i].copy_(layer.product_bias.expand({n, width}));
      MatrixProduct(activations_[i - 1], layer.product_weight.t(), true,
                    activations_[i]);
    }
    Activate(activations_[i]);
  }
  return activations_.back();
}

const at::Tensor& DenseTrunk::Backward(const at::Tensor& rows) {
  for (size_t i = layers_.size(); i-- > 1;) {
    Layer& layer = layers_[i];
    BackActivate(deltas_[i], activations_[i]);
    AccumulateWeight(deltas_[i], activations_[i - 1], layer.weight.gradient);
    layer.bias.gradient.add_(
        deltas_[i].sum(0, false, layer.bias.gradient.scalar_type()));
    MatrixProduct(deltas_[i], layer.product_weight, false, deltas_[i - 1]);
  }
  BackActivate(deltas_[0], activations_[0]);
  packed_gradient_.zero_();
  AccumulateWeight(deltas_[0], rows, packed_gradient_);
  layers_[0].weight.gradient.add_(packed_gradient_.narrow(1, 0, inputs_));
  layers_[0].bias.gradient.add_(packed_gradient_.select(1, inputs_));
  return deltas_[0];
}

void DenseTrunk::Activate(const at::Tensor& values) const {
  at::Tensor target = values;
  if (activation_ == Activation::kRelu) {
    target.relu_();
  } else {
    target.tanh_();
  }
}

void DenseTrunk::BackActivate(at::Tensor delta,
                              const at::Tensor& activation) const {
  if (activation_ == Activation::kRelu) {
    at::threshold_backward_out(delta, delta, activation, 0);
  } else {
    at::tanh_backward_out(delta, delta, activation);
  }
}

void DenseTrunk::AccumulateWeight(const at::Tensor& delta,
                                  const at::Tensor& input,
                                  const at::Tensor& gradient) {
  if (same_type_) {
    MatrixProduct(delta.t(), input, true, gradient);
    return;
  }
  const at::Tensor product = product_gradient_.Get(gradient.sizes());
  MatrixProduct(delta.t(), input, false, product);
  gradient.add_(product);
}

}  // namespace kmyriad
