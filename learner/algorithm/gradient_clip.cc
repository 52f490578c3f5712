#include "learner/algorithm/gradient_clip.h"

namespace kmyriad {
namespace {

at::Tensor SquaredNorm(const ParameterList& parameters) {
  at::Tensor sum;
  for (const Parameter* parameter : parameters) {
    const at::Tensor part = parameter->gradient.square().sum();
    sum = sum.defined() ? sum + part : part;
  }
  return sum;
}

}  // namespace

at::Tensor ClipTogether(const ParameterList& parameters, double limit) {
  const at::Tensor norm = SquaredNorm(parameters).sqrt();
  const at::Tensor scale = (limit / (norm + 1e-6)).clamp_max(1.0);
  for (Parameter* parameter : parameters) parameter->gradient.mul_(scale);
  return norm;
}

at::Tensor ClipPerHead(const ParameterList& heads, double limit) {
  at::Tensor squares;
  for (const Parameter* head : heads) {
    const at::Tensor part = head->gradient.square().sum({1, 2}, true);
    squares = squares.defined() ? squares + part : part;
  }
  const at::Tensor norms = squares.sqrt();
  const at::Tensor scale = (limit / (norms + 1e-6)).clamp_max(1.0);
  for (Parameter* head : heads) head->gradient.mul_(scale);
  return norms.flatten();
}

}  // namespace kmyriad
