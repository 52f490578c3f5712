#ifndef KMYRIAD_TESTS_ACTOR_PHYSICS_PARITY_RANDOM_ROBOT_H_
#define KMYRIAD_TESTS_ACTOR_PHYSICS_PARITY_RANDOM_ROBOT_H_

#include <cstdint>
#include <string>
#include <vector>

#include "tests/actor/physics/parity/mujoco_oracle.h"
#include "tests/actor/physics/parity/parity_step.h"

namespace kmyriad {

// MJCF of a random robot of the stepper's subset on a plane with boxes: a free,
// fixed or jointed root, a tree of up to nine bodies with hinges and slides
// (anchors off the origin, limits with and without margin), spheres and
// capsules in any attitude and along the axes, margins, gaps, frictions,
// solref and solimp of their own, motors with and without limits. A function of
// the seed.
std::string RandomRobotMjcf(uint64_t seed);

// States of it near the ground; in every fourth all joints are at zero, so that
// frames are degenerate where the robot's are.
std::vector<ParityState> RandomRobotStates(MujocoOracle& oracle, uint64_t seed,
                                           size_t count);

}  // namespace kmyriad

#endif  // KMYRIAD_TESTS_ACTOR_PHYSICS_PARITY_RANDOM_ROBOT_H_
