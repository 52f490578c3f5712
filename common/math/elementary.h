#ifndef KMYRIAD_COMMON_MATH_ELEMENTARY_H_
#define KMYRIAD_COMMON_MATH_ELEMENTARY_H_

// Elementary functions of our own, because the C library's differ between
// machines and instruction sets. Each is a template over float and FloatLanes
// (lanes.h), branch-free, and gives the same bits in both and at every level.
//
//   function    arguments            error, units in the last place
//   Exp         all floats           <= 2, subnormal results included
//   Log         all floats           <= 2; Log(0) = -inf, Log(x < 0) = NaN
//   Log1p       [0, 1]               <= 2
//   Softplus    all floats           <= 2 = log(1 + exp(x))
//   Tanh        all floats           <= 2
//   Sin, Cos    |x| <= 32768         <= 2, relative, also beside their zeros
//
// NaN gives NaN. Beyond the range of Sin and Cos the result is finite and
// deterministic but not accurate. Coefficients are minimax fits (Remez) of the
// relative error over the reduced interval, rounded to float.

#include "common/math/lanes.h"

namespace kmyriad {
inline namespace KMYRIAD_LANES_NAMESPACE {

// Adding and subtracting 1.5 * 2^23 rounds |x| < 2^22 to an integer, which
// then stands in the low bits.
inline constexpr float kRoundingShift = 12582912.0f;
inline constexpr uint32_t kRoundingShiftBits = 0x4B400000u;

// The integer nearest to `x` (|x| < 2^22, ties to even) as float and as word.
template <class F>
KMYRIAD_LANE_FUNCTION F RoundToInteger(F x,
                                       typename LaneTraits<F>::Word* word) {
  using Word = typename LaneTraits<F>::Word;
  const F shifted = x + F(kRoundingShift);
  *word = BitsOf(shifted) - Word(kRoundingShiftBits);
  return shifted - F(kRoundingShift);
}

// |x|.
template <class F>
KMYRIAD_LANE_FUNCTION F Abs(F x) {
  using Word = typename LaneTraits<F>::Word;
  return FloatOfBits(BitsOf(x) & Word(0x7FFFFFFFu));
}

// `magnitude` (not negative) with the sign of `sign`.
template <class F>
KMYRIAD_LANE_FUNCTION F WithSign(F magnitude, F sign) {
  using Word = typename LaneTraits<F>::Word;
  return FloatOfBits(BitsOf(magnitude) | (BitsOf(sign) & Word(0x80000000u)));
}

// Constants of the reductions: parts of ln 2 and pi/2, high to low. The high
// part of ln 2 has 16 bits, so that its product with an exponent is exact.
inline constexpr float kLn2High = 0x1.62e4p-1f;
inline constexpr float kLn2Low = 0x1.7f7d1cp-20f;
inline constexpr float kLog2E = 0x1.715476p+0f;
inline constexpr float kHalfPi1 = 0x1.921fb6p+0f;
inline constexpr float kHalfPi2 = -0x1.777a5cp-25f;
inline constexpr float kHalfPi3 = -0x1.ee59dap-50f;
inline constexpr float kTwoOverPi = 0x1.45f306p-1f;
inline constexpr float kTwoPi = 0x1.921fb6p+2f;

template <class F>
KMYRIAD_LANE_FUNCTION F Exp(F x) {
  using Word = typename LaneTraits<F>::Word;
  // Beyond these bounds the result is 0 or infinity anyway. The argument
  // stands second, so that NaN passes.
  x = Min(F(90.0f), Max(F(-110.0f), x));
  Word n;
  const F rounded = RoundToInteger(x * F(kLog2E), &n);
  F r = Fma(rounded, F(-kLn2High), x);
  r = Fma(rounded, F(-kLn2Low), r);
  F p = F(0.00138144719f);
  p = Fma(p, r, F(0.00836878084f));
  p = Fma(p, r, F(0.0416683927f));
  p = Fma(p, r, F(0.166665196f));
  p = Fma(p, r, F(0.49999994f));
  p = Fma(r * r, p, r) + F(1.0f);
  // 2^n in two factors: n may lie outside a float's exponents.
  Word half;
  RoundToInteger(rounded * F(0.5f), &half);
  const Word rest = n - half;
  const F scale1 = FloatOfBits((half + Word(127)) << 23);
  const F scale2 = FloatOfBits((rest + Word(127)) << 23);
  return (p * scale1) * scale2;
}

template <class F>
KMYRIAD_LANE_FUNCTION F Log(F x) {
  using Word = typename LaneTraits<F>::Word;
  const auto subnormal = Less(x, F(0x1p-126f));
  const F scaled = Select(subnormal, x * F(0x1p24f), x);
  // scaled = m 2^e with m in [sqrt(1/2), sqrt(2)); 0x3F3504F3 is sqrt(1/2).
  const Word bits = BitsOf(scaled);
  const Word biased = (bits - Word(0x3F3504F3u) + Word(0x40000000u)) >> 23;
  const F m = FloatOfBits(bits - ((biased - Word(128)) << 23));
  const F e = ToFloat(biased) - Select(subnormal, F(152.0f), F(128.0f));
  const F f = m - F(1.0f);
  const F f2 = f * f;
  // log(1 + f) = f - f^2 / 2 + f^3 P(f).
  F p = F(0.0691688731f);
  p = Fma(p, f, F(-0.117888778f));
  p = Fma(p, f, F(0.118717343f));
  p = Fma(p, f, F(-0.123844445f));
  p = Fma(p, f, F(0.142188579f));
  p = Fma(p, f, F(-0.16669251f));
  p = Fma(p, f, F(0.200022146f));
  p = Fma(p, f, F(-0.249999866f));
  p = Fma(p, f, F(0.333333105f));
  F y = Fma(e, F(kLn2Low), f * f2 * p);
  y = Fma(F(-0.5f), f2, y);
  y = Fma(e, F(kLn2High), f + y);
  y = Select(Less(F(0.0f), x), y, F(__builtin_nanf("")));
  y = Select(Equal(x, F(0.0f)), F(-__builtin_inff()), y);
  return Select(Equal(x, F(__builtin_inff())), x, y);
}

// log(1 + x) for x in [0, 1].
template <class F>
KMYRIAD_LANE_FUNCTION F Log1p(F x) {
  const F sum = F(1.0f) + x;
  // What rounding took from the sum, to first order.
  const F lost = x - (sum - F(1.0f));
  return Log(sum) + lost / sum;
}

// log(1 + exp(x)) = max(x, 0) + log1p(exp(-|x|)): no overflow.
template <class F>
KMYRIAD_LANE_FUNCTION F Softplus(F x) {
  return Max(F(0.0f), x) + Log1p(Exp(F(0.0f) - Abs(x)));
}

template <class F>
KMYRIAD_LANE_FUNCTION F Tanh(F x) {
  const F a = Abs(x);
  const F x2 = x * x;
  F p = F(0.00214741821f);
  p = Fma(p, x2, F(-0.00818258431f));
  p = Fma(p, x2, F(0.0217029508f));
  p = Fma(p, x2, F(-0.0539472066f));
  p = Fma(p, x2, F(0.133332103f));
  p = Fma(p, x2, F(-0.333333313f));
  const F near = Fma(a * x2, p, a);
  // Cancels less than half of its digits for a >= 0.625.
  const F far = F(1.0f) - F(2.0f) / (Exp(a + a) + F(1.0f));
  return WithSign(Select(Less(a, F(0.625f)), near, far), x);
}

// Sine (quarter = 0) or cosine (quarter = 1).
template <class F>
KMYRIAD_LANE_FUNCTION F SineOfQuarter(F x, uint32_t quarter) {
  using Word = typename LaneTraits<F>::Word;
  Word n;
  const F rounded = RoundToInteger(x * F(kTwoOverPi), &n);
  // The first step is exact; together the parts carry 72 bits of pi/2.
  F r = Fma(rounded, F(-kHalfPi1), x);
  r = Fma(rounded, F(-kHalfPi2), r);
  r = Fma(rounded, F(-kHalfPi3), r);
  const F r2 = r * r;
  F s = F(2.71824115e-06f);
  s = Fma(s, r2, F(-0.000198393274f));
  s = Fma(s, r2, F(0.00833332911f));
  s = Fma(s, r2, F(-0.166666672f));
  s = Fma(r * r2, s, r);
  F c = F(-2.72098134e-07f);
  c = Fma(c, r2, F(2.47995158e-05f));
  c = Fma(c, r2, F(-0.00138888834f));
  c = Fma(c, r2, F(0.0416666679f));
  c = Fma(r2 * r2, c, Fma(F(-0.5f), r2, F(1.0f)));
  const Word turn = n + Word(quarter);
  // Odd quarters take the cosine, the second bit turns the sign.
  const F odd = ToFloat(turn & Word(1));
  const F value = Select(Equal(odd, F(1.0f)), c, s);
  return FloatOfBits(BitsOf(value) ^ ((turn & Word(2)) << 30));
}

template <class F>
KMYRIAD_LANE_FUNCTION F Sin(F x) {
  return SineOfQuarter(x, 0);
}

template <class F>
KMYRIAD_LANE_FUNCTION F Cos(F x) {
  return SineOfQuarter(x, 1);
}

// Two independent normal numbers from two uniform ones in (0, 1) (Box and
// Muller, Ann. Math. Stat. 29, 1958).
template <class F>
KMYRIAD_LANE_FUNCTION void BoxMuller(F uniform1, F uniform2, F* first,
                                     F* second) {
  const F radius = Sqrt(F(-2.0f) * Log(uniform1));
  const F angle = F(kTwoPi) * uniform2;
  *first = radius * Cos(angle);
  *second = radius * Sin(angle);
}

}  // namespace KMYRIAD_LANES_NAMESPACE
}  // namespace kmyriad

#endif  // KMYRIAD_COMMON_MATH_ELEMENTARY_H_
