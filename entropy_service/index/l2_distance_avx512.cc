#include <immintrin.h>

#include "entropy_service/index/l2_distance_kernels.h"

namespace kmyriad {
namespace {

struct Avx512Vec {
  static constexpr size_t kLanes = 16;
  static __m512 Load(const float* from) { return _mm512_loadu_ps(from); }
  static void Store(float* to, __m512 value) { _mm512_storeu_ps(to, value); }
  static __m512 Set(float value) { return _mm512_set1_ps(value); }
  static __m512 Subtract(__m512 a, __m512 b) { return _mm512_sub_ps(a, b); }
  static __m512 Fma(__m512 a, __m512 b, __m512 c) {
    return _mm512_fmadd_ps(a, b, c);
  }
  static uint32_t AtMost(__m512 a, __m512 b) {
    return _mm512_cmp_ps_mask(a, b, _CMP_LE_OQ);
  }
};

}  // namespace

namespace internal {
constinit const L2Kernels kAvx512L2Kernels = MakeKernels<Avx512Vec>();
}  // namespace internal

}  // namespace kmyriad
