#ifndef KMYRIAD_TESTS_COMMON_MATH_LANE_FUNCTIONS_BODY_H_
#define KMYRIAD_TESTS_COMMON_MATH_LANE_FUNCTIONS_BODY_H_

// Included by one unit per instruction set.

#include "common/math/elementary.h"
#include "common/math/philox_lanes.h"
#include "common/math/sine_cosine.h"
#include "tests/common/math/lane_functions.h"

namespace kmyriad {
namespace {

#define KMYRIAD_ARRAY_FUNCTION(Name)                             \
  void Name##OfArray(const float* x, uint32_t count, float* y) { \
    for (uint32_t i = 0; i < count; i += 16) {                   \
      Store(Name(Load(x + i)), y + i);                           \
    }                                                            \
  }
KMYRIAD_ARRAY_FUNCTION(Exp)
KMYRIAD_ARRAY_FUNCTION(Log)
KMYRIAD_ARRAY_FUNCTION(Log1p)
KMYRIAD_ARRAY_FUNCTION(Softplus)
KMYRIAD_ARRAY_FUNCTION(Tanh)
KMYRIAD_ARRAY_FUNCTION(Sin)
KMYRIAD_ARRAY_FUNCTION(Cos)
#undef KMYRIAD_ARRAY_FUNCTION

void Normals(const uint32_t* words, float* first, float* second) {
  FloatLanes a, b;
  BoxMuller(UniformOfWord<FloatLanes>(Load(words)),
            UniformOfWord<FloatLanes>(Load(words + 16)), &a, &b);
  Store(a, first);
  Store(b, second);
}

void Philox(uint32_t key0, uint32_t key1, uint32_t* counter) {
  WordLanes c[4] = {Load(counter), Load(counter + 16), Load(counter + 32),
                    Load(counter + 48)};
  PhiloxRounds(key0, key1, c);
  for (int i = 0; i < 4; ++i) Store(c[i], counter + 16 * i);
}

void Operations(const float* a, const float* b, const float* c, uint32_t* y) {
  const FloatLanes p = Load(a), q = Load(b), r = Load(c);
  const WordLanes u = BitsOf(p), v = BitsOf(q);
  const FloatLanes one(1.0f), zero(0.0f);
  WordLanes high, low;
  Multiply(u, v, &high, &low);
  const FloatLanes floats[] = {p + q,
                               p - q,
                               p * q,
                               p / q,
                               Fma(p, q, r),
                               Sqrt(p),
                               Max(p, q),
                               Min(p, q),
                               Select(Less(p, q), one, zero),
                               Select(Equal(p, q), one, zero),
                               Select(Less(p, q), p, r),
                               Abs(p),
                               WithSign(Abs(p), q),
                               ToFloat(u >> 1),
                               FloatOfBits(u)};
  const WordLanes words[] = {u + v,  u - v,  u & v, u | v, u ^ v,
                             u << 7, u >> 9, high,  low};
  static_assert(sizeof(floats) / sizeof(floats[0]) +
                    sizeof(words) / sizeof(words[0]) ==
                kOperations);
  for (const FloatLanes& f : floats) {
    Store(BitsOf(f), y);
    y += 16;
  }
  for (const WordLanes& w : words) {
    Store(w, y);
    y += 16;
  }
}

void DoubleOperations(const double* a, const double* b, const double* c,
                      double* y) {
  const DoubleLanes p = Load(a), q = Load(b), r = Load(c);
  const DoubleLanes one(1.0), zero(0.0);
  const DoubleMask less = Less(p, q), equal = Equal(q, r);
  const DoubleMask odd = MaskOfBits<DoubleLanes>(0xA5);
  DoubleLanes sine, cosine;
  SineCosine(p, &sine, &cosine);
  const DoubleLanes results[] = {
      p + q,
      p - q,
      p * q,
      p / q,
      Fma(p, q, r),
      Sqrt(p),
      sine,
      cosine,
      Max(p, q),
      Min(p, q),
      Select(less, p, r),
      Select(equal, one, zero),
      Select(less & odd, one, zero),
      Select(less | odd, one, zero),
      Select(less ^ odd, one, zero),
      Select(!less, one, zero),
      DoubleLanes(static_cast<double>(BitsOfMask(less))),
      DoubleLanes(static_cast<double>(BitsOfMask(odd)))};
  static_assert(sizeof(results) / sizeof(results[0]) == kDoubleOperations);
  for (const DoubleLanes& result : results) {
    Store(result, y);
    y += 8;
  }
}

constexpr LaneFunctions kLaneFunctions = {
    ExpOfArray,  LogOfArray, Log1pOfArray,    SoftplusOfArray,
    TanhOfArray, SinOfArray, CosOfArray,      Normals,
    Philox,      Operations, DoubleOperations};

}  // namespace
}  // namespace kmyriad

#endif  // KMYRIAD_TESTS_COMMON_MATH_LANE_FUNCTIONS_BODY_H_
