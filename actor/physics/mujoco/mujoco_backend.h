#ifndef KMYRIAD_ACTOR_PHYSICS_MUJOCO_MUJOCO_BACKEND_H_
#define KMYRIAD_ACTOR_PHYSICS_MUJOCO_MUJOCO_BACKEND_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "actor/physics/physics_backend.h"

namespace kmyriad {

// The reference backend: MuJoCo's C engine in fp64, one mjData per lane, the
// mjModel shared. INVALID_ARGUMENT with the engine's message if it cannot
// compile the model or has another version than the headers.
absl::StatusOr<std::shared_ptr<const PhysicsModel>> CreateMujocoModel(
    const std::string& mjcf);

}  // namespace kmyriad

#endif  // KMYRIAD_ACTOR_PHYSICS_MUJOCO_MUJOCO_BACKEND_H_
