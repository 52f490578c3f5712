#include "learner/checkpoint/checkpoint_policy.h"

#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/base/status_macros.h"
#include "common/base/tensor.h"
#include "common/policy/observation_normalizer.h"

namespace kmyriad {
namespace {

absl::StatusOr<std::vector<float>> Floats(
    const std::vector<NamedTensor>& tensors, const std::string& name,
    const std::vector<int64_t>& shape) {
  const NamedTensor* const tensor = FindTensor(tensors, name);
  if (tensor == nullptr) {
    return absl::InvalidArgumentError(
        absl::StrCat("tensor ", name, " is missing"));
  }
  if (tensor->type != TensorType::kFloat32 || tensor->shape != shape) {
    return absl::InvalidArgumentError(absl::StrCat(
        "tensor ", name, " is [", absl::StrJoin(tensor->shape, ", "),
        "]: must be fp32 [", absl::StrJoin(shape, ", "), "]"));
  }
  return ElementsOf<float>(*tensor);
}

}  // namespace

absl::StatusOr<PolicyWeights> PolicyOfCheckpoint(
    const CheckpointContent& content, const NetworkShape& shape,
    const std::vector<ObservationColumn>& columns) {
  KMYRIAD_RETURN_IF_ERROR(ValidateNetworkShape(shape));
  if (columns.size() != shape.obs_dim) {
    return absl::InvalidArgumentError(
        absl::StrCat(columns.size(), " observation columns for a network of ",
                     shape.obs_dim));
  }
  ObservationNormalizer normalizer(columns);
  KMYRIAD_RETURN_IF_ERROR(normalizer.Load(content.normalizer));
  PolicyWeights weights;
  weights.shape = shape;
  weights.normalizer_mean = normalizer.Mean();
  weights.normalizer_inv_std = normalizer.InverseStd();
  uint32_t in = shape.obs_dim;
  for (size_t l = 0; l < shape.trunk.size(); ++l) {
    DenseLayer layer;
    layer.in = in;
    layer.out = shape.trunk[l];
    const std::string name = absl::StrCat("trunk.", l);
    KMYRIAD_ASSIGN_OR_RETURN(
        layer.weight,
        Floats(content.parameters, name + ".weight", {layer.out, layer.in}));
    KMYRIAD_ASSIGN_OR_RETURN(
        layer.bias, Floats(content.parameters, name + ".bias", {layer.out}));
    in = layer.out;
    weights.trunk.push_back(std::move(layer));
  }
  const int64_t m = shape.agents;
  const int64_t act = shape.act_dim;
  weights.agent_count = shape.agents;
  KMYRIAD_ASSIGN_OR_RETURN(
      weights.head_weight,
      Floats(content.parameters, "heads.weight", {m, in, act}));
  KMYRIAD_ASSIGN_OR_RETURN(
      weights.head_bias, Floats(content.parameters, "heads.bias", {m, 1, act}));
  KMYRIAD_ASSIGN_OR_RETURN(
      weights.head_log_std,
      Floats(content.parameters, "heads.log_std", {m, 1, act}));
  KMYRIAD_RETURN_IF_ERROR(ValidatePolicyWeights(weights));
  return weights;
}

}  // namespace kmyriad
