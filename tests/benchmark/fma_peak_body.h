#ifndef KMYRIAD_TESTS_BENCHMARK_FMA_PEAK_BODY_H_
#define KMYRIAD_TESTS_BENCHMARK_FMA_PEAK_BODY_H_

// Included by one unit per instruction set.

#include "common/math/lanes.h"
#include "tests/benchmark/fma_peak.h"

namespace kmyriad {
namespace {

// Latency times throughput is 8 to 10 instructions on current cores; kChains
// vectors of 16 lanes must also stay in registers.
template <uint32_t kChains>
void RunChains(uint64_t iterations, float* sink) {
  FloatLanes sum[kChains];
  // Every lane starts elsewhere, or the compiler would compute equal ones once.
  float start[kChains * 16];
  for (uint32_t i = 0; i < kChains * 16; ++i) start[i] = static_cast<float>(i);
#pragma GCC unroll 16
  for (uint32_t c = 0; c < kChains; ++c) sum[c] = Load(start + 16 * c);
  // Converges, so that no operand ever becomes subnormal or infinite.
  const FloatLanes factor(0.999f), addend(0.001f);
  for (uint64_t i = 0; i < iterations; ++i) {
#pragma GCC unroll 16
    for (uint32_t c = 0; c < kChains; ++c) {
      sum[c] = Fma(sum[c], factor, addend);
    }
  }
  for (uint32_t c = 1; c < kChains; ++c) sum[0] = sum[0] + sum[c];
  Store(sum[0], sink);
}

}  // namespace
}  // namespace kmyriad

#endif  // KMYRIAD_TESTS_BENCHMARK_FMA_PEAK_BODY_H_
