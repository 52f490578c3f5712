#ifndef KMYRIAD_ACTOR_ENV_TASKS_ANT_H_
#define KMYRIAD_ACTOR_ENV_TASKS_ANT_H_

#include <memory>

#include "absl/status/statusor.h"
#include "actor/env/tasks/ant_task.h"
#include "actor/env/vector_env.h"
#include "actor/physics/physics_backend.h"

namespace kmyriad {

// The Ant of Gymnasium, without reward and without end: a fallen ant is a
// state, too.
//
// Observation (30): x/X, y/X (X = half size of the arena), torso height z,
// quaternion (w, x, y, z), 8 joint angles (hip and ankle of legs 1 to 4),
// linear velocity in the world, angular velocity in the torso, 8 joint
// velocities, t/T. Metres, radians, seconds.
// Actions (8): torque of hip and ankle of legs 4, 1, 2, 3, as a share of the
// gear, times action_scale.
//
// Entropy features: a list of the first 29 observations, in metres, radians and
// seconds (x and y are not divided by X), or one of
//   xy     x, y
//   xyz    and z*4: the Pyramid's 1.5 m of height count as 6 m of ground
//   pose   and the quaternion, each component *2
//   joint  and the 8 joint angles, a radian as much as a metre
//   state  and the velocities: linear *0.5, angular *0.25, joints *0.1, so that
//          a walk's velocities weigh about as much as a metre
// A quaternion and its negative are one attitude: that with w >= 0 is taken.
// Of more than about 7 dimensions k-NN distances say little: ablations.
//
// Reset: at the terrain's start +-0.25 m, 0.75 m above the local ground, at
// rest, joint angles within +-0.1 rad of zero.
// Flags: outside = the torso's centre is not over a free cell of the map, or
// more than 2 m from the local ground; upside down = its up vector points
// down.
absl::StatusOr<std::shared_ptr<const EnvironmentModel>> CreateAntModel(
    const VectorEnvOptions& options);

// The Ant for those who step it themselves (rollout/cuda). Views are valid for
// as long as the model lives.
struct AntOnDevice {
  AntTask task;
  PhysicsOptions physics;
};
// `model` is an Ant's.
AntOnDevice DescribeAnt(const EnvironmentModel& model);

}  // namespace kmyriad

#endif  // KMYRIAD_ACTOR_ENV_TASKS_ANT_H_
