#ifndef KMYRIAD_ENTROPY_SERVICE_INDEX_L2_MEASURE_KERNELS_H_
#define KMYRIAD_ENTROPY_SERVICE_INDEX_L2_MEASURE_KERNELS_H_

#include "entropy_service/index/l2_distance.h"

// Distances of points and boxes, and counting them; a part of
// l2_distance_kernels.h, which says what Vec is.

namespace kmyriad {
namespace {

// Adds the squared difference of points and query in dimension j.
template <typename Vec, bool kPeriodic, typename Lanes>
inline Lanes AddSquare(Lanes points, Lanes query, const float* periods,
                       uint32_t j, Lanes sum) {
  Lanes difference = Vec::Subtract(points, query);
  if constexpr (kPeriodic) {
    difference = Vec::Abs(difference);
    difference =
        Vec::Min(difference, Vec::Subtract(Vec::Set(periods[j]), difference));
  }
  return Vec::Fma(difference, difference, sum);
}

// kDims = 0: dims at run time.
template <typename Vec, uint32_t kDims, bool kPeriodic>
inline auto SquaredDistances(const L2Space& space, const float* block,
                             const float* query) {
  const uint32_t d = kDims == 0 ? space.dims : kDims;
  auto sum = Vec::Set(0.0f);
  for (uint32_t j = 0; j < d; ++j) {
    sum = AddSquare<Vec, kPeriodic>(Vec::Load(block + j * kBlockPoints),
                                    Vec::Set(query[j]), space.periods, j, sum);
  }
  return sum;
}

// Calls kernel.template Run<kDims, kPeriodic>() for the space at hand.
template <typename Kernel>
inline void Dispatch(const L2Space& space, const Kernel& kernel) {
  if (space.periods != nullptr) return kernel.template Run<0, true>();
  switch (space.dims) {
    case 1:
      return kernel.template Run<1, false>();
    case 2:
      return kernel.template Run<2, false>();
    case 3:
      return kernel.template Run<3, false>();
    case 4:
      return kernel.template Run<4, false>();
    case 5:
      return kernel.template Run<5, false>();
    case 6:
      return kernel.template Run<6, false>();
    case 7:
      return kernel.template Run<7, false>();
    default:
      return kernel.template Run<0, false>();
  }
}

template <typename Vec>
struct DistancesKernel {
  const L2Space& space;
  const float* points;
  const uint32_t* blocks;
  size_t count;
  const float* query;
  float* out;

  template <uint32_t kDims, bool kPeriodic>
  void Run() const {
    for (size_t i = 0; i < count; ++i) {
      const float* block =
          points + size_t{blocks[i]} * space.dims * kBlockPoints;
      for (size_t lane = 0; lane < kBlockPoints; lane += Vec::kLanes) {
        Vec::Store(out + i * kBlockPoints + lane,
                   SquaredDistances<Vec, kDims, kPeriodic>(space, block + lane,
                                                           query));
      }
    }
  }
};

template <typename Vec>
void Distances(const L2Space& space, const float* points,
               const uint32_t* blocks, size_t count, const float* query,
               float* out) {
  Dispatch(space,
           DistancesKernel<Vec>{space, points, blocks, count, query, out});
}

// Vec::Pack for instruction sets that cannot compress.
template <typename Vec, typename Lanes>
inline void PackOneByOne(Lanes values, uint32_t mask, float* out) {
  float stored[Vec::kLanes];
  Vec::Store(stored, values);
  for (; mask != 0; mask &= mask - 1) {
    *out++ = stored[static_cast<size_t>(__builtin_ctz(mask))];
  }
}

template <typename Vec>
struct DistancesWithinKernel {
  const L2Space& space;
  const float* points;
  const uint32_t* blocks;
  size_t count;
  const float* query;
  float threshold;
  float* out;
  size_t& hits;

