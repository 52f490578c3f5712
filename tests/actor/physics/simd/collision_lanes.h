#ifndef KMYRIAD_TESTS_ACTOR_PHYSICS_SIMD_COLLISION_LANES_H_
#define KMYRIAD_TESTS_ACTOR_PHYSICS_SIMD_COLLISION_LANES_H_

namespace kmyriad {

// Numbers of a pose (round geom, box) and of what collides in it (three
// functions, five contacts of 13 numbers), each for 16 lanes (lane-minor).
inline constexpr int kPoseNumbers = 14;
inline constexpr int kContactNumbers = 5 * 13;

using CollideLanes = void(const float* poses, float* contacts);
CollideLanes CollideLanesScalar;
CollideLanes CollideLanesAvx2;
CollideLanes CollideLanesAvx512;
// One lane after the other in plain float.
CollideLanes CollideFloats;

}  // namespace kmyriad

#endif  // KMYRIAD_TESTS_ACTOR_PHYSICS_SIMD_COLLISION_LANES_H_
