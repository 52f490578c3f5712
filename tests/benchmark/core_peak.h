#ifndef KMYRIAD_TESTS_BENCHMARK_CORE_PEAK_H_
#define KMYRIAD_TESTS_BENCHMARK_CORE_PEAK_H_

#include "common/base/simd_level.h"
#include "tests/benchmark/fma_peak.h"

namespace kmyriad {

// The chains of a level; those of kScalar on machines without it.
const FmaChains& FmaChainsOf(SimdLevel level);

}  // namespace kmyriad

#endif  // KMYRIAD_TESTS_BENCHMARK_CORE_PEAK_H_
