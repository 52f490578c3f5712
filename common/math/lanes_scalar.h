#ifndef KMYRIAD_COMMON_MATH_LANES_SCALAR_H_
#define KMYRIAD_COMMON_MATH_LANES_SCALAR_H_

// Sixteen lanes without intrinsics; included by lanes.h only. Any compiler,
// any machine.

#include <cstdint>

namespace kmyriad {
inline namespace KMYRIAD_LANES_NAMESPACE {

struct LaneMask {
  bool lane[16];
};

// Masks combine like bool: & | ^ !.
#define KMYRIAD_LANES_MASK(op)                                    \
  KMYRIAD_LANE_FUNCTION LaneMask operator op(const LaneMask& a,   \
                                             const LaneMask& b) { \
    LaneMask result;                                              \
    for (int i = 0; i < 16; ++i) {                                \
      result.lane[i] = (a.lane[i] op b.lane[i]) != 0;             \
    }                                                             \
    return result;                                                \
  }
KMYRIAD_LANES_MASK(&)
KMYRIAD_LANES_MASK(|)
KMYRIAD_LANES_MASK(^)
#undef KMYRIAD_LANES_MASK
KMYRIAD_LANE_FUNCTION LaneMask operator!(const LaneMask& a) {
  LaneMask result;
  for (int i = 0; i < 16; ++i) result.lane[i] = !a.lane[i];
  return result;
}

struct WordLanes {
  uint32_t lane[16];
  WordLanes() = default;
  KMYRIAD_LANE_FUNCTION explicit WordLanes(uint32_t value) {
    for (uint32_t& l : lane) l = value;
  }
};

struct FloatLanes {
  float lane[16];
  FloatLanes() = default;
  KMYRIAD_LANE_FUNCTION explicit FloatLanes(float value) {
    for (float& l : lane) l = value;
  }
};

template <>
struct LaneTraits<FloatLanes> {
  using Scalar = float;
  using Mask = LaneMask;
  using Word = WordLanes;
  static constexpr int kLanes = 16;
};

template <>
KMYRIAD_LANE_FUNCTION LaneMask MaskOfBits<FloatLanes>(uint32_t bits) {
  LaneMask result;
  for (int i = 0; i < 16; ++i) result.lane[i] = ((bits >> i) & 1) != 0;
  return result;
}
KMYRIAD_LANE_FUNCTION uint32_t BitsOfMask(const LaneMask& mask) {
  uint32_t bits = 0;
  for (int i = 0; i < 16; ++i) bits |= (mask.lane[i] ? 1u : 0u) << i;
  return bits;
}

// Result type R of `body(i)` for the sixteen lanes.
template <class R, class Body>
KMYRIAD_LANE_FUNCTION R EachLane(Body body) {
  R result;
  for (int i = 0; i < 16; ++i) result.lane[i] = body(i);
  return result;
}

KMYRIAD_LANE_FUNCTION FloatLanes Load(const float* p) {
  return EachLane<FloatLanes>([=](int i) { return p[i]; });
}
KMYRIAD_LANE_FUNCTION WordLanes Load(const uint32_t* p) {
  return EachLane<WordLanes>([=](int i) { return p[i]; });
}
// p[0..3], each in all lanes.
KMYRIAD_LANE_FUNCTION void BroadcastFour(const float* p, FloatLanes four[4]) {
  for (int i = 0; i < 4; ++i) four[i] = FloatLanes(p[i]);
}
KMYRIAD_LANE_FUNCTION void Store(const FloatLanes& a, float* p) {
  for (int i = 0; i < 16; ++i) p[i] = a.lane[i];
}
KMYRIAD_LANE_FUNCTION void Store(const WordLanes& a, uint32_t* p) {
  for (int i = 0; i < 16; ++i) p[i] = a.lane[i];
}

#define KMYRIAD_LANES_BINARY(Type, op)                                    \
  KMYRIAD_LANE_FUNCTION Type operator op(const Type& a, const Type& b) {  \
    return EachLane<Type>([&](int i) { return a.lane[i] op b.lane[i]; }); \
  }
KMYRIAD_LANES_BINARY(FloatLanes, +)
KMYRIAD_LANES_BINARY(FloatLanes, -)
KMYRIAD_LANES_BINARY(FloatLanes, *)
KMYRIAD_LANES_BINARY(FloatLanes, /)
KMYRIAD_LANES_BINARY(WordLanes, +)
KMYRIAD_LANES_BINARY(WordLanes, -)
KMYRIAD_LANES_BINARY(WordLanes, &)
KMYRIAD_LANES_BINARY(WordLanes, |)
KMYRIAD_LANES_BINARY(WordLanes, ^)
#undef KMYRIAD_LANES_BINARY

KMYRIAD_LANE_FUNCTION WordLanes operator<<(const WordLanes& a, int bits) {
  return EachLane<WordLanes>([&](int i) { return a.lane[i] << bits; });
}
KMYRIAD_LANE_FUNCTION WordLanes operator>>(const WordLanes& a, int bits) {
  return EachLane<WordLanes>([&](int i) { return a.lane[i] >> bits; });
}

KMYRIAD_LANE_FUNCTION FloatLanes Fma(const FloatLanes& a, const FloatLanes& b,
                                     const FloatLanes& c) {
  return EachLane<FloatLanes>(
      [&](int i) { return Fma(a.lane[i], b.lane[i], c.lane[i]); });
}
KMYRIAD_LANE_FUNCTION FloatLanes Sqrt(const FloatLanes& a) {
  return EachLane<FloatLanes>([&](int i) { return Sqrt(a.lane[i]); });
}
KMYRIAD_LANE_FUNCTION FloatLanes Max(const FloatLanes& a, const FloatLanes& b) {
  return EachLane<FloatLanes>([&](int i) { return Max(a.lane[i], b.lane[i]); });
}
KMYRIAD_LANE_FUNCTION FloatLanes Min(const FloatLanes& a, const FloatLanes& b) {
  return EachLane<FloatLanes>([&](int i) { return Min(a.lane[i], b.lane[i]); });
}
KMYRIAD_LANE_FUNCTION LaneMask Less(const FloatLanes& a, const FloatLanes& b) {
  return EachLane<LaneMask>([&](int i) { return a.lane[i] < b.lane[i]; });
}
KMYRIAD_LANE_FUNCTION LaneMask Equal(const FloatLanes& a, const FloatLanes& b) {
  return EachLane<LaneMask>([&](int i) { return a.lane[i] == b.lane[i]; });
}
KMYRIAD_LANE_FUNCTION FloatLanes Select(const LaneMask& mask,
                                        const FloatLanes& yes,
                                        const FloatLanes& no) {
  return EachLane<FloatLanes>(
      [&](int i) { return mask.lane[i] ? yes.lane[i] : no.lane[i]; });
}
KMYRIAD_LANE_FUNCTION WordLanes BitsOf(const FloatLanes& a) {
  return EachLane<WordLanes>([&](int i) { return BitsOf(a.lane[i]); });
}
KMYRIAD_LANE_FUNCTION FloatLanes FloatOfBits(const WordLanes& a) {
  return EachLane<FloatLanes>([&](int i) { return FloatOfBits(a.lane[i]); });
}
KMYRIAD_LANE_FUNCTION FloatLanes ToFloat(const WordLanes& a) {
  return EachLane<FloatLanes>([&](int i) { return ToFloat(a.lane[i]); });
}
KMYRIAD_LANE_FUNCTION void Multiply(const WordLanes& a, const WordLanes& b,
                                    WordLanes* high, WordLanes* low) {
  for (int i = 0; i < 16; ++i) {
    Multiply(a.lane[i], b.lane[i], &high->lane[i], &low->lane[i]);
  }
}

}  // namespace KMYRIAD_LANES_NAMESPACE
}  // namespace kmyriad

#endif  // KMYRIAD_COMMON_MATH_LANES_SCALAR_H_
