#ifndef KMYRIAD_ACTOR_PHYSICS_SIMD_SIMD_BACKEND_H_
#define KMYRIAD_ACTOR_PHYSICS_SIMD_SIMD_BACKEND_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "actor/physics/physics_backend.h"

namespace kmyriad {

// The batched stepper in single precision, at the best instruction set of this
// machine or the one that KMYRIAD_SIMD names; all give the same bits.
// INVALID_ARGUMENT if the model cannot be compiled, or is outside of the subset
// that the stepper knows (mujoco/robot_reader.h).
absl::StatusOr<std::shared_ptr<const PhysicsModel>> CreateSimdModel(
    const std::string& mjcf);

}  // namespace kmyriad

#endif  // KMYRIAD_ACTOR_PHYSICS_SIMD_SIMD_BACKEND_H_
