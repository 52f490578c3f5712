#ifndef KMYRIAD_ACTOR_PHYSICS_BACKEND_FACTORY_H_
#define KMYRIAD_ACTOR_PHYSICS_BACKEND_FACTORY_H_

#include <memory>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "actor/physics/physics_backend.h"

namespace kmyriad {

// The Ant on the named backend: "simd", "mujoco" or "cuda". FAILED_PRECONDITION
// for "cuda" where there is no GPU or this build has no CUDA, INVALID_ARGUMENT
// for other names; "auto" is resolved by the configuration.
absl::StatusOr<std::shared_ptr<const PhysicsModel>> CreateAntPhysics(
    absl::string_view backend, const PhysicsOptions& options);

// "implicitfast" or "rk4"; INVALID_ARGUMENT for other names.
absl::StatusOr<Integrator> ParseIntegrator(absl::string_view name);

}  // namespace kmyriad

#endif  // KMYRIAD_ACTOR_PHYSICS_BACKEND_FACTORY_H_
