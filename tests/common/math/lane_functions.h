#ifndef KMYRIAD_TESTS_COMMON_MATH_LANE_FUNCTIONS_H_
#define KMYRIAD_TESTS_COMMON_MATH_LANE_FUNCTIONS_H_

// The functions of common/math at one level, over arrays. Plain pointers: this
// header is shared by units of different instruction sets.

#include <cstdint>

namespace kmyriad {

// y[i] = f(x[i]); count is a multiple of 16.
using ArrayFunction = void (*)(const float* x, uint32_t count, float* y);

struct LaneFunctions {
  ArrayFunction exp, log, log1p, softplus, tanh, sin, cos;
  // Two outputs of 16, from uniform words [2][16].
  void (*normals)(const uint32_t* words, float* first, float* second);
  // counter [4][16] in, random words [4][16] out.
  void (*philox)(uint32_t key0, uint32_t key1, uint32_t* counter);
  // Every operation of the lane types on 16 lanes of a, b, c; `y` has room for
  // kOperations * 16 words.
  void (*operations)(const float* a, const float* b, const float* c,
                     uint32_t* y);
  // The same for 8 lanes of doubles, and the sine and cosine of a.
  void (*double_operations)(const double* a, const double* b, const double* c,
                            double* y);
};

// Results that `operations` writes.
constexpr uint32_t kOperations = 24;
constexpr uint32_t kDoubleOperations = 18;

extern const LaneFunctions kScalarLaneFunctions;
extern const LaneFunctions kAvx2LaneFunctions;
extern const LaneFunctions kAvx512LaneFunctions;

}  // namespace kmyriad

#endif  // KMYRIAD_TESTS_COMMON_MATH_LANE_FUNCTIONS_H_
