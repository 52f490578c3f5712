#ifndef KMYRIAD_TESTS_ACTOR_PHYSICS_PARITY_ANT_STATES_H_
#define KMYRIAD_TESTS_ACTOR_PHYSICS_PARITY_ANT_STATES_H_

#include <cstdint>
#include <vector>

#include "actor/env/terrain.h"
#include "tests/actor/physics/parity/mujoco_oracle.h"
#include "tests/actor/physics/parity/parity_step.h"

namespace kmyriad {

// Actions of an Ant that walks, more or less: a sine per actuator, found by a
// random search for distance from four starts on a plane.
constexpr uint32_t kAntActuators = 8;
void GaitActions(uint32_t env_step, float actions[kAntActuators]);

// Who walks the Ant through its episodes. One thread.
class AntPolicy {
 public:
  struct Episode {
    uint32_t env_steps = 0;
    uint32_t frame_skip = 0;  // physics steps of an env step
    Integrator integrator = Integrator::kImplicitFast;
  };
  virtual ~AntPolicy() = default;

  virtual const Episode& episode() const = 0;
  // Where the next episode starts; sizes of all members are set.
  virtual ParityState Start() = 0;
  // Sets the controls of env step `step` of the episode that started last.
  virtual void Act(uint32_t step, ParityState* state) = 0;
};

// States of the oracle's Ant on a terrain, in a fixed random order: 6 in 10
// visited (by `policy`, or, if it is null, by random policies of action scale
// 0.1, 0.3 and 1 and by the gait, from the start and all goals), 2 visited with
// noise added, 2 with ties. Each can be stepped by the oracle without a
// warning. A function of its arguments.
std::vector<ParityState> CollectAntStates(MujocoOracle& oracle,
                                          const Terrain& terrain, size_t count,
                                          uint64_t seed,
                                          AntPolicy* policy = nullptr);

// The nearest state of floats.
ParityState RoundedToFloat(ParityState state);

}  // namespace kmyriad

#endif  // KMYRIAD_TESTS_ACTOR_PHYSICS_PARITY_ANT_STATES_H_
