#include "entropy_service/index/order_statistic.h"

#include <algorithm>
#include <bit>
#include <cstdint>
#include <limits>

namespace kmyriad {
namespace {

// Candidates that one kernel sorts out.
constexpr size_t kFew = kBlockPoints;
// By how many ranks a threshold is aimed aside, so that it ends up on the
// other side of the value sought and close to it.
constexpr float kAside = 5.5f;
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
      threshold =
          floor * (1 + std::min(3.0f, static_cast<float>(rank - below) /
                                          static_cast<float>(below + 1)));
    } else {
      const auto span = static_cast<float>(upto - below);
      const auto inside = static_cast<float>(rank - below) - 0.5f;
      const float aim = inside > span / 2 ? inside - kAside : inside + kAside;
      const float share = std::clamp(aim, 0.5f, span - 0.5f) / span;
      threshold = floor + (std::bit_cast<float>(high) - floor) * share;
      // Counting at `high` again would gain nothing.
      threshold = std::min(threshold, std::bit_cast<float>(high - 1));
    }
  }
  few.assign(2 * kFew, std::numeric_limits<float>::infinity());
  const float floor = low < 0 ? -1.0f : std::bit_cast<float>(low);
  const size_t left = kernels.collect_between(
      values, count, floor, std::bit_cast<float>(high), few.data());
  std::fill(few.begin() + static_cast<std::ptrdiff_t>(left), few.begin() + kFew,
            std::numeric_limits<float>::infinity());
  return kernels.smallest_of_16(few.data(), rank - below);
}

}  // namespace kmyriad
