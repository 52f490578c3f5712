#ifndef KMYRIAD_ACTOR_PHYSICS_MUJOCO_ANT_MJCF_H_
#define KMYRIAD_ACTOR_PHYSICS_MUJOCO_ANT_MJCF_H_

#include <string>

#include "actor/physics/physics_backend.h"

namespace kmyriad {

// MJCF text of the Ant on a plane with boxes. Its dynamics are those of
// Gymnasium's ant.xml: geometry, density, joint limits, armature, damping,
// contact parameters, gears and the order of actuators (leg 4, 1, 2, 3); what
// is only seen (textures, lights, cameras) is left out. Collision geometry of
// the surroundings has the floor's contact parameters, so that it meets the
// robot and nothing else.
std::string AntMjcf(const PhysicsOptions& options);

}  // namespace kmyriad

#endif  // KMYRIAD_ACTOR_PHYSICS_MUJOCO_ANT_MJCF_H_
