#ifndef KMYRIAD_TESTS_ACTOR_PHYSICS_PARITY_ANT_PARITY_H_
#define KMYRIAD_TESTS_ACTOR_PHYSICS_PARITY_ANT_PARITY_H_

#include <memory>
#include <string>
#include <vector>

#include "actor/env/terrain.h"
#include "tests/actor/physics/parity/ant_states.h"
#include "tests/actor/physics/parity/mujoco_oracle.h"
#include "tests/actor/physics/parity/parity_step.h"

namespace kmyriad {

// A shipped terrain, the oracle's Ant on it, and states of it.
struct AntBank {
  Terrain terrain;
  std::string mjcf;
  std::unique_ptr<MujocoOracle> oracle;
  std::vector<ParityState> states;
};

// The four terrains of the gates.
inline constexpr const char* kParityTerrains[] = {"empty", "maze", "cave",
                                                  "pyramid"};

// Of `policy`, or, if it is null, of random ones (CollectAntStates). Ends the
// process if the terrain or its model cannot be compiled.
AntBank MakeAntBank(const std::string& terrain, size_t states,
                    AntPolicy* policy = nullptr);

}  // namespace kmyriad

#endif  // KMYRIAD_TESTS_ACTOR_PHYSICS_PARITY_ANT_PARITY_H_
