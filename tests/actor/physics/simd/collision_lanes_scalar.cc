#include "tests/actor/physics/simd/collision_lanes_body.h"

namespace kmyriad {

void CollideLanesScalar(const float* poses, float* contacts) {
  CollideFloatLanes(poses, contacts);
}

void CollideFloats(const float* poses, float* contacts) {
  for (int lane = 0; lane < 16; ++lane) {
    float pose[kPoseNumbers], numbers[kContactNumbers];
    for (int i = 0; i < kPoseNumbers; ++i) pose[i] = poses[16 * i + lane];
    CollideAll(pose, numbers);
    for (int i = 0; i < kContactNumbers; ++i) {
      contacts[16 * i + lane] = numbers[i];
    }
  }
}

}  // namespace kmyriad
