#ifndef KMYRIAD_ACTOR_PHYSICS_SIMD_COLLISION_H_
#define KMYRIAD_ACTOR_PHYSICS_SIMD_COLLISION_H_

// Contacts of spheres and capsules with a plane and with axis-aligned boxes, as
// MuJoCo C 3.17.0 finds them: the same features, the same number of contacts,
// the same order (reference/physics.md 2.4, 2.5). Templates over a lane type F
// (float, double and lanes of them); branch-free on lane data. Lengths in
// metres.
//
// In double the operations and their order are those of the engine, each
// rounded on its own, so that ties fall as they fall there. In single precision
// products are fused.

#include <type_traits>

#include "common/math/lanes.h"

namespace kmyriad {
inline namespace KMYRIAD_LANES_NAMESPACE {

// Whether F is a double or lanes of doubles.
template <class F>
inline constexpr bool kIsDouble =
    std::is_same_v<typename LaneTraits<F>::Scalar, double>;

// Lengths below this count as zero in the engine.
template <class F>
KMYRIAD_LANE_FUNCTION F TinyLength() {
  return F(static_cast<typename LaneTraits<F>::Scalar>(1e-15));
}

template <class F>
using MaskOf = decltype(Less(F{}, F{}));

template <class F>
struct Vector3 {
  F x[3];
  KMYRIAD_LANE_FUNCTION F& operator[](int i) { return x[i]; }
  KMYRIAD_LANE_FUNCTION const F& operator[](int i) const { return x[i]; }
};

// Capsule around the segment position +- half_length * axis. |axis| = 1. A
// sphere leaves axis and half_length unused.
template <class F>
struct RoundGeom {
  Vector3<F> position;
  Vector3<F> axis;
  F radius;
  F half_length;
};

// Axis-aligned box, in the frame of the RoundGeom's position.
template <class F>
struct BoxGeom {
  Vector3<F> center;
  Vector3<F> half;
};

// A contact where `valid`; elsewhere the numbers mean nothing, but that of a
// contact which is only too far away has its distance. The normal is of length
// one; it points from the plane, or from the round geom to the box.
// `seed` is the direction that the first tangent leans to, zero if there is
// none (CompleteFrame).
template <class F>
struct ContactPoint {
  MaskOf<F> valid;
  F distance;  // between the surfaces; negative in penetration
  Vector3<F> position;
  Vector3<F> normal;
  Vector3<F> seed;
};

// a * b + c: rounded once in single precision, twice in double.
template <class F>
KMYRIAD_LANE_FUNCTION F MultiplyAdd(F a, F b, F c) {
  if constexpr (kIsDouble<F>) {
    return a * b + c;
  } else {
    return Fma(a, b, c);
  }
}

template <class F>
KMYRIAD_LANE_FUNCTION F Dot(const Vector3<F>& a, const Vector3<F>& b) {
  return MultiplyAdd(a[2], b[2], MultiplyAdd(a[1], b[1], a[0] * b[0]));
}

// a + scale * b.
template <class F>
KMYRIAD_LANE_FUNCTION Vector3<F> AddScaled(const Vector3<F>& a, F scale,
                                           const Vector3<F>& b) {
  return {{MultiplyAdd(b[0], scale, a[0]), MultiplyAdd(b[1], scale, a[1]),
           MultiplyAdd(b[2], scale, a[2])}};
}

template <class F>
KMYRIAD_LANE_FUNCTION Vector3<F> Subtract(const Vector3<F>& a,
                                          const Vector3<F>& b) {
  return {{a[0] - b[0], a[1] - b[1], a[2] - b[2]}};
}

template <class F>
KMYRIAD_LANE_FUNCTION Vector3<F> SelectVector(const MaskOf<F>& mask,
                                              const Vector3<F>& yes,
                                              const Vector3<F>& no) {
  return {{Select(mask, yes[0], no[0]), Select(mask, yes[1], no[1]),
           Select(mask, yes[2], no[2])}};
}

template <class F>
KMYRIAD_LANE_FUNCTION F Magnitude(F a) {
  return Max(a, F(0) - a);
}

// Scales *a to length one and returns the length it had; a vector of no length
// becomes (1, 0, 0).
template <class F>
KMYRIAD_LANE_FUNCTION F Normalize(Vector3<F>* a) {
  const F length = Sqrt(Dot(*a, *a));
  const MaskOf<F> none = Less(length, TinyLength<F>());
  const F inverse = F(1) / Select(none, F(1), length);
  for (int i = 0; i < 3; ++i) {
    (*a)[i] = Select(none, F(i == 0 ? 1 : 0), (*a)[i] * inverse);
  }
  return length;
}

// The contact's axes: frame[0] the normal, frame[1] the seed made orthogonal,
// frame[2] their cross product. Without a seed world y, or z where the normal
// is steep in y.
template <class F>
KMYRIAD_LANE_FUNCTION void CompleteFrame(const Vector3<F>& normal,
                                         const Vector3<F>& seed,
                                         Vector3<F> frame[3]) {
  Vector3<F> x = normal;
  Normalize(&x);
  const MaskOf<F> unseeded = Less(Dot(seed, seed), F(0.25));
  const MaskOf<F> flat = Less(Magnitude(x[1]), F(0.5));
  const Vector3<F> fallback = {
      {F(0), Select(flat, F(1), F(0)), Select(flat, F(0), F(1))}};
  Vector3<F> y = SelectVector(unseeded, fallback, seed);
  const F along = Dot(x, y);
  for (int i = 0; i < 3; ++i) y[i] = y[i] - x[i] * along;
  Normalize(&y);
  frame[0] = x;
  frame[1] = y;
  for (int i = 0; i < 3; ++i) {
    const int j = (i + 1) % 3, k = (i + 2) % 3;
    frame[2][i] = x[j] * y[k] - x[k] * y[j];
  }
}

// Sphere of `radius` at `center` against the plane through `point`.
template <class F>
KMYRIAD_LANE_FUNCTION ContactPoint<F> CollidePlaneSphere(
    const Vector3<F>& point, const Vector3<F>& normal, const Vector3<F>& center,
    F radius, F margin) {
  ContactPoint<F> contact;
  const F height = Dot(Subtract(center, point), normal);
  contact.valid = !Less(margin + radius, height);
  contact.distance = height - radius;
  const F shift = (F(0) - contact.distance) * F(0.5) - radius;
  for (int i = 0; i < 3; ++i) {
    contact.position[i] = center[i] + normal[i] * shift;
    contact.seed[i] = F(0);
  }
  contact.normal = normal;
  return contact;
}

// Both end spheres against the plane, the one at +axis first; the axis seeds
// the tangent.
template <class F>
KMYRIAD_LANE_FUNCTION void CollidePlaneCapsule(const Vector3<F>& point,
                                               const Vector3<F>& normal,
                                               const RoundGeom<F>& capsule,
                                               F margin,
                                               ContactPoint<F> contacts[2]) {
  for (int end = 0; end < 2; ++end) {
    Vector3<F> center;
    for (int i = 0; i < 3; ++i) {
      const F reach = capsule.half_length * capsule.axis[i];
      center[i] =
          end == 0 ? capsule.position[i] + reach : capsule.position[i] - reach;
    }
    contacts[end] =
        CollidePlaneSphere(point, normal, center, capsule.radius, margin);
    contacts[end].seed = capsule.axis;
  }
}

// Sphere at `local`, relative to the box's centre, against the box. Inside,
// the nearest face counts (-x, +x, -y, ... where several are).
template <class F>
KMYRIAD_LANE_FUNCTION ContactPoint<F> CollideSphereBoxLocal(
    const Vector3<F>& local, F radius, const BoxGeom<F>& box, F margin) {
  Vector3<F> clamped;
  for (int i = 0; i < 3; ++i) {
    clamped[i] = Min(Max(local[i], F(0) - box.half[i]), box.half[i]);
  }
  Vector3<F> direction = Subtract(clamped, local);
  const F outside = Normalize(&direction);
  const MaskOf<F> within = !Less(TinyLength<F>(), outside);

  F closest = (box.half[0] + box.half[1] + box.half[2]) * F(2);
  Vector3<F> inward = {{F(0), F(0), F(0)}};
  for (int face = 0; face < 6; ++face) {
    const int axis = face / 2;
    const F plane = face % 2 == 0 ? F(0) - box.half[axis] : box.half[axis];
    const F depth = Magnitude(plane - local[axis]);
    const MaskOf<F> nearer = Less(depth, closest);
    closest = Select(nearer, depth, closest);
    for (int i = 0; i < 3; ++i) {
      const F unit = F(i == axis ? (face % 2 == 0 ? 1 : -1) : 0);
      inward[i] = Select(nearer, unit, inward[i]);
    }
  }

  ContactPoint<F> contact;
  contact.valid = !Less(margin, outside - radius);
  contact.distance = Select(within, F(0) - closest, outside) - radius;
  contact.normal = SelectVector(within, inward, direction);
  const F shift = (radius - closest) * F(0.5);
  for (int i = 0; i < 3; ++i) {
    const F deepest = MultiplyAdd(direction[i], radius, local[i]);
    const F midway = clamped[i] * F(0.5) + deepest * F(0.5);
    const F buried = MultiplyAdd(inward[i], shift, local[i]);
    contact.position[i] = Select(within, buried, midway) + box.center[i];
    contact.seed[i] = F(0);
  }
  return contact;
}

template <class F>
KMYRIAD_LANE_FUNCTION ContactPoint<F> CollideSphereBox(
    const RoundGeom<F>& sphere, const BoxGeom<F>& box, F margin) {
  return CollideSphereBoxLocal(Subtract(sphere.position, box.center),
                               sphere.radius, box, margin);
}

}  // namespace KMYRIAD_LANES_NAMESPACE
}  // namespace kmyriad

#endif  // KMYRIAD_ACTOR_PHYSICS_SIMD_COLLISION_H_