  // Without branches: which points are hits cannot be foretold.
  template <uint32_t kDims, bool kPeriodic>
  void Run() const {
    const auto limit = Vec::Set(threshold);
    size_t kept = 0;
    for (size_t i = 0; i < count; ++i) {
      const float* block =
          points + size_t{blocks[i]} * space.dims * kBlockPoints;
      for (size_t lane = 0; lane < kBlockPoints; lane += Vec::kLanes) {
        const auto sum =
            SquaredDistances<Vec, kDims, kPeriodic>(space, block + lane, query);
        const uint32_t mask = Vec::AtMost(sum, limit);
        Vec::Pack(sum, mask, out + kept);
        kept += static_cast<size_t>(__builtin_popcount(mask));
      }
    }
    hits = kept;
  }
};

template <typename Vec>
size_t DistancesWithin(const L2Space& space, const float* points,
                       const uint32_t* blocks, size_t count, const float* query,
                       float threshold, float* out) {
  size_t hits = 0;
  Dispatch(space, DistancesWithinKernel<Vec>{space, points, blocks, count,
                                             query, threshold, out, hits});
  return hits;
}

template <typename Vec>
struct BoxDistancesKernel {
  const L2Space& space;
  const float* boxes;
  const float* query;
  float threshold;
  float* out;
  uint32_t& mask;

  template <uint32_t kDims, bool kPeriodic>
  void Run() const {
    const uint32_t d = kDims == 0 ? space.dims : kDims;
    const float* highs = boxes + d * kBlockPoints;
    for (size_t lane = 0; lane < kBlockPoints; lane += Vec::kLanes) {
      auto sum = Vec::Set(0.0f);
      for (uint32_t j = 0; j < d; ++j) {
        const auto low = Vec::Load(boxes + j * kBlockPoints + lane);
        const auto high = Vec::Load(highs + j * kBlockPoints + lane);
        const auto point = Vec::Set(query[j]);
        auto gap = Vec::Max(
            Vec::Max(Vec::Subtract(low, point), Vec::Subtract(point, high)),
            Vec::Set(0.0f));
        if constexpr (kPeriodic) {
          // The other way round, to the far side of the box.
          const auto far =
              Vec::Max(Vec::Subtract(high, point), Vec::Subtract(point, low));
          gap = Vec::Min(gap, Vec::Subtract(Vec::Set(space.periods[j]), far));
        }
        sum = Vec::Fma(gap, gap, sum);
      }
      Vec::Store(out + lane, sum);
      mask |= Vec::AtMost(sum, Vec::Set(threshold)) << lane;
    }
  }
};

template <typename Vec>
uint32_t BoxDistances(const L2Space& space, const float* boxes,
                      const float* query, float threshold, float* out) {
  uint32_t mask = 0;
  Dispatch(space,
           BoxDistancesKernel<Vec>{space, boxes, query, threshold, out, mask});
  return mask;
}

template <typename Vec>
size_t CountAtMost(const float* values, size_t count, float threshold) {
  const auto limit = Vec::Set(threshold);
  size_t hits = 0;
  for (size_t i = 0; i < count; i += Vec::kLanes) {
    hits += static_cast<size_t>(
        __builtin_popcount(Vec::AtMost(Vec::Load(values + i), limit)));
  }
  return hits;
}

template <typename Vec>
size_t CollectBetween(const float* values, size_t count, float low, float high,
                      float* out) {
  const auto lower = Vec::Set(low);
  const auto upper = Vec::Set(high);
  size_t hits = 0;
  for (size_t i = 0; i < count; i += Vec::kLanes) {
    const auto value = Vec::Load(values + i);
    const uint32_t mask =
        Vec::AtMost(value, upper) & ~Vec::AtMost(value, lower);
    Vec::Pack(value, mask, out + hits);
    hits += static_cast<size_t>(__builtin_popcount(mask));
  }
  return hits;
}

// Counts for each value how many are not above it, all at the same time: a
// comparison sort would wait for every comparison's outcome.
template <typename Vec>
float SmallestOf16(const float* values, size_t rank) {
  // (how many more than rank, place): what has too few wraps around to the top.
  uint32_t best = ~0u;
  for (uint32_t i = 0; i < kBlockPoints; ++i) {
    const auto value = Vec::Set(values[i]);
    uint32_t at_most = 0;
    for (size_t j = 0; j < kBlockPoints; j += Vec::kLanes) {
      at_most += static_cast<uint32_t>(
          __builtin_popcount(Vec::AtMost(Vec::Load(values + j), value)));
    }
    const uint32_t key = (at_most - static_cast<uint32_t>(rank)) << 4 | i;
    best = key < best ? key : best;
  }
  return values[best % kBlockPoints];
}

}  // namespace
}  // namespace kmyriad

#endif  // KMYRIAD_ENTROPY_SERVICE_INDEX_L2_MEASURE_KERNELS_H_
