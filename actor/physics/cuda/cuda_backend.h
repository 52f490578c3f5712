#ifndef KMYRIAD_ACTOR_PHYSICS_CUDA_CUDA_BACKEND_H_
#define KMYRIAD_ACTOR_PHYSICS_CUDA_CUDA_BACKEND_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "actor/physics/cuda/step_device.h"
#include "actor/physics/physics_backend.h"

namespace kmyriad {

// The model of a MuJoCo XML text on a GPU, in single precision, with the bits
// of the batched stepper. A block of 16 carries its state across with every
// step, which suits whoever looks at a few robots; whole segments are
// actor/rollout/cuda's. Each block has a device. INVALID_ARGUMENT where the
// text does not compile, or naming the element that is outside of the stepper's
// subset.
absl::StatusOr<std::shared_ptr<const PhysicsModel>> CreateCudaModel(
    const std::string& mjcf, MakeStepDevice make_device);

}  // namespace kmyriad

#endif  // KMYRIAD_ACTOR_PHYSICS_CUDA_CUDA_BACKEND_H_
