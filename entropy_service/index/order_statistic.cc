#include "entropy_service/index/order_statistic.h"

#include <algorithm>
#include <bit>
#include <cstdint>
#include <limits>

namespace kmyriad {
namespace {

// Candidates that are cheaper to sort out than to count once more.
constexpr size_t kFew = 24;
// Interpolation that has not closed in by then meets ties or a strange
// distribution; halving the bits ends in 31 rounds whatever the values.
constexpr int kInterpolationRounds = 6;

int32_t BitsOf(float value) { return std::bit_cast<int32_t>(value); }

}  // namespace

float SmallestOfRank(const L2Kernels& kernels, const float* values,
                     size_t count, size_t rank, float guess,
                     std::vector<float>& few) {
  // Invariant: `below` values are <= low, `upto` are <= high, and
  // below < rank <= upto. Bits of floats that are not negative order as they
  // do; -1 stands below zero.
  int32_t low = -1;
  int32_t high = BitsOf(std::numeric_limits<float>::max());
  size_t below = 0;
  size_t upto = count;
  bool bounded = false;
  float threshold = guess;
  for (int round = 0;; ++round) {
    const int32_t bits = std::clamp(BitsOf(threshold), low + 1, high);
    threshold = std::bit_cast<float>(bits);
    const size_t hits = kernels.count_at_most(values, count, threshold);
    if (hits >= rank) {
      high = bits;
      upto = hits;
      bounded = true;
    } else {
      low = bits;
      below = hits;
    }
    if (high - low == 1) return std::bit_cast<float>(high);
    if (bounded && upto - below <= kFew) break;
    const float floor = low < 0 ? 0.0f : std::bit_cast<float>(low);
    if (round >= kInterpolationRounds) {
      threshold = std::bit_cast<float>(low + (high - low) / 2);
    } else if (!bounded) {
      threshold = floor * 2;
    } else {
      const float share = (static_cast<float>(rank - below) - 0.5f) /
                          static_cast<float>(upto - below);
      threshold = floor + (std::bit_cast<float>(high) - floor) * share;
      // Counting at `high` again would gain nothing.
      threshold = std::min(threshold, std::bit_cast<float>(high - 1));
    }
  }
  few.resize(kFew);
  const float floor = low < 0 ? -1.0f : std::bit_cast<float>(low);
  const size_t left = kernels.collect_between(
      values, count, floor, std::bit_cast<float>(high), few.data());
  const auto kth = few.begin() + static_cast<std::ptrdiff_t>(rank - below - 1);
  std::nth_element(few.begin(), kth,
                   few.begin() + static_cast<std::ptrdiff_t>(left));
  return *kth;
}

}  // namespace kmyriad
