#ifndef KMYRIAD_ACTOR_PHYSICS_SIMD_VECTOR_MATH_H_
#define KMYRIAD_ACTOR_PHYSICS_SIMD_VECTOR_MATH_H_

// Vectors, rotations and spatial algebra over lanes. Products are fused.

#include "actor/physics/simd/step_workspace.h"
#include "common/math/sine_cosine.h"

namespace kmyriad {
inline namespace KMYRIAD_LANES_NAMESPACE {

template <class F>
KMYRIAD_LANE_FUNCTION Vector3<F> Constant(const ScalarOf<F>* a) {
  return {{F(a[0]), F(a[1]), F(a[2])}};
}

template <class F>
KMYRIAD_LANE_FUNCTION Vector3<F> Add(const Vector3<F>& a, const Vector3<F>& b) {
  return {{a[0] + b[0], a[1] + b[1], a[2] + b[2]}};
}

template <class F>
KMYRIAD_LANE_FUNCTION Vector3<F> Cross(const Vector3<F>& a,
                                       const Vector3<F>& b) {
  return {{Fma(a[1], b[2], F(0) - a[2] * b[1]),
           Fma(a[2], b[0], F(0) - a[0] * b[2]),
           Fma(a[0], b[1], F(0) - a[1] * b[0])}};
}

// Matrix (row-major 3 x 3) times vector.
template <class F>
KMYRIAD_LANE_FUNCTION Vector3<F> Rotate(const F m[9], const Vector3<F>& a) {
  Vector3<F> result;
  for (int i = 0; i < 3; ++i) {
    result[i] =
        Fma(m[3 * i + 2], a[2], Fma(m[3 * i + 1], a[1], m[3 * i] * a[0]));
  }
  return result;
}

template <class F>
KMYRIAD_LANE_FUNCTION void MultiplyQuaternions(const F a[4], const F b[4],
                                               F result[4]) {
  const F w = Fma(F(0) - a[3], b[3],
                  Fma(F(0) - a[2], b[2], Fma(F(0) - a[1], b[1], a[0] * b[0])));
  const F x =
      Fma(F(0) - a[3], b[2], Fma(a[2], b[3], Fma(a[1], b[0], a[0] * b[1])));
  const F y =
      Fma(a[3], b[1], Fma(a[2], b[0], Fma(F(0) - a[1], b[3], a[0] * b[2])));
  const F z =
      Fma(a[3], b[0], Fma(F(0) - a[2], b[1], Fma(a[1], b[2], a[0] * b[3])));
  result[0] = w;
  result[1] = x;
  result[2] = y;
  result[3] = z;
}

// Scales to length one; no length gives the identity.
template <class F>
KMYRIAD_LANE_FUNCTION void NormalizeQuaternion(F q[4]) {
  const F squared =
      Fma(q[3], q[3], Fma(q[2], q[2], Fma(q[1], q[1], q[0] * q[0])));
  const F length = Sqrt(squared);
  const MaskOf<F> none = Less(length, TinyLength<F>());
  const F inverse = F(1) / Select(none, F(1), length);
  for (int i = 0; i < 4; ++i) {
    q[i] = Select(none, F(i == 0 ? 1 : 0), q[i] * inverse);
  }
}

template <class F>
KMYRIAD_LANE_FUNCTION void MatrixOfQuaternion(const F q[4], F m[9]) {
  const F two = F(2);
  const F x2 = q[1] * two, y2 = q[2] * two, z2 = q[3] * two;
  const F wx = q[0] * x2, wy = q[0] * y2, wz = q[0] * z2;
  const F xx = q[1] * x2, yy = q[2] * y2, zz = q[3] * z2;
  const F xy = q[1] * y2, xz = q[1] * z2, yz = q[2] * z2;
  m[0] = F(1) - (yy + zz);
  m[1] = xy - wz;
  m[2] = xz + wy;
  m[3] = xy + wz;
  m[4] = F(1) - (xx + zz);
  m[5] = yz - wx;
  m[6] = xz - wy;
  m[7] = yz + wx;
  m[8] = F(1) - (xx + yy);
}

// Quaternion of a turn by `angle` around a unit axis.
template <class F>
KMYRIAD_LANE_FUNCTION void QuaternionOfTurn(const Vector3<F>& axis, F angle,
                                            F q[4]) {
  F sine;
  SineCosine(angle * F(0.5), &sine, &q[0]);
  for (int i = 0; i < 3; ++i) q[i + 1] = axis[i] * sine;
}

template <class F>
KMYRIAD_LANE_FUNCTION Vector3<F> AngularPart(const Spatial<F>& a) {
  return {{a[0], a[1], a[2]}};
}

template <class F>
KMYRIAD_LANE_FUNCTION Vector3<F> LinearPart(const Spatial<F>& a) {
  return {{a[3], a[4], a[5]}};
}

template <class F>
KMYRIAD_LANE_FUNCTION Spatial<F> Join(const Vector3<F>& angular,
                                      const Vector3<F>& linear) {
  return {
      {angular[0], angular[1], angular[2], linear[0], linear[1], linear[2]}};
}

// a * b + c.
template <class F>
KMYRIAD_LANE_FUNCTION Spatial<F> AddScaled(const Spatial<F>& a, F b,
                                           const Spatial<F>& c) {
  Spatial<F> result;
  for (int i = 0; i < 6; ++i) result[i] = Fma(a[i], b, c[i]);
  return result;
}

template <class F>
KMYRIAD_LANE_FUNCTION F Dot(const Spatial<F>& a, const Spatial<F>& b) {
  F sum = a[0] * b[0];
  for (int i = 1; i < 6; ++i) sum = Fma(a[i], b[i], sum);
  return sum;
}

// Motion of `b` in a frame that moves with `a`.
template <class F>
KMYRIAD_LANE_FUNCTION Spatial<F> CrossMotion(const Spatial<F>& a,
                                             const Spatial<F>& b) {
  const Vector3<F> angular = Cross(AngularPart(a), AngularPart(b));
  const Vector3<F> linear = Add(Cross(AngularPart(a), LinearPart(b)),
                                Cross(LinearPart(a), AngularPart(b)));
  return Join(angular, linear);
}

// The same for a force `b`.
template <class F>
KMYRIAD_LANE_FUNCTION Spatial<F> CrossForce(const Spatial<F>& a,
                                            const Spatial<F>& b) {
  const Vector3<F> angular = Add(Cross(AngularPart(a), AngularPart(b)),
                                 Cross(LinearPart(a), LinearPart(b)));
  return Join(angular, Cross(AngularPart(a), LinearPart(b)));
}

// Momentum of a body of inertia `i` that moves with `a`.
template <class F>
KMYRIAD_LANE_FUNCTION Spatial<F> Momentum(const SpatialInertia<F>& inertia,
                                          const Spatial<F>& a) {
  const F* i = inertia.x;
  Spatial<F> p;
  p[0] = Fma(
      i[7], a[5],
      Fma(F(0) - i[8], a[4], Fma(i[4], a[2], Fma(i[3], a[1], i[0] * a[0]))));
  p[1] = Fma(
      i[8], a[3],
      Fma(F(0) - i[6], a[5], Fma(i[5], a[2], Fma(i[1], a[1], i[3] * a[0]))));
  p[2] = Fma(
      i[6], a[4],
      Fma(F(0) - i[7], a[3], Fma(i[2], a[2], Fma(i[5], a[1], i[4] * a[0]))));
  p[3] = Fma(i[9], a[3], Fma(i[8], a[1], F(0) - i[7] * a[2]));
  p[4] = Fma(i[9], a[4], Fma(i[6], a[2], F(0) - i[8] * a[0]));
  p[5] = Fma(i[9], a[5], Fma(i[7], a[0], F(0) - i[6] * a[1]));
  // Offsets stand at 6..8 as x, y, z; the angular rows cross them with the
  // linear motion.
  return p;
}

}  // namespace KMYRIAD_LANES_NAMESPACE
}  // namespace kmyriad

#endif  // KMYRIAD_ACTOR_PHYSICS_SIMD_VECTOR_MATH_H_
