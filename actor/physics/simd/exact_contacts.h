#ifndef KMYRIAD_ACTOR_PHYSICS_SIMD_EXACT_CONTACTS_H_
#define KMYRIAD_ACTOR_PHYSICS_SIMD_EXACT_CONTACTS_H_

// Some contacts hang on the last digits of single precision: those at the
// detection distance, which exist or not, and those whose sphere has its centre
// at the surface of a box, which gives the normal. They are few - one in
// thousands - and are computed again in double precision, from the lane's state
// on, so that a robot in floats has the contacts that one in doubles has.

#include "actor/physics/simd/capsule_box.h"
#include "actor/physics/simd/contact_slots.h"
#include "actor/physics/simd/kinematics.h"

namespace kmyriad {
inline namespace KMYRIAD_LANES_NAMESPACE {

// Metres. Distances in single precision are off by less than a quarter of it.
inline constexpr float kDoubtfulDistance = 4e-6f;
// A normal is off by 1e-7 over this.
inline constexpr float kDoubtfulNormal = 2e-3f;

// The lanes in which a contact's existence is in doubt.
template <class F>
KMYRIAD_LANE_FUNCTION MaskOf<F> InDoubt(const ContactPoint<F>& contact,
                                        F detection) {
  return Less(Magnitude(contact.distance - detection),
              F(ScalarOf<F>(kDoubtfulDistance)));
}

// The lanes in which a contact with a box has a doubtful normal.
template <class F>
KMYRIAD_LANE_FUNCTION MaskOf<F> NormalInDoubt(const ContactPoint<F>& contact,
                                              F radius) {
  return contact.valid & Less(Magnitude(contact.distance + radius),
                              F(ScalarOf<F>(kDoubtfulNormal)));
}

// Links and geoms of a lane in double precision, in world coordinates.
template <class F>
KMYRIAD_HOST_DEVICE const Placement<double>& PlaceExactly(
    const StepScope<F>& scope, uint32_t lane) {
  auto& exact = *static_cast<Placement<double>*>(scope.block.exact);
  const RobotModel<double>& robot = *scope.block.exact_robot;
  for (int32_t i = 0; i < robot.positions; ++i) {
    exact.q[i] = static_cast<double>(LaneOf(scope.w.q[i], lane));
  }
  for (int i = 0; i < 3; ++i) {
    exact.q_low[i] = static_cast<double>(LaneOf(scope.w.q_low[i], lane));
  }
  PlaceLinks(robot, exact);
  PlaceGeoms(robot, exact);
  return exact;
}

KMYRIAD_HOST_DEVICE inline RoundGeom<double> ExactGeom(
    const RobotModel<double>& robot, const Placement<double>& exact,
    int32_t geom) {
  return {exact.geom_place[geom], exact.geom_axis[geom],
          robot.geom[geom].radius, robot.geom[geom].half_length};
}

// Keeps the valid ones of up to two contacts.
template <class F>
KMYRIAD_HOST_DEVICE void KeepExactly(const StepScope<F>& scope,
                                     ContactPoint<double> contacts[2],
                                     int count, const ContactOwner& owner) {
  const auto& pair = scope.block.exact_robot->pairs[owner.geom][owner.surface];
  for (int k = 0; k < count; ++k) {
    if (!contacts[k].valid) continue;
    for (int i = 0; i < 3; ++i) {
      contacts[k].position[i] -=
          static_cast<double>(LaneOf(scope.w.origin[i], owner.lane));
    }
    KeepContact(scope, contacts[k], 0, pair.margin, owner);
  }
}

template <class F>
KMYRIAD_HOST_DEVICE void CollidePlaneExactly(const StepScope<F>& scope,
                                             int32_t plane_index,
                                             const ContactOwner& owner) {
  const RobotModel<double>& robot = *scope.block.exact_robot;
  const RoundGeom<double> geom =
      ExactGeom(robot, PlaceExactly(scope, owner.lane), owner.geom);
  const auto& plane = robot.plane[plane_index];
  const Vector3<double> point = Constant<double>(plane.position);
  const Vector3<double> normal = Constant<double>(plane.normal);
  const double detection = robot.pairs[owner.geom][owner.surface].detection;
  ContactPoint<double> contacts[2];
  const bool capsule = robot.geom[owner.geom].capsule != 0;
  if (capsule) {
    CollidePlaneCapsule(point, normal, geom, detection, contacts);
  } else {
    contacts[0] = CollidePlaneSphere(point, normal, geom.position, geom.radius,
                                     detection);
  }
  KeepExactly(scope, contacts, capsule ? 2 : 1, owner);
}

template <class F>
KMYRIAD_HOST_DEVICE void CollideBoxExactly(const StepScope<F>& scope,
                                           uint32_t candidate,
                                           const ContactOwner& owner) {
  const RobotModel<double>& robot = *scope.block.exact_robot;
  const RoundGeom<double> geom =
      ExactGeom(robot, PlaceExactly(scope, owner.lane), owner.geom);
  const double* number = scope.block.candidates.exact +
                         6 * kBoxStride<F> * candidate + scope.first_lane +
                         owner.lane;
  BoxGeom<double> box;
  for (int i = 0; i < 3; ++i) {
    box.center[i] = number[kBoxStride<F> * i];
    box.half[i] = number[kBoxStride<F> * (3 + i)];
  }
  const double detection = robot.pairs[owner.geom][owner.surface].detection;
  ContactPoint<double> contacts[2];
  const bool capsule = robot.geom[owner.geom].capsule != 0;
  if (capsule) {
    CollideCapsuleBox(geom, box, detection, contacts);
  } else {
    contacts[0] = CollideSphereBox(geom, box, detection);
  }
  KeepExactly(scope, contacts, capsule ? 2 : 1, owner);
}

}  // namespace KMYRIAD_LANES_NAMESPACE
}  // namespace kmyriad

#endif  // KMYRIAD_ACTOR_PHYSICS_SIMD_EXACT_CONTACTS_H_
