#ifndef KMYRIAD_ACTOR_PHYSICS_MUJOCO_GL_CONTEXT_H_
#define KMYRIAD_ACTOR_PHYSICS_MUJOCO_GL_CONTEXT_H_

#include <memory>

#include "absl/status/statusor.h"

namespace kmyriad {

// OpenGL without a screen, for MuJoCo's renderer: current on the thread that
// made it for as long as it lives; one per process at a time. The libraries are
// opened when they are needed, nothing is linked.
class GlContext {
 public:
  // EGL, else OSMesa; the one that the environment variable MUJOCO_GL names
  // ("egl", "osmesa") if it is set, as everywhere with MuJoCo.
  // FAILED_PRECONDITION, in one line, with why neither works and what to
  // install. Sets MUJOCO_GL, by which MuJoCo finds the functions: no other
  // thread may read the environment meanwhile.
  static absl::StatusOr<std::unique_ptr<GlContext>> Create();
  virtual ~GlContext() = default;
};

}  // namespace kmyriad

#endif  // KMYRIAD_ACTOR_PHYSICS_MUJOCO_GL_CONTEXT_H_
