#ifndef KMYRIAD_ACTOR_PHYSICS_SIMD_CONTACTS_H_
#define KMYRIAD_ACTOR_PHYSICS_SIMD_CONTACTS_H_

// Finds the contacts of every lane and puts them into slots. Planes are tested
// for all lanes at once.

#include "actor/physics/simd/box_contacts.h"

namespace kmyriad {
inline namespace KMYRIAD_LANES_NAMESPACE {

template <class F>
KMYRIAD_LANE_FUNCTION RoundGeom<F> RoundGeomOf(const StepScope<F>& scope,
                                               int32_t index) {
  const auto& geom = scope.robot.geom[index];
  return {scope.w.geom_place[index], scope.w.geom_axis[index], F(geom.radius),
          F(geom.half_length)};
}

template <class F>
KMYRIAD_HOST_DEVICE void FindPlaneContacts(const StepScope<F>& scope,
                                           uint32_t lanes) {
  const auto& robot = scope.robot;
  for (int32_t p = 0; p < robot.planes; ++p) {
    const auto& plane = robot.plane[p];
    const Vector3<F> normal = Constant<F>(plane.normal);
    const Vector3<F> point =
        Subtract(Constant<F>(plane.position), scope.w.origin);
    for (int32_t g = 0; g < robot.geoms; ++g) {
      const auto& pair = robot.pairs[g][plane.surface];
      if (!pair.collides) continue;
      const RoundGeom<F> geom = RoundGeomOf(scope, g);
      const F margin = F(pair.detection);
      ContactPoint<F> contacts[2];
      if (robot.geom[g].capsule) {
        CollidePlaneCapsule(point, normal, geom, margin, contacts);
      } else {
        contacts[0] = CollidePlaneSphere(point, normal, geom.position,
                                         geom.radius, margin);
      }
      const int ends = robot.geom[g].capsule ? 2 : 1;
      uint32_t valid[2] = {0, 0}, doubtful = 0;
      for (int k = 0; k < ends; ++k) {
        valid[k] = BitsOfMask(contacts[k].valid) & lanes;
        if constexpr (kIsDouble<F>) continue;
        doubtful |= BitsOfMask(InDoubt(contacts[k], margin)) & lanes;
      }
      for (uint32_t left = doubtful; left != 0; left &= left - 1) {
        const uint32_t lane = LowestBit(left);
        CollidePlaneExactly(scope, p, {lane, g, plane.surface, plane.id, true});
      }
      for (int k = 0; k < ends; ++k) {
        for (uint32_t left = valid[k] & ~doubtful; left != 0;
             left &= left - 1) {
          const uint32_t lane = LowestBit(left);
          KeepContact(scope, contacts[k], lane, pair.margin,
                      {lane, g, plane.surface, plane.id, true});
        }
      }
    }
  }
}

}  // namespace KMYRIAD_LANES_NAMESPACE
}  // namespace kmyriad

#endif  // KMYRIAD_ACTOR_PHYSICS_SIMD_CONTACTS_H_
