#include "tests/actor/physics/simd/collision_lanes_body.h"

namespace kmyriad {

void CollideLanesAvx512(const float* poses, float* contacts) {
  CollideFloatLanes(poses, contacts);
}

}  // namespace kmyriad
