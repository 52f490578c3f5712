#ifndef KMYRIAD_TESTS_ACTOR_PHYSICS_SIMD_COLLISION_LANES_BODY_H_
#define KMYRIAD_TESTS_ACTOR_PHYSICS_SIMD_COLLISION_LANES_BODY_H_

// The collision functions over one float type; part of each level's unit.

#include "actor/physics/simd/capsule_box.h"
#include "tests/actor/physics/simd/collision_lanes.h"

namespace kmyriad {
inline namespace KMYRIAD_LANES_NAMESPACE {

// Contacts that are not valid are written as zeros.
template <class F>
KMYRIAD_LANE_FUNCTION void CollideAll(const F pose[kPoseNumbers],
                                      F numbers[kContactNumbers]) {
  const RoundGeom<F> round = {{{pose[0], pose[1], pose[2]}},
                              {{pose[3], pose[4], pose[5]}},
                              pose[6],
                              pose[7]};
  const BoxGeom<F> box = {{{pose[8], pose[9], pose[10]}},
                          {{pose[11], pose[12], pose[13]}}};
  const Vector3<F> origin = {{F(0), F(0), F(0)}}, up = {{F(0), F(0), F(1)}};
  const F margin = F(0.02f);
  ContactPoint<F> contacts[5];
  CollidePlaneCapsule(origin, up, round, margin, contacts);
  contacts[2] = CollideSphereBox(round, box, margin);
  CollideCapsuleBox(round, box, margin, contacts + 3);
  F* number = numbers;
  for (const ContactPoint<F>& c : contacts) {
    Vector3<F> frame[3];
    CompleteFrame(c.normal, c.seed, frame);
    *number++ = Select(c.valid, c.distance, F(0));
    for (int i = 0; i < 3; ++i) {
      *number++ = Select(c.valid, c.position[i], F(0));
    }
    for (int i = 0; i < 9; ++i) {
      *number++ = Select(c.valid, frame[i / 3][i % 3], F(0));
    }
  }
}

inline void CollideFloatLanes(const float* poses, float* contacts) {
  FloatLanes pose[kPoseNumbers], numbers[kContactNumbers];
  for (int i = 0; i < kPoseNumbers; ++i) pose[i] = Load(poses + 16 * i);
  CollideAll(pose, numbers);
  for (int i = 0; i < kContactNumbers; ++i) {
    Store(numbers[i], contacts + 16 * i);
  }
}

}  // namespace KMYRIAD_LANES_NAMESPACE
}  // namespace kmyriad

#endif  // KMYRIAD_TESTS_ACTOR_PHYSICS_SIMD_COLLISION_LANES_BODY_H_
