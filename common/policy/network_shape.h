#ifndef KMYRIAD_COMMON_POLICY_NETWORK_SHAPE_H_
#define KMYRIAD_COMMON_POLICY_NETWORK_SHAPE_H_

#include <cstdint>
#include <vector>

#include "absl/status/status.h"

namespace kmyriad {

// Limits of a shape, checked before anything is allocated for one.
inline constexpr uint32_t kMaxObsDim = 256;
inline constexpr uint32_t kMaxActDim = 16;
inline constexpr uint32_t kMaxAgents = 65536;
inline constexpr uint32_t kMaxTrunkLayers = 2;
inline constexpr uint32_t kMaxTrunkWidth = 1024;

enum class Activation { kRelu, kTanh };

// Shape of the multi-head policy: observation normaliser, trunk, per-agent
// head (adapter and log standard deviation), tanh squashing.
struct NetworkShape {
  uint32_t obs_dim = 0;         // 1..256
  std::vector<uint32_t> trunk;  // 1 or 2 widths, multiples of 16, <= 1024
  uint32_t act_dim = 0;         // 1..16
  uint32_t agents = 0;          // 1..65536
  Activation activation = Activation::kRelu;
  bool operator==(const NetworkShape&) const = default;
};

// INVALID_ARGUMENT naming the field, its value and its range.
absl::Status ValidateNetworkShape(const NetworkShape& shape);

}  // namespace kmyriad

#endif  // KMYRIAD_COMMON_POLICY_NETWORK_SHAPE_H_
