#include "entropy_service/estimator/intrinsic_reward.h"

#include <algorithm>
#include <limits>

#include "common/base/check.h"
#include "common/math/log_double.h"
#include "entropy_service/estimator/tree_sum.h"

namespace kmyriad {

std::vector<double> AptValues(absl::Span<const double> mean_distances) {
  std::vector<double> values(mean_distances.size());
  std::transform(mean_distances.begin(), mean_distances.end(), values.begin(),
                 [](double mean) { return LogDouble(1 + mean); });
  return values;
}

std::vector<uint32_t> InDegrees(const NeighborGraph& graph) {
  std::vector<uint32_t> degrees(graph.size());
  for (size_t i = 0; i < graph.size(); ++i) {
    ForEachMember(graph, NeighborSet::kSelfAndNearest, i,
                  [&](size_t j) { ++degrees[j]; });
  }
  return degrees;
}

std::vector<double> ReverseValues(RewardKind kind, const NeighborGraph& graph,
                                  absl::Span<const double> log_volumes) {
  KMYRIAD_CHECK(NeedsGraph(kind) && log_volumes.size() == graph.size());
  const size_t rows = graph.size();
  const double k = graph.k;
  const auto n = static_cast<double>(rows);
  const double mean =
      TreeSum(0, rows, [&](size_t i) { return log_volumes[i]; }) / n;
  std::vector<double> values(rows);
  for (size_t i = 0; i < rows; ++i) {
    const double deviation = (log_volumes[i] - mean) / k;
    ForEachMember(graph, NeighborSet::kSelfAndNearest, i,
                  [&](size_t j) { values[j] += deviation; });
  }
  const double factor =
      kind == RewardKind::kMepolExact ? mean + LogDouble(n / k) - 1 : -1;
  const std::vector<uint32_t> degrees = InDegrees(graph);
  for (size_t j = 0; j < rows; ++j) {
    values[j] += factor * (degrees[j] / k - 1);
  }
  return values;
}

PoolMoments MomentsOf(absl::Span<const double> values,
                      absl::Span<const uint8_t> mask) {
  const size_t size = values.size();
  PoolMoments moments;
  moments.count =
      size - static_cast<size_t>(std::count(mask.begin(), mask.end(), 0));
  KMYRIAD_CHECK(moments.count > 0);
  moments.mean =
      TreeSum(0, size,
              [&](size_t i) { return mask[i] == 0 ? 0.0 : values[i]; }) /
      static_cast<double>(moments.count);
  moments.squared_deviations = TreeSum(0, size, [&](size_t i) {
    const double deviation = values[i] - moments.mean;
    return mask[i] == 0 ? 0.0 : deviation * deviation;
  });
  return moments;
}

PoolMoments CenterRewards(absl::Span<const double> values,
                          absl::Span<const uint8_t> mask,
                          absl::Span<float> rewards) {
  const PoolMoments moments = MomentsOf(values, mask);
  float lowest = std::numeric_limits<float>::infinity();
  for (size_t i = 0; i < values.size(); ++i) {
    if (mask[i] == 0) continue;
    rewards[i] = static_cast<float>(values[i] - moments.mean);
    lowest = std::min(lowest, rewards[i]);
  }
  for (size_t i = 0; i < values.size(); ++i) {
    if (mask[i] == 0) rewards[i] = lowest;
  }
  return moments;
}

}  // namespace kmyriad
