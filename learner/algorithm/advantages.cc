#include "learner/algorithm/advantages.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <vector>

namespace kmyriad {
namespace {

struct Moments {
  double mean = 0;
  double variance = 0;
};

// Two passes: no cancellation.
template <typename Get>
Moments MomentsOf(uint64_t count, const Get& get) {
  Moments moments;
  for (uint64_t i = 0; i < count; ++i) moments.mean += get(i);
  moments.mean /= static_cast<double>(count);
  for (uint64_t i = 0; i < count; ++i) {
    const double difference = get(i) - moments.mean;
    moments.variance += difference * difference;
  }
  moments.variance /= static_cast<double>(count);
  return moments;
}

}  // namespace

void ComputeAdvantages(const float* rewards, const float* values,
                       uint32_t episodes, uint32_t horizon, double gamma,
                       double lambda, float* advantages,
                       const uint8_t* counts) {
  for (uint32_t episode = 0; episode < episodes; ++episode) {
    const size_t first = static_cast<size_t>(episode) * horizon;
    double next_value = 0;
    double advantage = 0;
    for (uint32_t t = horizon; t-- > 0;) {
      if (counts != nullptr && counts[first + t] == 0) {
        next_value = advantage = 0;
        advantages[first + t] = 0;
        continue;
      }
      const double value = values[first + t];
      const double delta = rewards[first + t] + gamma * next_value - value;
      advantage = delta + gamma * lambda * advantage;
      advantages[first + t] = static_cast<float>(advantage);
      next_value = value;
    }
  }
}

void StandardizeGroups(float* values, uint64_t groups, uint64_t group_size,
                       const uint8_t* counts) {
  // Below this spread there is nothing to learn from, only rounding to blow
  // up.
  constexpr double kMinStd = 1e-8;
  for (uint64_t group = 0; group < groups; ++group) {
    float* part = values + group * group_size;
    const uint8_t* kept =
        counts == nullptr ? nullptr : counts + group * group_size;
    std::vector<uint64_t> ids;
    for (uint64_t i = 0; i < group_size; ++i) {
      if (kept == nullptr || kept[i] != 0) {
        ids.push_back(i);
      } else {
        part[i] = 0;
      }
    }
    if (ids.empty()) continue;
    const Moments moments =
        MomentsOf(ids.size(), [&](uint64_t i) { return double{part[ids[i]]}; });
    const double scale = 1.0 / std::max(std::sqrt(moments.variance), kMinStd);
    for (const uint64_t i : ids) {
      part[i] = static_cast<float>((part[i] - moments.mean) * scale);
    }
  }
}

double ExplainedVariance(const float* returns, const float* values,
                         uint64_t count) {
  const double total =
      MomentsOf(count, [&](uint64_t i) { return double{returns[i]}; }).variance;
  if (!(total > 0)) return 0;
  const double rest = MomentsOf(count, [&](uint64_t i) {
                        return double{returns[i]} - double{values[i]};
                      }).variance;
  return 1.0 - rest / total;
}

}  // namespace kmyriad
