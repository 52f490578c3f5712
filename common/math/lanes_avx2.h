#ifndef KMYRIAD_COMMON_MATH_LANES_AVX2_H_
#define KMYRIAD_COMMON_MATH_LANES_AVX2_H_

// Sixteen lanes in two 256-bit registers; included by lanes.h only. Needs
// AVX2 and FMA.

#include <immintrin.h>

#include <cstdint>

namespace kmyriad {
inline namespace KMYRIAD_LANES_NAMESPACE {

struct LaneMask {
  __m256 low;
  __m256 high;
};

// Masks combine like bool: & | ^ !.
KMYRIAD_LANE_FUNCTION LaneMask operator&(LaneMask a, LaneMask b) {
  return {_mm256_and_ps(a.low, b.low), _mm256_and_ps(a.high, b.high)};
}
KMYRIAD_LANE_FUNCTION LaneMask operator|(LaneMask a, LaneMask b) {
  return {_mm256_or_ps(a.low, b.low), _mm256_or_ps(a.high, b.high)};
}
KMYRIAD_LANE_FUNCTION LaneMask operator^(LaneMask a, LaneMask b) {
  return {_mm256_xor_ps(a.low, b.low), _mm256_xor_ps(a.high, b.high)};
}
KMYRIAD_LANE_FUNCTION LaneMask operator!(LaneMask a) {
  const __m256 all = _mm256_castsi256_ps(_mm256_set1_epi32(-1));
  return {_mm256_xor_ps(a.low, all), _mm256_xor_ps(a.high, all)};
}

struct WordLanes {
  __m256i low;
  __m256i high;
  WordLanes() = default;
  KMYRIAD_LANE_FUNCTION WordLanes(__m256i l, __m256i h) : low(l), high(h) {}
  KMYRIAD_LANE_FUNCTION explicit WordLanes(uint32_t v)
      : low(_mm256_set1_epi32(static_cast<int>(v))), high(low) {}
};

struct FloatLanes {
  __m256 low;
  __m256 high;
  FloatLanes() = default;
  KMYRIAD_LANE_FUNCTION FloatLanes(__m256 l, __m256 h) : low(l), high(h) {}
  KMYRIAD_LANE_FUNCTION explicit FloatLanes(float v)
      : low(_mm256_set1_ps(v)), high(low) {}
};

template <>
struct LaneTraits<FloatLanes> {
  using Scalar = float;
  using Mask = LaneMask;
  using Word = WordLanes;
  static constexpr int kLanes = 16;
};

// Lane i of the result is set where bit i of `bits` is.
KMYRIAD_LANE_FUNCTION __m256 EightOfBits(uint32_t bits) {
  const __m256i one = _mm256_setr_epi32(1, 2, 4, 8, 16, 32, 64, 128);
  const __m256i all = _mm256_set1_epi32(static_cast<int>(bits));
  return _mm256_castsi256_ps(
      _mm256_cmpeq_epi32(_mm256_and_si256(all, one), one));
}
template <>
KMYRIAD_LANE_FUNCTION LaneMask MaskOfBits<FloatLanes>(uint32_t bits) {
  return {EightOfBits(bits), EightOfBits(bits >> 8)};
}
KMYRIAD_LANE_FUNCTION uint32_t BitsOfMask(LaneMask mask) {
  return static_cast<uint32_t>(_mm256_movemask_ps(mask.low)) |
         static_cast<uint32_t>(_mm256_movemask_ps(mask.high)) << 8;
}

KMYRIAD_LANE_FUNCTION FloatLanes Load(const float* p) {
  return {_mm256_loadu_ps(p), _mm256_loadu_ps(p + 8)};
}
KMYRIAD_LANE_FUNCTION WordLanes Load(const uint32_t* p) {
  return {_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)),
          _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p + 8))};
}
// p[0..3], each in all lanes.
KMYRIAD_LANE_FUNCTION void BroadcastFour(const float* p, FloatLanes four[4]) {
  for (int i = 0; i < 4; ++i) four[i] = FloatLanes(p[i]);
}
KMYRIAD_LANE_FUNCTION void Store(FloatLanes a, float* p) {
  _mm256_storeu_ps(p, a.low);
  _mm256_storeu_ps(p + 8, a.high);
}
KMYRIAD_LANE_FUNCTION void Store(WordLanes a, uint32_t* p) {
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), a.low);
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(p + 8), a.high);
}

#define KMYRIAD_LANES_BINARY(Type, name, instruction)                \
  KMYRIAD_LANE_FUNCTION Type name(Type a, Type b) {                  \
    return {instruction(a.low, b.low), instruction(a.high, b.high)}; \
  }
