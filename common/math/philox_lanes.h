#ifndef KMYRIAD_COMMON_MATH_PHILOX_LANES_H_
#define KMYRIAD_COMMON_MATH_PHILOX_LANES_H_

// Philox4x32-10 of philox.h, sixteen counters at a time: equal words, for
// units of any level (lanes.h).

#include "common/math/lanes.h"

namespace kmyriad {
inline namespace KMYRIAD_LANES_NAMESPACE {

// Replaces the counter `c` by its random words.
template <class Word>
KMYRIAD_LANE_FUNCTION void PhiloxRounds(uint32_t key0, uint32_t key1,
                                        Word c[4]) {
  for (int round = 0; round < 10; ++round) {
    Word high0, low0, high1, low1;
    Multiply(Word(0xD2511F53u), c[0], &high0, &low0);
    Multiply(Word(0xCD9E8D57u), c[2], &high1, &low1);
    c[0] = high1 ^ c[1] ^ Word(key0);
    c[1] = low1;
    c[2] = high0 ^ c[3] ^ Word(key1);
    c[3] = low0;
    key0 += 0x9E3779B9u;
    key1 += 0xBB67AE85u;
  }
}

// UniformOpen of philox.h.
template <class F>
KMYRIAD_LANE_FUNCTION F UniformOfWord(typename LaneTraits<F>::Word word) {
  return (ToFloat(word >> 9) + F(0.5f)) * F(0x1p-23f);
}

}  // namespace KMYRIAD_LANES_NAMESPACE
}  // namespace kmyriad

#endif  // KMYRIAD_COMMON_MATH_PHILOX_LANES_H_
