#ifndef KMYRIAD_TESTS_BENCHMARK_PHYSICS_STAGES_COUNTING_LANES_H_
#define KMYRIAD_TESTS_BENCHMARK_PHYSICS_STAGES_COUNTING_LANES_H_

// FloatLanes that count their operations (CountedStages), one per instruction
// and not per lane: the step is the product's own templates over this type, so
// that what is counted is what the product does. No conversion is implicit: an
// operation that bypassed the counting would not compile.

#include "common/math/sine_cosine.h"
#include "tests/benchmark/physics_stages/stage_kernels.h"

namespace kmyriad {
inline namespace KMYRIAD_LANES_NAMESPACE {

struct CountingWords {
  WordLanes value;
  CountingWords() = default;
  explicit CountingWords(WordLanes v) : value(v) {}
  explicit CountingWords(uint32_t v) : value(v) {}
};

struct CountingLanes {
  FloatLanes value;
  CountingLanes() = default;
  explicit CountingLanes(const FloatLanes& v) : value(v) {}
  explicit CountingLanes(float v) : value(v) {}
};

template <>
struct LaneTraits<CountingLanes> {
  using Scalar = float;
  using Mask = LaneMask;
  using Word = CountingWords;
  static constexpr int kLanes = 16;
};
template <>
inline LaneMask MaskOfBits<CountingLanes>(uint32_t bits) {
  return MaskOfBits<FloatLanes>(bits);
}

inline CountingLanes Fma(const CountingLanes& a, const CountingLanes& b,
                         const CountingLanes& c) {
  ++CountedStages::current().fused;
  return CountingLanes(Fma(a.value, b.value, c.value));
}
inline CountingLanes operator+(const CountingLanes& a, const CountingLanes& b) {
  ++CountedStages::current().simple;
  return CountingLanes(a.value + b.value);
}
inline CountingLanes operator*(const CountingLanes& a, const CountingLanes& b) {
  ++CountedStages::current().simple;
  return CountingLanes(a.value * b.value);
}
// 0 - x is how a sign is changed: part of the instruction that takes it.
inline CountingLanes operator-(const CountingLanes& a, const CountingLanes& b) {
  if (BitsOfMask(Equal(a.value, FloatLanes(0))) != 0xFFFF) {
    ++CountedStages::current().simple;
  }
  return CountingLanes(a.value - b.value);
}
inline CountingLanes operator/(const CountingLanes& a, const CountingLanes& b) {
  ++CountedStages::current().divisions;
  return CountingLanes(a.value / b.value);
}
inline CountingLanes Sqrt(const CountingLanes& a) {
  ++CountedStages::current().roots;
  return CountingLanes(Sqrt(a.value));
}

inline CountingLanes Max(const CountingLanes& a, const CountingLanes& b) {
  return CountingLanes(Max(a.value, b.value));
}
inline CountingLanes Min(const CountingLanes& a, const CountingLanes& b) {
  return CountingLanes(Min(a.value, b.value));
}
inline LaneMask Less(const CountingLanes& a, const CountingLanes& b) {
  return Less(a.value, b.value);
}
inline LaneMask Equal(const CountingLanes& a, const CountingLanes& b) {
  return Equal(a.value, b.value);
}
inline CountingLanes Select(const LaneMask& mask, const CountingLanes& yes,
                            const CountingLanes& no) {
  return CountingLanes(Select(mask, yes.value, no.value));
}
inline void Store(const CountingLanes& a, float* p) { Store(a.value, p); }

inline CountingWords BitsOf(const CountingLanes& a) {
  return CountingWords(BitsOf(a.value));
}
inline CountingLanes FloatOfBits(const CountingWords& a) {
  return CountingLanes(FloatOfBits(a.value));
}
inline CountingLanes ToFloat(const CountingWords& a) {
  return CountingLanes(ToFloat(a.value));
}
inline CountingWords operator+(const CountingWords& a, const CountingWords& b) {
  return CountingWords(a.value + b.value);
}
inline CountingWords operator-(const CountingWords& a, const CountingWords& b) {
  return CountingWords(a.value - b.value);
}
inline CountingWords operator&(const CountingWords& a, const CountingWords& b) {
  return CountingWords(a.value & b.value);
}
inline CountingWords operator^(const CountingWords& a, const CountingWords& b) {
  return CountingWords(a.value ^ b.value);
}
inline CountingWords operator<<(const CountingWords& a, int bits) {
  return CountingWords(a.value << bits);
}

// Both have nearly all operations in common, which the compiler does once.
inline void SineCosine(const CountingLanes& x, CountingLanes* sine,
                       CountingLanes* cosine) {
  *sine = Sin(x);
  cosine->value = Cos(x.value);
}

}  // namespace KMYRIAD_LANES_NAMESPACE
}  // namespace kmyriad

#endif  // KMYRIAD_TESTS_BENCHMARK_PHYSICS_STAGES_COUNTING_LANES_H_
