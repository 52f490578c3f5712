#include "entropy_service/estimator/intrinsic_reward.h"

#include <algorithm>
#include <limits>

#include "common/base/check.h"
#include "entropy_service/estimator/tree_sum.h"

namespace kmyriad {

PoolMoments ForwardRewards(absl::Span<const double> log_volumes,
                           absl::Span<const uint8_t> mask,
                           absl::Span<float> rewards) {
  const size_t size = log_volumes.size();
  PoolMoments moments;
  moments.count =
      size - static_cast<size_t>(std::count(mask.begin(), mask.end(), 0));
  KMYRIAD_CHECK(moments.count > 0);
  moments.mean =
      TreeSum(0, size,
              [&](size_t i) { return mask[i] == 0 ? 0.0 : log_volumes[i]; }) /
      static_cast<double>(moments.count);
  moments.squared_deviations = TreeSum(0, size, [&](size_t i) {
    const double deviation = log_volumes[i] - moments.mean;
    return mask[i] == 0 ? 0.0 : deviation * deviation;
  });
  float lowest = std::numeric_limits<float>::infinity();
  for (size_t i = 0; i < size; ++i) {
    if (mask[i] == 0) continue;
    rewards[i] = static_cast<float>(log_volumes[i] - moments.mean);
    lowest = std::min(lowest, rewards[i]);
  }
  for (size_t i = 0; i < size; ++i) {
    if (mask[i] == 0) rewards[i] = lowest;
  }
  return moments;
}

}  // namespace kmyriad
