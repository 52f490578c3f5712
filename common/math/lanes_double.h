#ifndef KMYRIAD_COMMON_MATH_LANES_DOUBLE_H_
#define KMYRIAD_COMMON_MATH_LANES_DOUBLE_H_

// Eight lanes of doubles, the arithmetic of parity with engines in double
// precision; included by lanes.h only. One 512-bit register, two of 256 bits,
// or an array. Contracts are those of FloatLanes.

#include <cstdint>

#if KMYRIAD_LANES_LEVEL > 0
#include <immintrin.h>
#else
#include "common/math/lanes_double_scalar.h"
#endif

namespace kmyriad {
inline namespace KMYRIAD_LANES_NAMESPACE {

#if KMYRIAD_LANES_LEVEL == 2

struct DoubleMask {
  __mmask8 mask;
};
struct DoubleLanes {
  __m512d value;
  DoubleLanes() = default;
  KMYRIAD_LANE_FUNCTION explicit DoubleLanes(__m512d v) : value(v) {}
  KMYRIAD_LANE_FUNCTION explicit DoubleLanes(double v)
      : value(_mm512_set1_pd(v)) {}
};
// Applies an instruction to the whole, or to each half.
#define KMYRIAD_DOUBLE_UNARY(name, instruction)             \
  KMYRIAD_LANE_FUNCTION DoubleLanes name(DoubleLanes a) {   \
    return DoubleLanes(_mm512_##instruction##_pd(a.value)); \
  }
#define KMYRIAD_DOUBLE_BINARY(name, instruction)                         \
  KMYRIAD_LANE_FUNCTION DoubleLanes name(DoubleLanes a, DoubleLanes b) { \
    return DoubleLanes(_mm512_##instruction##_pd(a.value, b.value));     \
  }
#define KMYRIAD_DOUBLE_COMPARE(name, predicate)                         \
  KMYRIAD_LANE_FUNCTION DoubleMask name(DoubleLanes a, DoubleLanes b) { \
    return {_mm512_cmp_pd_mask(a.value, b.value, predicate)};           \
  }
#define KMYRIAD_DOUBLE_MASK(name, op, instruction)                    \
  KMYRIAD_LANE_FUNCTION DoubleMask name(DoubleMask a, DoubleMask b) { \
    return {static_cast<__mmask8>(a.mask op b.mask)};                 \
  }
KMYRIAD_LANE_FUNCTION DoubleMask operator!(DoubleMask a) {
  return {static_cast<__mmask8>(~a.mask)};
}
KMYRIAD_LANE_FUNCTION DoubleLanes Load(const double* p) {
  return DoubleLanes(_mm512_loadu_pd(p));
}
KMYRIAD_LANE_FUNCTION void Store(DoubleLanes a, double* p) {
  _mm512_storeu_pd(p, a.value);
}
KMYRIAD_LANE_FUNCTION DoubleLanes Fma(DoubleLanes a, DoubleLanes b,
                                      DoubleLanes c) {
  return DoubleLanes(_mm512_fmadd_pd(a.value, b.value, c.value));
}
KMYRIAD_LANE_FUNCTION DoubleLanes Select(DoubleMask mask, DoubleLanes yes,
                                         DoubleLanes no) {
  return DoubleLanes(_mm512_mask_blend_pd(mask.mask, no.value, yes.value));
}
KMYRIAD_LANE_FUNCTION DoubleMask EightDoublesOfBits(uint32_t bits) {
  return {static_cast<__mmask8>(bits)};
}
KMYRIAD_LANE_FUNCTION uint32_t BitsOfMask(DoubleMask mask) { return mask.mask; }

#elif KMYRIAD_LANES_LEVEL == 1

struct DoubleMask {
  __m256d low;
  __m256d high;
};
struct DoubleLanes {
  __m256d low;
  __m256d high;
  DoubleLanes() = default;
  KMYRIAD_LANE_FUNCTION DoubleLanes(__m256d l, __m256d h) : low(l), high(h) {}
  KMYRIAD_LANE_FUNCTION explicit DoubleLanes(double v)
      : low(_mm256_set1_pd(v)), high(low) {}
};
#define KMYRIAD_DOUBLE_UNARY(name, instruction)           \
  KMYRIAD_LANE_FUNCTION DoubleLanes name(DoubleLanes a) { \
    return {_mm256_##instruction##_pd(a.low),             \
            _mm256_##instruction##_pd(a.high)};           \
  }
#define KMYRIAD_DOUBLE_BINARY(name, instruction)                         \
  KMYRIAD_LANE_FUNCTION DoubleLanes name(DoubleLanes a, DoubleLanes b) { \
    return {_mm256_##instruction##_pd(a.low, b.low),                     \
            _mm256_##instruction##_pd(a.high, b.high)};                  \
  }
#define KMYRIAD_DOUBLE_COMPARE(name, predicate)                         \
  KMYRIAD_LANE_FUNCTION DoubleMask name(DoubleLanes a, DoubleLanes b) { \
    return {_mm256_cmp_pd(a.low, b.low, predicate),                     \
            _mm256_cmp_pd(a.high, b.high, predicate)};                  \
  }
#define KMYRIAD_DOUBLE_MASK(name, op, instruction)                    \
  KMYRIAD_LANE_FUNCTION DoubleMask name(DoubleMask a, DoubleMask b) { \
    return {_mm256_##instruction##_pd(a.low, b.low),                  \
            _mm256_##instruction##_pd(a.high, b.high)};               \
  }
KMYRIAD_LANE_FUNCTION DoubleMask operator!(DoubleMask a) {
  const __m256d all = _mm256_castsi256_pd(_mm256_set1_epi32(-1));
  return {_mm256_xor_pd(a.low, all), _mm256_xor_pd(a.high, all)};
}
KMYRIAD_LANE_FUNCTION DoubleLanes Load(const double* p) {
  return {_mm256_loadu_pd(p), _mm256_loadu_pd(p + 4)};
}
KMYRIAD_LANE_FUNCTION void Store(DoubleLanes a, double* p) {
  _mm256_storeu_pd(p, a.low);
  _mm256_storeu_pd(p + 4, a.high);
}
KMYRIAD_LANE_FUNCTION DoubleLanes Fma(DoubleLanes a, DoubleLanes b,
                                      DoubleLanes c) {
  return {_mm256_fmadd_pd(a.low, b.low, c.low),
          _mm256_fmadd_pd(a.high, b.high, c.high)};
}
KMYRIAD_LANE_FUNCTION DoubleLanes Select(DoubleMask mask, DoubleLanes yes,
                                         DoubleLanes no) {
  return {_mm256_blendv_pd(no.low, yes.low, mask.low),
          _mm256_blendv_pd(no.high, yes.high, mask.high)};
}
KMYRIAD_LANE_FUNCTION __m256d FourOfBits(uint32_t bits) {
  const __m256i one = _mm256_setr_epi64x(1, 2, 4, 8);
  const __m256i all = _mm256_set1_epi64x(static_cast<int64_t>(bits));
  return _mm256_castsi256_pd(
      _mm256_cmpeq_epi64(_mm256_and_si256(all, one), one));
}
KMYRIAD_LANE_FUNCTION DoubleMask EightDoublesOfBits(uint32_t bits) {
  return {FourOfBits(bits), FourOfBits(bits >> 4)};
}
KMYRIAD_LANE_FUNCTION uint32_t BitsOfMask(DoubleMask mask) {
  return static_cast<uint32_t>(_mm256_movemask_pd(mask.low)) |
         static_cast<uint32_t>(_mm256_movemask_pd(mask.high)) << 4;
}

#endif

KMYRIAD_DOUBLE_UNARY(Sqrt, sqrt)
KMYRIAD_DOUBLE_BINARY(operator+, add)
KMYRIAD_DOUBLE_BINARY(operator-, sub)
KMYRIAD_DOUBLE_BINARY(operator*, mul)
KMYRIAD_DOUBLE_BINARY(operator/, div)
KMYRIAD_DOUBLE_BINARY(Max, max)
KMYRIAD_DOUBLE_BINARY(Min, min)
KMYRIAD_DOUBLE_COMPARE(Less, _CMP_LT_OQ)
KMYRIAD_DOUBLE_COMPARE(Equal, _CMP_EQ_OQ)
KMYRIAD_DOUBLE_MASK(operator&, &, and)
KMYRIAD_DOUBLE_MASK(operator|, |, or)
KMYRIAD_DOUBLE_MASK(operator^, ^, xor)
#undef KMYRIAD_DOUBLE_UNARY
#undef KMYRIAD_DOUBLE_BINARY
#undef KMYRIAD_DOUBLE_COMPARE
#undef KMYRIAD_DOUBLE_MASK

template <>
struct LaneTraits<DoubleLanes> {
  using Scalar = double;
  using Mask = DoubleMask;
  static constexpr int kLanes = 8;
};
template <>
KMYRIAD_LANE_FUNCTION DoubleMask MaskOfBits<DoubleLanes>(uint32_t bits) {
  return EightDoublesOfBits(bits);
}

}  // namespace KMYRIAD_LANES_NAMESPACE
}  // namespace kmyriad

#endif  // KMYRIAD_COMMON_MATH_LANES_DOUBLE_H_
