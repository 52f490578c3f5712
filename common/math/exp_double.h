#ifndef KMYRIAD_COMMON_MATH_EXP_DOUBLE_H_
#define KMYRIAD_COMMON_MATH_EXP_DOUBLE_H_

#include <array>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>

namespace kmyriad {

// e^x for |x| <= 700: at most 2 units in the last place off, and the same bits
// on every machine, which the C library's is not.
// Compile its users with -ffp-contract=off.
inline double ExpDouble(double x) {
  // x = n ln 2 + r with |r| <= ln(2) / 2; 32 bits of ln 2, so that its product
  // with n is exact.
  constexpr double kLn2High = 0x1.62e42fee00000p-1;
  constexpr double kLn2Low = 0x1.a39ef35793c76p-33;
  constexpr double kLog2E = 0x1.71547652b82fep+0;
  const double n = std::nearbyint(x * kLog2E);
  const double r = std::fma(-n, kLn2Low, std::fma(-n, kLn2High, x));
  // Taylor's series: the term of r^14 is below 2^-57.
  constexpr auto kInverseFactorials = [] {
    std::array<double, 12> inverse{};
    double factorial = 1;
    for (int i = 0; i < 12; ++i) {
      factorial *= i + 2;
      inverse[static_cast<size_t>(i)] = 1 / factorial;
    }
    return inverse;
  }();
  double tail = 0;
  for (size_t i = 12; i-- > 0;) {
    tail = std::fma(tail, r, kInverseFactorials[i]);
  }
  const double mantissa = 1 + std::fma(r * r, tail, r);
  const auto exponent = static_cast<uint64_t>(static_cast<int64_t>(n) + 1023);
  return mantissa * std::bit_cast<double>(exponent << 52);
}

}  // namespace kmyriad

#endif  // KMYRIAD_COMMON_MATH_EXP_DOUBLE_H_
