#ifndef KMYRIAD_ACTOR_PHYSICS_PHYSICS_BACKEND_H_
#define KMYRIAD_ACTOR_PHYSICS_PHYSICS_BACKEND_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "actor/physics/static_box.h"

namespace kmyriad {

enum class Integrator { kImplicitFast, kRungeKutta4 };

struct PhysicsOptions {
  Integrator integrator = Integrator::kImplicitFast;
  // Seconds per physics step.
  double timestep = 0.01;
  // Added to a floor plane at z = 0.
  std::vector<StaticBox> boxes;
};

// Sizes of the robot's state and the state in which its joints are at zero.
struct PhysicsDimensions {
  uint32_t position = 0;                   // entries of qpos
  uint32_t velocity = 0;                   // entries of qvel
  uint32_t control = 0;                    // actuators
  std::vector<double> reference_position;  // [position]
};

// One bit per lane of a block.
using LaneMask = uint32_t;

// The state of one block of 16 robots. One thread at a time.
class PhysicsBlock {
 public:
  virtual ~PhysicsBlock() = default;

  // Puts one lane into a state, as if the block were new: time, warm start of
  // the solver and everything else that a step leaves behind is cleared.
  // qpos [position], qvel [velocity].
  virtual void Reset(uint32_t lane, const double* qpos, const double* qvel) = 0;

  // Advances all lanes by `substeps` physics steps under constant controls
  // [control, 16] (lane-minor), in [-1, 1]. What happens in a lane depends on
  // that lane alone. Returns the lanes that have no valid state any more
  // because a number became non-finite or huge, or because the engine ran out
  // of memory for contacts (`overflows`); the caller resets them.
  [[nodiscard]] virtual LaneMask Step(const float* controls,
                                      uint32_t substeps) = 0;

  // Copies the state of one lane: qpos [position], qvel [velocity].
  virtual void Read(uint32_t lane, double* qpos, double* qvel) const = 0;

  // Lane steps so far that were given up for lack of memory.
  virtual uint64_t overflows() const = 0;
};

// The constant part: the compiled robot with its surroundings. Thread-safe;
// shared by all blocks of a process.
class PhysicsModel {
 public:
  virtual ~PhysicsModel() = default;

  virtual const PhysicsDimensions& dimensions() const = 0;
  // Everything that decides what a step computes: backend, version of the
  // engine, the model by content. Part of the rollout fingerprint.
  virtual std::string Description() const = 0;
  // A block in the reference state, at rest. RESOURCE_EXHAUSTED without
  // memory.
  virtual absl::StatusOr<std::unique_ptr<PhysicsBlock>> CreateBlock() const = 0;
};

}  // namespace kmyriad

#endif  // KMYRIAD_ACTOR_PHYSICS_PHYSICS_BACKEND_H_
