#include <immintrin.h>

#include "entropy_service/index/l2_distance_kernels.h"

namespace kmyriad {
namespace {

struct Avx2Vec {
  static constexpr size_t kLanes = 8;
  static constexpr size_t kTileVectors = 1;
  static __m256 Load(const float* from) { return _mm256_loadu_ps(from); }
  static void Store(float* to, __m256 value) { _mm256_storeu_ps(to, value); }
  static __m256 Set(float value) { return _mm256_set1_ps(value); }
  static __m256 Subtract(__m256 a, __m256 b) { return _mm256_sub_ps(a, b); }
  static __m256 Fma(__m256 a, __m256 b, __m256 c) {
    return _mm256_fmadd_ps(a, b, c);
  }
  static __m256 Abs(__m256 a) {
    return _mm256_andnot_ps(_mm256_set1_ps(-0.0f), a);
  }
  static __m256 Min(__m256 a, __m256 b) { return _mm256_min_ps(a, b); }
  static __m256 Max(__m256 a, __m256 b) { return _mm256_max_ps(a, b); }
  static uint32_t AtMost(__m256 a, __m256 b) {
    return static_cast<uint32_t>(
        _mm256_movemask_ps(_mm256_cmp_ps(a, b, _CMP_LE_OQ)));
  }
  static void Pack(__m256 values, uint32_t mask, float* out) {
    PackOneByOne<Avx2Vec>(values, mask, out);
  }
  static void Append(__m256 values, uint32_t mask, uint32_t first_row,
                     HitList& hits) {
    AppendOneByOne<Avx2Vec>(values, mask, first_row, hits);
  }
};

}  // namespace

namespace internal {
constinit const L2Kernels kAvx2L2Kernels = MakeKernels<Avx2Vec>();
}  // namespace internal

}  // namespace kmyriad
