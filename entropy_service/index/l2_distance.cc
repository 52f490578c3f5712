#include "entropy_service/index/l2_distance.h"

#include <cmath>

#include "common/base/simd_level.h"
#include "entropy_service/index/l2_distance_kernels.h"

namespace kmyriad {
namespace {

struct ScalarVec {
  static constexpr size_t kLanes = 1;
  static constexpr size_t kTileVectors = 1;
  static float Load(const float* from) { return *from; }
  static void Store(float* to, float value) { *to = value; }
  static float Set(float value) { return value; }
  static float Subtract(float a, float b) { return a - b; }
  static float Fma(float a, float b, float c) { return std::fma(a, b, c); }
  static float Abs(float a) { return std::fabs(a); }
  static float Min(float a, float b) { return a < b ? a : b; }
  static float Max(float a, float b) { return a > b ? a : b; }
  static uint32_t AtMost(float a, float b) { return a <= b ? 1 : 0; }
  static void Pack(float value, uint32_t mask, float* out) {
    if (mask != 0) *out = value;
  }
  static void Append(float value, uint32_t mask, uint32_t row, HitList& hits) {
    AppendOneByOne<ScalarVec>(value, mask, row, hits);
  }
};

}  // namespace

namespace internal {
constinit const L2Kernels kScalarL2Kernels = MakeKernels<ScalarVec>();
}  // namespace internal

const L2Kernels& GetL2Kernels(SimdLevel level) {
#if defined(KMYRIAD_HAVE_X86_SIMD)
  if (level == SimdLevel::kAvx512) return internal::kAvx512L2Kernels;
  if (level == SimdLevel::kAvx2) return internal::kAvx2L2Kernels;
#endif
  return internal::kScalarL2Kernels;
}

}  // namespace kmyriad
