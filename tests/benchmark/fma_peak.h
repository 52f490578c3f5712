#ifndef KMYRIAD_TESTS_BENCHMARK_FMA_PEAK_H_
#define KMYRIAD_TESTS_BENCHMARK_FMA_PEAK_H_

// What a core can do at most: chains of fused multiply-adds that depend on
// nothing else. Plain declarations: shared by units of different instruction
// sets.

#include <cstdint>

namespace kmyriad {

struct FmaChains {
  // Floating-point operations of one iteration.
  uint32_t flops_per_iteration;
  // Runs the chains; `sink` [16] gets what they come to.
  void (*run)(uint64_t iterations, float* sink);
};

extern const FmaChains kScalarFmaChains;
extern const FmaChains kAvx2FmaChains;
extern const FmaChains kAvx512FmaChains;

}  // namespace kmyriad

#endif  // KMYRIAD_TESTS_BENCHMARK_FMA_PEAK_H_
