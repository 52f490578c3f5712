#ifndef KMYRIAD_COMMON_MATH_SINE_COSINE_H_
#define KMYRIAD_COMMON_MATH_SINE_COSINE_H_

// Sine and cosine of one angle, in single and in double precision, with the
// same bits in every lane type of a precision.

#include <type_traits>

#include "common/math/elementary.h"

namespace kmyriad {
inline namespace KMYRIAD_LANES_NAMESPACE {

// In double precision: |x| <= 2^20, at most 1 unit in the last place off,
// relative, except beside zeros far from 0. The polynomials are those of
// fdlibm's kernels on [-pi/4, pi/4]. NaN gives NaN.
template <class F>
KMYRIAD_LANE_FUNCTION void SineCosineDouble(F x, F* sine, F* cosine) {
  const F shift = F(0x1.8p52);
  const F quarters = (x * F(0x1.45f306dc9c883p-1) + shift) - shift;
  F r = Fma(quarters, F(-0x1.921fb54442d18p+0), x);
  r = Fma(quarters, F(-0x1.1a62633145c07p-54), r);
  const F r2 = r * r;
  F s = F(1.58969099521155010221e-10);
  s = Fma(s, r2, F(-2.50507602534068634195e-08));
  s = Fma(s, r2, F(2.75573137070700676789e-06));
  s = Fma(s, r2, F(-1.98412698298579493134e-04));
  s = Fma(s, r2, F(8.33333333332248946124e-03));
  s = Fma(s, r2, F(-1.66666666666666324348e-01));
  s = Fma(r * r2, s, r);
  F c = F(-1.13596475577881948265e-11);
  c = Fma(c, r2, F(2.08757232129817482790e-09));
  c = Fma(c, r2, F(-2.75573143513906633035e-07));
  c = Fma(c, r2, F(2.48015872894767294178e-05));
  c = Fma(c, r2, F(-1.38888888888741095749e-03));
  c = Fma(c, r2, F(4.16666666666666019037e-02));
  // 1 - r2 / 2, and what its rounding lost.
  const F half = r2 * F(0.5), one = F(1) - half;
  const F lost = (F(1) - one) - half;
  c = one + Fma(r2 * r2, c, lost);
  // The quarter modulo 4 as -2, -1, 0, 1 or 2.
  const F turn = quarters - F(4) * ((quarters * F(0.25) + shift) - shift);
  const F turn2 = turn * turn;
  const auto odd = Equal(turn2, F(1));
  const auto back = Equal(turn2, F(4));
  const auto down = Equal(turn, F(-1));
  const F even_sine = Select(back, F(0) - s, s);
  const F even_cosine = Select(back, F(0) - c, c);
  const F sign = Select(down, F(-1), F(1));
  *sine = Select(odd, c * sign, even_sine);
  *cosine = Select(odd, F(0) - s * sign, even_cosine);
}

template <class F>
KMYRIAD_LANE_FUNCTION void SineCosine(F x, F* sine, F* cosine) {
  if constexpr (std::is_same_v<typename LaneTraits<F>::Scalar, double>) {
    SineCosineDouble(x, sine, cosine);
  } else {
    *sine = Sin(x);
    *cosine = Cos(x);
  }
}

}  // namespace KMYRIAD_LANES_NAMESPACE
}  // namespace kmyriad

#endif  // KMYRIAD_COMMON_MATH_SINE_COSINE_H_
