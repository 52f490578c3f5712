#ifndef KMYRIAD_ACTOR_PHYSICS_MUJOCO_ROBOT_READER_H_
#define KMYRIAD_ACTOR_PHYSICS_MUJOCO_ROBOT_READER_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "actor/physics/physics_backend.h"
#include "actor/physics/simd/robot_model.h"

struct mjModel_;

namespace kmyriad {

// What the batched stepper needs of a compiled model.
struct Robot {
  std::unique_ptr<const RobotModel<double>> model;
  std::vector<SurfaceBox> boxes;  // ascending ids
};

// Reads a compiled model. INVALID_ARGUMENT if it is outside of the subset that
// the stepper knows, naming the element and what is supported:
// one kinematic tree (free, fixed or jointed root) of hinges and slides;
// spheres and capsules that touch only static planes and axis-aligned boxes;
// limits; motors; condim 3, pyramidal cones; Newton; implicitfast, Euler, RK4.
absl::StatusOr<Robot> ReadRobot(const mjModel_& model);

// The same from MJCF text. INVALID_ARGUMENT with the engine's message if it
// cannot be compiled.
absl::StatusOr<Robot> CompileRobot(const std::string& mjcf);

PhysicsDimensions DimensionsOf(const RobotModel<double>& robot);

// Version of the engine that compiles models, e.g. "3.17.0".
std::string CompilerVersion();

}  // namespace kmyriad

#endif  // KMYRIAD_ACTOR_PHYSICS_MUJOCO_ROBOT_READER_H_
