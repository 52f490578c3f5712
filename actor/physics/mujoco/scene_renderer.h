#ifndef KMYRIAD_ACTOR_PHYSICS_MUJOCO_SCENE_RENDERER_H_
#define KMYRIAD_ACTOR_PHYSICS_MUJOCO_SCENE_RENDERER_H_

#include <cstdint>
#include <memory>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "actor/physics/physics_backend.h"

namespace kmyriad {

// A camera on a sphere around what it looks at; metres, degrees.
struct CameraView {
  double target[3] = {0, 0, 0};
  double distance = 10;
  double azimuth = 90;
  double elevation = -60;
};

// An Ant to be drawn.
struct DrawnRobot {
  const double* qpos = nullptr;  // [position of its model]
  float color[3] = {1, 0, 0};    // 0..1
};

// Draws Ants among the boxes of their world with MuJoCo's renderer, off screen.
// Ants do not see each other: each is a picture of its own world. One thread,
// which made it; one per process at a time.
class SceneRenderer {
 public:
  // Pictures of `width` x `height` pixels, each 16..4096, of at most `robots`
  // Ants. FAILED_PRECONDITION without OpenGL (GlContext), INVALID_ARGUMENT if
  // the model cannot be compiled.
  static absl::StatusOr<std::unique_ptr<SceneRenderer>> Create(
      const PhysicsOptions& options, uint32_t width, uint32_t height,
      uint32_t robots);
  virtual ~SceneRenderer() = default;

  // RGB, [height, width, 3], from the top. INTERNAL if MuJoCo fails.
  virtual absl::StatusOr<std::vector<uint8_t>> Draw(
      const std::vector<DrawnRobot>& robots, const CameraView& view) = 0;
};

}  // namespace kmyriad

#endif  // KMYRIAD_ACTOR_PHYSICS_MUJOCO_SCENE_RENDERER_H_
