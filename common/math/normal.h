#ifndef KMYRIAD_COMMON_MATH_NORMAL_H_
#define KMYRIAD_COMMON_MATH_NORMAL_H_

#include <cstdint>

#include "common/math/philox.h"

namespace kmyriad {

// Two independent normal numbers, mean 0, variance 1, |x| < 5.8.
struct NormalPair {
  float first;
  float second;
};

// From the first two words of RunRandom with the same arguments, by Box-Muller
// with our own functions: the same bits on every machine.
NormalPair RunNormals(uint64_t seed, RandomStream stream, uint32_t env,
                      uint32_t epoch, uint32_t step, uint32_t draw);

}  // namespace kmyriad

#endif  // KMYRIAD_COMMON_MATH_NORMAL_H_
