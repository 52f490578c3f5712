#ifndef KMYRIAD_ACTOR_PHYSICS_MUJOCO_COMPILED_MODEL_H_
#define KMYRIAD_ACTOR_PHYSICS_MUJOCO_COMPILED_MODEL_H_

#include <mujoco/mujoco.h>

#include <memory>
#include <string>

#include "absl/status/statusor.h"

namespace kmyriad {

struct ModelDeleter {
  void operator()(mjModel* model) const { mj_deleteModel(model); }
};
using ModelPointer = std::unique_ptr<mjModel, ModelDeleter>;

struct DataDeleter {
  void operator()(mjData* data) const { mj_deleteData(data); }
};
using DataPointer = std::unique_ptr<mjData, DataDeleter>;

// Compiles MJCF text; installs the engine's error handlers. INVALID_ARGUMENT
// with the engine's message if it cannot, or if the library has another version
// than the headers.
absl::StatusOr<ModelPointer> CompileModel(const std::string& mjcf);

}  // namespace kmyriad

#endif  // KMYRIAD_ACTOR_PHYSICS_MUJOCO_COMPILED_MODEL_H_
