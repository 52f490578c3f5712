#ifndef KMYRIAD_COMMON_MATH_LANES_AVX512_H_
#define KMYRIAD_COMMON_MATH_LANES_AVX512_H_

// Sixteen lanes in one 512-bit register; included by lanes.h only.

#include <immintrin.h>

#include <cstdint>

namespace kmyriad {
inline namespace KMYRIAD_LANES_NAMESPACE {

struct LaneMask {
  __mmask16 mask;
};

// Masks combine like bool: & | ^ !.
KMYRIAD_LANE_FUNCTION LaneMask operator&(LaneMask a, LaneMask b) {
  return {_kand_mask16(a.mask, b.mask)};
}
KMYRIAD_LANE_FUNCTION LaneMask operator|(LaneMask a, LaneMask b) {
  return {_kor_mask16(a.mask, b.mask)};
}
KMYRIAD_LANE_FUNCTION LaneMask operator^(LaneMask a, LaneMask b) {
  return {_kxor_mask16(a.mask, b.mask)};
}
KMYRIAD_LANE_FUNCTION LaneMask operator!(LaneMask a) {
  return {_knot_mask16(a.mask)};
}

struct WordLanes {
  __m512i value;
  WordLanes() = default;
  KMYRIAD_LANE_FUNCTION explicit WordLanes(__m512i v) : value(v) {}
  KMYRIAD_LANE_FUNCTION explicit WordLanes(uint32_t v)
      : value(_mm512_set1_epi32(static_cast<int>(v))) {}
};

struct FloatLanes {
  __m512 value;
  FloatLanes() = default;
  KMYRIAD_LANE_FUNCTION explicit FloatLanes(__m512 v) : value(v) {}
  KMYRIAD_LANE_FUNCTION explicit FloatLanes(float v)
      : value(_mm512_set1_ps(v)) {}
};

template <>
struct LaneTraits<FloatLanes> {
  using Scalar = float;
  using Mask = LaneMask;
  using Word = WordLanes;
  static constexpr int kLanes = 16;
};

template <>
KMYRIAD_LANE_FUNCTION LaneMask MaskOfBits<FloatLanes>(uint32_t bits) {
  return {_cvtu32_mask16(bits)};
}
KMYRIAD_LANE_FUNCTION uint32_t BitsOfMask(LaneMask mask) {
  return _cvtmask16_u32(mask.mask);
}

KMYRIAD_LANE_FUNCTION FloatLanes Load(const float* p) {
  return FloatLanes(_mm512_loadu_ps(p));
}
KMYRIAD_LANE_FUNCTION WordLanes Load(const uint32_t* p) {
  return WordLanes(_mm512_loadu_si512(p));
}
// p[0..3], each in all lanes. One load and four shuffles, where four broadcasts
// would be four loads.
KMYRIAD_LANE_FUNCTION void BroadcastFour(const float* p, FloatLanes four[4]) {
  const __m512 all = _mm512_broadcast_f32x4(_mm_loadu_ps(p));
  four[0] = FloatLanes(_mm512_permute_ps(all, 0x00));
  four[1] = FloatLanes(_mm512_permute_ps(all, 0x55));
  four[2] = FloatLanes(_mm512_permute_ps(all, 0xAA));
  four[3] = FloatLanes(_mm512_permute_ps(all, 0xFF));
}
KMYRIAD_LANE_FUNCTION void Store(FloatLanes a, float* p) {
  _mm512_storeu_ps(p, a.value);
}
KMYRIAD_LANE_FUNCTION void Store(WordLanes a, uint32_t* p) {
  _mm512_storeu_si512(p, a.value);
}

KMYRIAD_LANE_FUNCTION FloatLanes operator+(FloatLanes a, FloatLanes b) {
  return FloatLanes(_mm512_add_ps(a.value, b.value));
}
KMYRIAD_LANE_FUNCTION FloatLanes operator-(FloatLanes a, FloatLanes b) {
  return FloatLanes(_mm512_sub_ps(a.value, b.value));
}
KMYRIAD_LANE_FUNCTION FloatLanes operator*(FloatLanes a, FloatLanes b) {
  return FloatLanes(_mm512_mul_ps(a.value, b.value));
}
KMYRIAD_LANE_FUNCTION FloatLanes operator/(FloatLanes a, FloatLanes b) {
  return FloatLanes(_mm512_div_ps(a.value, b.value));
}
KMYRIAD_LANE_FUNCTION WordLanes operator+(WordLanes a, WordLanes b) {
  return WordLanes(_mm512_add_epi32(a.value, b.value));
}
KMYRIAD_LANE_FUNCTION WordLanes operator-(WordLanes a, WordLanes b) {
  return WordLanes(_mm512_sub_epi32(a.value, b.value));
}
KMYRIAD_LANE_FUNCTION WordLanes operator&(WordLanes a, WordLanes b) {
  return WordLanes(_mm512_and_si512(a.value, b.value));
}
KMYRIAD_LANE_FUNCTION WordLanes operator|(WordLanes a, WordLanes b) {
  return WordLanes(_mm512_or_si512(a.value, b.value));
}
KMYRIAD_LANE_FUNCTION WordLanes operator^(WordLanes a, WordLanes b) {
  return WordLanes(_mm512_xor_si512(a.value, b.value));
}
KMYRIAD_LANE_FUNCTION WordLanes operator<<(WordLanes a, int bits) {
  return WordLanes(_mm512_sll_epi32(a.value, _mm_cvtsi32_si128(bits)));
}
KMYRIAD_LANE_FUNCTION WordLanes operator>>(WordLanes a, int bits) {
  return WordLanes(_mm512_srl_epi32(a.value, _mm_cvtsi32_si128(bits)));
}

KMYRIAD_LANE_FUNCTION FloatLanes Fma(FloatLanes a, FloatLanes b, FloatLanes c) {
  return FloatLanes(_mm512_fmadd_ps(a.value, b.value, c.value));
}
KMYRIAD_LANE_FUNCTION FloatLanes Sqrt(FloatLanes a) {
  return FloatLanes(_mm512_sqrt_ps(a.value));
}
KMYRIAD_LANE_FUNCTION FloatLanes Max(FloatLanes a, FloatLanes b) {
  return FloatLanes(_mm512_max_ps(a.value, b.value));
}
KMYRIAD_LANE_FUNCTION FloatLanes Min(FloatLanes a, FloatLanes b) {
  return FloatLanes(_mm512_min_ps(a.value, b.value));
}
KMYRIAD_LANE_FUNCTION LaneMask Less(FloatLanes a, FloatLanes b) {
  return {_mm512_cmp_ps_mask(a.value, b.value, _CMP_LT_OQ)};
}
KMYRIAD_LANE_FUNCTION LaneMask Equal(FloatLanes a, FloatLanes b) {
  return {_mm512_cmp_ps_mask(a.value, b.value, _CMP_EQ_OQ)};
}
KMYRIAD_LANE_FUNCTION FloatLanes Select(LaneMask mask, FloatLanes yes,
                                        FloatLanes no) {
  return FloatLanes(_mm512_mask_blend_ps(mask.mask, no.value, yes.value));
}
KMYRIAD_LANE_FUNCTION WordLanes BitsOf(FloatLanes a) {
  return WordLanes(_mm512_castps_si512(a.value));
}
KMYRIAD_LANE_FUNCTION FloatLanes FloatOfBits(WordLanes a) {
  return FloatLanes(_mm512_castsi512_ps(a.value));
}
KMYRIAD_LANE_FUNCTION FloatLanes ToFloat(WordLanes a) {
  return FloatLanes(_mm512_cvtepi32_ps(a.value));
}
KMYRIAD_LANE_FUNCTION void Multiply(WordLanes a, WordLanes b, WordLanes* high,
                                    WordLanes* low) {
  const __m512i even = _mm512_mul_epu32(a.value, b.value);
  const __m512i odd = _mm512_mul_epu32(_mm512_srli_epi64(a.value, 32),
                                       _mm512_srli_epi64(b.value, 32));
  *high = WordLanes(
      _mm512_mask_blend_epi32(0xAAAA, _mm512_srli_epi64(even, 32), odd));
  *low = WordLanes(
      _mm512_mask_blend_epi32(0xAAAA, even, _mm512_slli_epi64(odd, 32)));
}

}  // namespace KMYRIAD_LANES_NAMESPACE
}  // namespace kmyriad

#endif  // KMYRIAD_COMMON_MATH_LANES_AVX512_H_
