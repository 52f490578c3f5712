#include <immintrin.h>

#include "entropy_service/index/l2_distance_kernels.h"

namespace kmyriad {
namespace {

struct Avx512Vec {
  static constexpr size_t kLanes = 16;
  static constexpr size_t kTileVectors = 2;
  static __m512 Load(const float* from) { return _mm512_loadu_ps(from); }
  static void Store(float* to, __m512 value) { _mm512_storeu_ps(to, value); }
  static __m512 Set(float value) { return _mm512_set1_ps(value); }
  static __m512 Subtract(__m512 a, __m512 b) { return _mm512_sub_ps(a, b); }
  static __m512 Fma(__m512 a, __m512 b, __m512 c) {
    return _mm512_fmadd_ps(a, b, c);
  }
  static __m512 Abs(__m512 a) { return _mm512_abs_ps(a); }
  static __m512 Min(__m512 a, __m512 b) { return _mm512_min_ps(a, b); }
  static __m512 Max(__m512 a, __m512 b) { return _mm512_max_ps(a, b); }
  static uint32_t AtMost(__m512 a, __m512 b) {
    return _mm512_cmp_ps_mask(a, b, _CMP_LE_OQ);
  }
  // Compresses in registers: to memory it is slow on some machines.
  static void Pack(__m512 values, uint32_t mask, float* out) {
    _mm512_storeu_ps(
        out, _mm512_maskz_compress_ps(static_cast<__mmask16>(mask), values));
  }
  static void Append(__m512 values, uint32_t mask, uint32_t first_row,
                     HitList& hits) {
    const auto lanes = static_cast<__mmask16>(mask);
    const __m512i rows =
        _mm512_add_epi32(_mm512_set1_epi32(static_cast<int>(first_row)),
                         _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11,
                                           12, 13, 14, 15));
    _mm512_storeu_ps(hits.distances + hits.count,
                     _mm512_maskz_compress_ps(lanes, values));
    _mm512_storeu_si512(hits.rows + hits.count,
                        _mm512_maskz_compress_epi32(lanes, rows));
    hits.count += static_cast<size_t>(__builtin_popcount(mask));
  }
};

}  // namespace

namespace internal {
constinit const L2Kernels kAvx512L2Kernels = MakeKernels<Avx512Vec>();
}  // namespace internal

}  // namespace kmyriad