KMYRIAD_LANES_BINARY(FloatLanes, operator+, _mm256_add_ps)
KMYRIAD_LANES_BINARY(FloatLanes, operator-, _mm256_sub_ps)
KMYRIAD_LANES_BINARY(FloatLanes, operator*, _mm256_mul_ps)
KMYRIAD_LANES_BINARY(FloatLanes, operator/, _mm256_div_ps)
KMYRIAD_LANES_BINARY(FloatLanes, Max, _mm256_max_ps)
KMYRIAD_LANES_BINARY(FloatLanes, Min, _mm256_min_ps)
KMYRIAD_LANES_BINARY(WordLanes, operator+, _mm256_add_epi32)
KMYRIAD_LANES_BINARY(WordLanes, operator-, _mm256_sub_epi32)
KMYRIAD_LANES_BINARY(WordLanes, operator&, _mm256_and_si256)
KMYRIAD_LANES_BINARY(WordLanes, operator|, _mm256_or_si256)
KMYRIAD_LANES_BINARY(WordLanes, operator^, _mm256_xor_si256)
#undef KMYRIAD_LANES_BINARY

KMYRIAD_LANE_FUNCTION WordLanes operator<<(WordLanes a, int bits) {
  const __m128i count = _mm_cvtsi32_si128(bits);
  return {_mm256_sll_epi32(a.low, count), _mm256_sll_epi32(a.high, count)};
}
KMYRIAD_LANE_FUNCTION WordLanes operator>>(WordLanes a, int bits) {
  const __m128i count = _mm_cvtsi32_si128(bits);
  return {_mm256_srl_epi32(a.low, count), _mm256_srl_epi32(a.high, count)};
}

KMYRIAD_LANE_FUNCTION FloatLanes Fma(FloatLanes a, FloatLanes b, FloatLanes c) {
  return {_mm256_fmadd_ps(a.low, b.low, c.low),
          _mm256_fmadd_ps(a.high, b.high, c.high)};
}
KMYRIAD_LANE_FUNCTION FloatLanes Sqrt(FloatLanes a) {
  return {_mm256_sqrt_ps(a.low), _mm256_sqrt_ps(a.high)};
}
KMYRIAD_LANE_FUNCTION LaneMask Less(FloatLanes a, FloatLanes b) {
  return {_mm256_cmp_ps(a.low, b.low, _CMP_LT_OQ),
          _mm256_cmp_ps(a.high, b.high, _CMP_LT_OQ)};
}
KMYRIAD_LANE_FUNCTION LaneMask Equal(FloatLanes a, FloatLanes b) {
  return {_mm256_cmp_ps(a.low, b.low, _CMP_EQ_OQ),
          _mm256_cmp_ps(a.high, b.high, _CMP_EQ_OQ)};
}
KMYRIAD_LANE_FUNCTION FloatLanes Select(LaneMask mask, FloatLanes yes,
                                        FloatLanes no) {
  return {_mm256_blendv_ps(no.low, yes.low, mask.low),
          _mm256_blendv_ps(no.high, yes.high, mask.high)};
}
KMYRIAD_LANE_FUNCTION WordLanes BitsOf(FloatLanes a) {
  return {_mm256_castps_si256(a.low), _mm256_castps_si256(a.high)};
}
KMYRIAD_LANE_FUNCTION FloatLanes FloatOfBits(WordLanes a) {
  return {_mm256_castsi256_ps(a.low), _mm256_castsi256_ps(a.high)};
}
KMYRIAD_LANE_FUNCTION FloatLanes ToFloat(WordLanes a) {
  return {_mm256_cvtepi32_ps(a.low), _mm256_cvtepi32_ps(a.high)};
}
// The 64-bit products of the eight words of one register, as halves.
KMYRIAD_LANE_FUNCTION void MultiplyHalf(__m256i a, __m256i b, __m256i* high,
                                        __m256i* low) {
  const __m256i even = _mm256_mul_epu32(a, b);
  const __m256i odd =
      _mm256_mul_epu32(_mm256_srli_epi64(a, 32), _mm256_srli_epi64(b, 32));
  *high = _mm256_blend_epi32(_mm256_srli_epi64(even, 32), odd, 0xAA);
  *low = _mm256_blend_epi32(even, _mm256_slli_epi64(odd, 32), 0xAA);
}
KMYRIAD_LANE_FUNCTION void Multiply(WordLanes a, WordLanes b, WordLanes* high,
                                    WordLanes* low) {
  MultiplyHalf(a.low, b.low, &high->low, &low->low);
  MultiplyHalf(a.high, b.high, &high->high, &low->high);
}

}  // namespace KMYRIAD_LANES_NAMESPACE
}  // namespace kmyriad

#endif  // KMYRIAD_COMMON_MATH_LANES_AVX2_H_
