#ifndef KMYRIAD_TESTS_TESTING_TOLERANCE_H_
#define KMYRIAD_TESTS_TESTING_TOLERANCE_H_

#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <vector>

namespace kmyriad {

// Number of representable floats from `a` to `b`: 0 for equal bits and for
// +0 and -0, the largest integer if either is not a number.
inline uint64_t UlpDistance(float a, float b) {
  if (std::isnan(a) || std::isnan(b)) {
    return std::numeric_limits<uint64_t>::max();
  }
  // Maps floats to integers in their order.
  const auto rank = [](float value) {
    int32_t bits;
    std::memcpy(&bits, &value, sizeof(bits));
    return bits >= 0 ? int64_t{bits}
                     : int64_t{std::numeric_limits<int32_t>::min()} - bits;
  };
  const int64_t distance = rank(a) - rank(b);
  return static_cast<uint64_t>(distance < 0 ? -distance : distance);
}

// Largest |a[i] - b[i]|; infinite if the sizes differ or a difference is not a
// number.
template <typename T>
double MaxAbsoluteDifference(const std::vector<T>& a, const std::vector<T>& b) {
  if (a.size() != b.size()) return std::numeric_limits<double>::infinity();
  double largest = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    const double difference =
        std::abs(static_cast<double>(a[i]) - static_cast<double>(b[i]));
    if (std::isnan(difference)) return std::numeric_limits<double>::infinity();
    if (difference > largest) largest = difference;
  }
  return largest;
}

}  // namespace kmyriad

#endif  // KMYRIAD_TESTS_TESTING_TOLERANCE_H_
