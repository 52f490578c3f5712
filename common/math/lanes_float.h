#ifndef KMYRIAD_COMMON_MATH_LANES_FLOAT_H_
#define KMYRIAD_COMMON_MATH_LANES_FLOAT_H_

// The lane functions for one float; included by lanes.h only. Contracts are
// those of every lane type.

#include <cstdint>

namespace kmyriad {
inline namespace KMYRIAD_LANES_NAMESPACE {

// What goes with a float type: its Scalar, its Mask, the number of lanes, and,
// in single precision, Word (same number of 32-bit words).
template <class F>
struct LaneTraits;
template <>
struct LaneTraits<float> {
  using Scalar = float;
  using Mask = bool;
  using Word = uint32_t;
  static constexpr int kLanes = 1;
};
template <>
struct LaneTraits<double> {
  using Scalar = double;
  using Mask = bool;
  static constexpr int kLanes = 1;
};

// The mask whose lane i is bit i of `bits`; F names the lane type.
template <class F>
KMYRIAD_HOST_DEVICE typename LaneTraits<F>::Mask MaskOfBits(uint32_t bits);
template <>
KMYRIAD_LANE_FUNCTION bool MaskOfBits<float>(uint32_t bits) {
  return (bits & 1) != 0;
}
template <>
KMYRIAD_LANE_FUNCTION bool MaskOfBits<double>(uint32_t bits) {
  return (bits & 1) != 0;
}
// Bit i is lane i of the mask.
KMYRIAD_LANE_FUNCTION uint32_t BitsOfMask(bool mask) { return mask ? 1 : 0; }
// The lowest bit that is set; there is one.
KMYRIAD_LANE_FUNCTION uint32_t LowestBit(uint32_t bits) {
#if defined(__CUDA_ARCH__)
  return static_cast<uint32_t>(__ffs(static_cast<int>(bits)) - 1);
#else
  return static_cast<uint32_t>(__builtin_ctz(bits));
#endif
}
// How many bits are set.
KMYRIAD_LANE_FUNCTION uint32_t CountBits(uint32_t bits) {
#if defined(__CUDA_ARCH__)
  return static_cast<uint32_t>(__popc(bits));
#else
  return static_cast<uint32_t>(__builtin_popcount(bits));
#endif
}

// a * b + c, rounded once.
KMYRIAD_LANE_FUNCTION float Fma(float a, float b, float c) {
  return __builtin_fmaf(a, b, c);
}
// Correctly rounded.
KMYRIAD_LANE_FUNCTION float Sqrt(float a) { return __builtin_sqrtf(a); }
// a > b ? a : b, hence b if one is NaN, as the x86 instructions have it.
KMYRIAD_LANE_FUNCTION float Max(float a, float b) { return a > b ? a : b; }
// a < b ? a : b.
KMYRIAD_LANE_FUNCTION float Min(float a, float b) { return a < b ? a : b; }
// False where one is NaN.
KMYRIAD_LANE_FUNCTION bool Less(float a, float b) { return a < b; }
KMYRIAD_LANE_FUNCTION bool Equal(float a, float b) { return a == b; }
// The same functions in double precision.
KMYRIAD_LANE_FUNCTION double Fma(double a, double b, double c) {
  return __builtin_fma(a, b, c);
}
KMYRIAD_LANE_FUNCTION double Sqrt(double a) { return __builtin_sqrt(a); }
KMYRIAD_LANE_FUNCTION double Max(double a, double b) { return a > b ? a : b; }
KMYRIAD_LANE_FUNCTION double Min(double a, double b) { return a < b ? a : b; }
KMYRIAD_LANE_FUNCTION bool Less(double a, double b) { return a < b; }
KMYRIAD_LANE_FUNCTION bool Equal(double a, double b) { return a == b; }
KMYRIAD_LANE_FUNCTION double Select(bool mask, double yes, double no) {
  return mask ? yes : no;
}
// yes where the mask is set, else no.
KMYRIAD_LANE_FUNCTION float Select(bool mask, float yes, float no) {
  return mask ? yes : no;
}
// Of floats only: a double would be rounded on the way.
uint32_t BitsOf(double a) = delete;
KMYRIAD_LANE_FUNCTION uint32_t BitsOf(float a) {
  return __builtin_bit_cast(uint32_t, a);
}
KMYRIAD_LANE_FUNCTION float FloatOfBits(uint32_t a) {
  return __builtin_bit_cast(float, a);
}
// Converts words below 2^31 to the nearest float.
KMYRIAD_LANE_FUNCTION float ToFloat(uint32_t a) {
  return static_cast<float>(static_cast<int32_t>(a));
}
// The 64-bit product's halves.
KMYRIAD_LANE_FUNCTION void Multiply(uint32_t a, uint32_t b, uint32_t* high,
                                    uint32_t* low) {
  const uint64_t product = static_cast<uint64_t>(a) * b;
  *high = static_cast<uint32_t>(product >> 32);
  *low = static_cast<uint32_t>(product);
}

}  // namespace KMYRIAD_LANES_NAMESPACE
}  // namespace kmyriad

#endif  // KMYRIAD_COMMON_MATH_LANES_FLOAT_H_
