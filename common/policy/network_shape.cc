#include "common/policy/network_shape.h"

#include "absl/strings/str_cat.h"

namespace kmyriad {
namespace {

absl::Status CheckRange(const char* field, uint64_t value, uint32_t lowest,
                        uint32_t highest) {
  if (value >= lowest && value <= highest) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("network shape: ", field, " = ", value, ": must be between ",
                   lowest, " and ", highest));
}

}  // namespace

absl::Status ValidateNetworkShape(const NetworkShape& shape) {
  absl::Status status = CheckRange("obs_dim", shape.obs_dim, 1, kMaxObsDim);
  status.Update(CheckRange("act_dim", shape.act_dim, 1, kMaxActDim));
  status.Update(CheckRange("agents", shape.agents, 1, kMaxAgents));
  status.Update(
      CheckRange("trunk layers", shape.trunk.size(), 1, kMaxTrunkLayers));
  for (const uint32_t width : shape.trunk) {
    status.Update(CheckRange("trunk width", width, 16, kMaxTrunkWidth));
    if (width % 16 != 0) {
      status.Update(absl::InvalidArgumentError(
          absl::StrCat("network shape: trunk width = ", width,
                       ": must be a multiple of 16")));
    }
  }
  if (shape.activation != Activation::kRelu &&
      shape.activation != Activation::kTanh) {
    status.Update(absl::InvalidArgumentError(absl::StrCat(
        "network shape: activation = ", static_cast<int>(shape.activation),
        ": must be 0 (relu) or 1 (tanh)")));
  }
  return status;
}

}  // namespace kmyriad
