#include "tests/actor/physics/parity/ant_parity.h"

#include <utility>

#include "actor/env/terrain_library.h"
#include "actor/physics/mujoco/ant_mjcf.h"

namespace kmyriad {

AntBank MakeAntBank(const std::string& terrain, size_t states,
                    AntPolicy* policy) {
  AntBank bank;
  bank.terrain = LoadTerrain(terrain, {}).value();
  PhysicsOptions options;
  options.boxes = bank.terrain.boxes;
  bank.mjcf = AntMjcf(options);
  bank.oracle = MujocoOracle::Create(bank.mjcf).value();
  bank.states = CollectAntStates(*bank.oracle, bank.terrain, states, 1, policy);
  return bank;
}

}  // namespace kmyriad
