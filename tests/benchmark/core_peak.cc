#include "tests/benchmark/core_peak.h"

namespace kmyriad {

const FmaChains& FmaChainsOf(SimdLevel level) {
#ifdef KMYRIAD_HAVE_X86_SIMD
  if (level == SimdLevel::kAvx512) return kAvx512FmaChains;
  if (level == SimdLevel::kAvx2) return kAvx2FmaChains;
#endif
  return kScalarFmaChains;
}

}  // namespace kmyriad
