#ifndef KMYRIAD_COMMON_MATH_LANES_DOUBLE_SCALAR_H_
#define KMYRIAD_COMMON_MATH_LANES_DOUBLE_SCALAR_H_

// Eight lanes of doubles without intrinsics; included by lanes_double.h only.

#include <cstdint>

namespace kmyriad {
inline namespace KMYRIAD_LANES_NAMESPACE {

struct DoubleMask {
  bool lane[8];
};
struct DoubleLanes {
  double lane[8];
  DoubleLanes() = default;
  KMYRIAD_LANE_FUNCTION explicit DoubleLanes(double value) {
    for (double& l : lane) l = value;
  }
};
// Result type R of `body(i)` for the eight lanes.
template <class R, class Body>
KMYRIAD_LANE_FUNCTION R EachDouble(Body body) {
  R result;
  for (int i = 0; i < 8; ++i) result.lane[i] = body(i);
  return result;
}
#define KMYRIAD_DOUBLE_UNARY(name, instruction)                             \
  KMYRIAD_LANE_FUNCTION DoubleLanes name(const DoubleLanes& a) {            \
    return EachDouble<DoubleLanes>([&](int i) { return name(a.lane[i]); }); \
  }
#define KMYRIAD_DOUBLE_BINARY(name, instruction)                            \
  KMYRIAD_LANE_FUNCTION DoubleLanes name(const DoubleLanes& a,              \
                                         const DoubleLanes& b) {            \
    return EachDouble<DoubleLanes>(                                         \
        [&](int i) { return Double_##instruction(a.lane[i], b.lane[i]); }); \
  }
#define KMYRIAD_DOUBLE_COMPARE(name, predicate)                 \
  KMYRIAD_LANE_FUNCTION DoubleMask name(const DoubleLanes& a,   \
                                        const DoubleLanes& b) { \
    return EachDouble<DoubleMask>(                              \
        [&](int i) { return name(a.lane[i], b.lane[i]); });     \
  }
#define KMYRIAD_DOUBLE_MASK(name, op, instruction)             \
  KMYRIAD_LANE_FUNCTION DoubleMask name(const DoubleMask& a,   \
                                        const DoubleMask& b) { \
    return EachDouble<DoubleMask>(                             \
        [&](int i) { return (a.lane[i] op b.lane[i]) != 0; }); \
  }
KMYRIAD_LANE_FUNCTION double Double_add(double a, double b) { return a + b; }
KMYRIAD_LANE_FUNCTION double Double_sub(double a, double b) { return a - b; }
KMYRIAD_LANE_FUNCTION double Double_mul(double a, double b) { return a * b; }
KMYRIAD_LANE_FUNCTION double Double_div(double a, double b) { return a / b; }
KMYRIAD_LANE_FUNCTION double Double_max(double a, double b) {
  return Max(a, b);
}
KMYRIAD_LANE_FUNCTION double Double_min(double a, double b) {
  return Min(a, b);
}
KMYRIAD_LANE_FUNCTION DoubleMask operator!(const DoubleMask& a) {
  return EachDouble<DoubleMask>([&](int i) { return !a.lane[i]; });
}
KMYRIAD_LANE_FUNCTION DoubleLanes Load(const double* p) {
  return EachDouble<DoubleLanes>([=](int i) { return p[i]; });
}
KMYRIAD_LANE_FUNCTION void Store(const DoubleLanes& a, double* p) {
  for (int i = 0; i < 8; ++i) p[i] = a.lane[i];
}
KMYRIAD_LANE_FUNCTION DoubleLanes Fma(const DoubleLanes& a,
                                      const DoubleLanes& b,
                                      const DoubleLanes& c) {
  return EachDouble<DoubleLanes>(
      [&](int i) { return Fma(a.lane[i], b.lane[i], c.lane[i]); });
}
KMYRIAD_LANE_FUNCTION DoubleLanes Select(const DoubleMask& mask,
                                         const DoubleLanes& yes,
                                         const DoubleLanes& no) {
  return EachDouble<DoubleLanes>(
      [&](int i) { return mask.lane[i] ? yes.lane[i] : no.lane[i]; });
}
KMYRIAD_LANE_FUNCTION DoubleMask EightDoublesOfBits(uint32_t bits) {
  return EachDouble<DoubleMask>([=](int i) { return ((bits >> i) & 1) != 0; });
}
KMYRIAD_LANE_FUNCTION uint32_t BitsOfMask(const DoubleMask& mask) {
  uint32_t bits = 0;
  for (int i = 0; i < 8; ++i) bits |= (mask.lane[i] ? 1u : 0u) << i;
  return bits;
}

}  // namespace KMYRIAD_LANES_NAMESPACE
}  // namespace kmyriad

#endif  // KMYRIAD_COMMON_MATH_LANES_DOUBLE_SCALAR_H_
