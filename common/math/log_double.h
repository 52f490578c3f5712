#ifndef KMYRIAD_COMMON_MATH_LOG_DOUBLE_H_
#define KMYRIAD_COMMON_MATH_LOG_DOUBLE_H_

#include <bit>
#include <cmath>
#include <cstdint>

namespace kmyriad {

// Natural logarithm of a positive, finite double: at most 2 units in the last
// place off, and the same bits on every machine, which the C library's is not.
// Compile its users with -ffp-contract=off.
inline double LogDouble(double x) {
  int exponent = 0;
  if (x < 0x1p-1022) {
    x *= 0x1p54;
    exponent = -54;
  }
  // x = 2^exponent * m with m in [sqrt(1/2), sqrt(2)).
  const auto bits = std::bit_cast<uint64_t>(x);
  constexpr uint64_t kSqrtHalf = 0x3FE6A09E667F3BCD;
  constexpr uint64_t kOne = 0x3FF0000000000000;
  const uint64_t shifted = bits + (kOne - kSqrtHalf);
  exponent += static_cast<int>(shifted >> 52) - 1023;
  const double m =
      std::bit_cast<double>((shifted & 0x000FFFFFFFFFFFFF) + kSqrtHalf);
  // ln m = 2 atanh(s), s = f / (2 + f); its series in z = s^2 <= 0.0295 is
  // below half a unit after 11 terms. Written as f - s (f - r), where f is
  // exact.
  const double f = m - 1;
  const double s = f / (2 + f);
  const double z = s * s;
  double r = 0;
  for (int n = 11; n >= 1; --n) r = std::fma(r, z, 2.0 / (2 * n + 1));
  r *= z;
  const double half_square = 0.5 * f * f;
  // 32 bits of ln 2, so that its product with the exponent is exact.
  constexpr double kLn2High = 0x1.62e42fee00000p-1;
  constexpr double kLn2Low = 0x1.a39ef35793c76p-33;
  const double correction =
      half_square - std::fma(s, half_square + r, exponent * kLn2Low);
  return std::fma(exponent, kLn2High, f - correction);
}

}  // namespace kmyriad

#endif  // KMYRIAD_COMMON_MATH_LOG_DOUBLE_H_
