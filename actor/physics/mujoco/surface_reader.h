#ifndef KMYRIAD_ACTOR_PHYSICS_MUJOCO_SURFACE_READER_H_
#define KMYRIAD_ACTOR_PHYSICS_MUJOCO_SURFACE_READER_H_

#include <mujoco/mujoco.h>

#include <vector>

#include "absl/status/status.h"
#include "actor/physics/mujoco/rigid_frame.h"
#include "actor/physics/simd/robot_model.h"

namespace kmyriad {

// What answers violations under `solref` [mjNREF] and `solimp` [mjNIMP]
// (reference/physics.md 2.6). False if the power is neither 1 nor 2.
bool MakeRowParameters(const mjModel& m, const mjtNum* solref,
                       const mjtNum* solimp, RowParameters<double>* row);

// Reads the robot's geoms, the planes and boxes that they may touch, and how
// each geom meets each kind of surface.
absl::Status ReadSurfaces(const mjModel& m, const BodyFrames& bodies,
                          RobotModel<double>* robot,
                          std::vector<SurfaceBox>* boxes);

}  // namespace kmyriad

#endif  // KMYRIAD_ACTOR_PHYSICS_MUJOCO_SURFACE_READER_H_
