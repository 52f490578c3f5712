#ifndef KMYRIAD_ACTOR_PHYSICS_SIMD_CAPSULE_BOX_H_
#define KMYRIAD_ACTOR_PHYSICS_SIMD_CAPSULE_BOX_H_

// Capsule against box: the feature of the box (face, edge, corner) nearest to
// the capsule's segment gives the first contact; a second one is put where the
// segment runs along that feature, cut at the box's border. Both are contacts
// of spheres on the segment (reference/physics.md 2.4).

#include "actor/physics/simd/collision.h"
#include "actor/physics/simd/nearest_feature.h"

namespace kmyriad {
inline namespace KMYRIAD_LANES_NAMESPACE {

// How far the second contact lies from the first along the segment, if the
// nearest feature is a corner.
template <class F>
KMYRIAD_LANE_FUNCTION F SecondFromCorner(const LocalSegment<F>& segment,
                                         const BoxGeom<F>& box,
                                         const NearestFeature<F>& nearest,
                                         MaskOf<F>* exists) {
  MaskOf<F> x[3];
  for (int i = 0; i < 3; ++i) x[i] = segment.forward[i] ^ nearest.corner[i];
  const MaskOf<F> two = (x[0] & x[1]) | (x[0] & x[2]) | (x[1] & x[2]);
  *exists = (x[0] | x[1] | x[2]) & (!(x[0] & x[1] & x[2]));
  const F ahead = F(1) - nearest.along, behind = F(1) + nearest.along;
  // The axis that differs from the other two.
  F cosine = F(0), edge_second = Select(two, behind, ahead);
  F face_second = Select(two, ahead, behind);
  for (int i = 0; i < 3; ++i) {
    const MaskOf<F> odd = x[i] ^ two;
    const F across = F(2) * box.half[i] / Magnitude(segment.reach[i]);
    cosine = Select(odd, segment.axis[i], cosine);
    edge_second = Select(odd, Min(across, edge_second), edge_second);
    face_second = Select(odd, face_second, Min(across, face_second));
  }
  const F sign = Select(two, F(-1), F(1));
  return Select(Less(F(0.5), cosine * cosine), edge_second * sign,
                face_second * (F(0) - sign));
}

// The same if it is the inside of an edge.
template <class F>
KMYRIAD_LANE_FUNCTION F SecondFromEdge(const LocalSegment<F>& segment,
                                       const BoxGeom<F>& box,
                                       const NearestFeature<F>& nearest,
                                       MaskOf<F>* exists) {
  F second = F(0);
  *exists = nearest.is_edge & (!nearest.is_edge);
  for (int j = 0; j < 3; ++j) {
    const int p = (j + 1) % 3, q = (j + 2) % 3;
    const MaskOf<F> xp = segment.forward[p] ^ nearest.corner[p];
    const MaskOf<F> xq = segment.forward[q] ^ nearest.corner[q];
    // The face with which the segment makes the smaller angle.
    const MaskOf<F> use_p =
        Less(Magnitude(segment.axis[q]), Magnitude(segment.axis[p]));
    const MaskOf<F> bit = (use_p & xp) | ((!use_p) & xq);
    const F half = Select(use_p, box.half[p], box.half[q]);
    const F reach = Select(use_p, segment.reach[p], segment.reach[q]);
    F s = Select(bit, F(1) - nearest.along, F(1) + nearest.along);
    s = Min(F(2) * half / Magnitude(reach), s);
    const F room = Select(segment.forward[j] ^ bit, F(1) + nearest.along_edge,
                          F(1) - nearest.along_edge);
    s = Min(box.half[j] * room / Magnitude(segment.reach[j]), s);
    second = Select(nearest.edge[j], Select(bit, s, F(0) - s), second);
    *exists = *exists | (nearest.edge[j] & (xp ^ xq));
  }
  return second;
}

// The same if it is a face.
template <class F>
KMYRIAD_LANE_FUNCTION F SecondFromFace(const LocalSegment<F>& segment,
                                       const BoxGeom<F>& box,
                                       const NearestFeature<F>& nearest,
                                       MaskOf<F>* exists) {
  const F direction = F(0) - nearest.along;
  F second = F(2);
  for (int i = 0; i < 3; ++i) {
    const F end =
        MultiplyAdd(segment.reach[i], nearest.along, segment.center[i]);
    for (int side = 0; side < 2; ++side) {
      const F plane = side == 0 ? box.half[i] : F(0) - box.half[i];
      const F s = (plane - end) / segment.reach[i] * direction;
      const MaskOf<F> shorter =
          Less(F(0), s) & Less(s, second) & (!nearest.face[i]);
      second = Select(shorter, s, second);
    }
  }
  *exists = nearest.face[0] | nearest.face[1] | nearest.face[2];
  return second * direction;
}

// At most two contacts; the second is never valid without a second place on
// the segment.
template <class F>
KMYRIAD_LANE_FUNCTION void CollideCapsuleBox(const RoundGeom<F>& capsule,
                                             const BoxGeom<F>& box, F margin,
                                             ContactPoint<F> contacts[2]) {
  LocalSegment<F> segment;
  segment.center = Subtract(capsule.position, box.center);
  segment.axis = capsule.axis;
  segment.half_length = capsule.half_length;
  for (int i = 0; i < 3; ++i) {
    segment.reach[i] = capsule.axis[i] * capsule.half_length;
    segment.forward[i] = Less(F(0), segment.reach[i]);
  }
  NearestFeature<F> nearest;
  // Farther than any feature of a box that the capsule can touch.
  const F far = margin + F(2) * (capsule.radius + capsule.half_length +
                                 box.half[0] + box.half[1] + box.half[2]);
  nearest.squared_distance = far * far;
  nearest.along = F(0);
  nearest.along_edge = F(0);
  const MaskOf<F> none = Less(F(0), F(0));
  nearest.found = nearest.is_edge = nearest.is_corner = none;
  for (int i = 0; i < 3; ++i) {
    nearest.face[i] = nearest.edge[i] = nearest.corner[i] = none;
  }
  VisitEnds(segment, box, &nearest);
  VisitEdges(segment, box, &nearest);

  MaskOf<F> at_corner, at_edge, at_face;
  const F corner = SecondFromCorner(segment, box, nearest, &at_corner);
  const F edge = SecondFromEdge(segment, box, nearest, &at_edge);
  const F face = SecondFromFace(segment, box, nearest, &at_face);
  const MaskOf<F> inner_edge = nearest.is_edge & (!nearest.is_corner);
  const F offset =
      Select(nearest.is_edge, Select(nearest.is_corner, corner, edge), face);
  const MaskOf<F> exists = (nearest.is_corner & at_corner) |
                           (inner_edge & at_edge) |
                           ((!nearest.is_edge) & at_face);
  for (int k = 0; k < 2; ++k) {
    const F along = k == 0 ? nearest.along : offset + nearest.along;
    Vector3<F> local = AddScaled(segment.center, along, segment.reach);
    if constexpr (kIsDouble<F>) {
      // The engine goes through world coordinates.
      for (int i = 0; i < 3; ++i) {
        local[i] = (local[i] + box.center[i]) - box.center[i];
      }
    }
    contacts[k] = CollideSphereBoxLocal(local, capsule.radius, box, margin);
    contacts[k].valid = contacts[k].valid & nearest.found;
  }
  contacts[1].valid = contacts[1].valid & exists;
}

}  // namespace KMYRIAD_LANES_NAMESPACE
}  // namespace kmyriad

#endif  // KMYRIAD_ACTOR_PHYSICS_SIMD_CAPSULE_BOX_H_
