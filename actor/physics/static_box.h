#ifndef KMYRIAD_ACTOR_PHYSICS_STATIC_BOX_H_
#define KMYRIAD_ACTOR_PHYSICS_STATIC_BOX_H_

namespace kmyriad {

// Immovable axis-aligned box that the robot collides with; metres.
struct StaticBox {
  double center[3] = {0, 0, 0};
  double half[3] = {0, 0, 0};
  bool operator==(const StaticBox&) const = default;
};

}  // namespace kmyriad

#endif  // KMYRIAD_ACTOR_PHYSICS_STATIC_BOX_H_
