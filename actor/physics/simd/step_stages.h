#ifndef KMYRIAD_ACTOR_PHYSICS_SIMD_STEP_STAGES_H_
#define KMYRIAD_ACTOR_PHYSICS_SIMD_STEP_STAGES_H_

// The stages of a step, and who is told of them. Plain types: shared by units
// of different instruction sets.

#include "common/math/host_device.h"

namespace kmyriad {

enum class StepStage {
  kKinematics,   // places of links and geoms
  kMassMatrix,   // inertias about the centre of mass, composite, mass matrix
  kBias,         // velocities, recursive Newton-Euler, motors and damping
  kFactor,       // L' D L of M and the smooth acceleration; with damping in
                 // the integrator also that of M + h D and what it solves for
  kCollision,    // planes and boxes, contacts into slots
  kRows,         // of limits and contacts
  kSolver,       // Newton
  kIntegration,  // state and controls in, velocities and positions, state out
};
inline constexpr int kStepStages = 8;

// The product's observer: it is told nothing and costs nothing. A benchmark
// instantiates the step with one of its own. Enter ends the stage before it;
// Leave ends the step of a group of lanes.
struct UnobservedStages {
  KMYRIAD_HOST_DEVICE static void Enter(StepStage) {}
  KMYRIAD_HOST_DEVICE static void Leave() {}
};

}  // namespace kmyriad

#endif  // KMYRIAD_ACTOR_PHYSICS_SIMD_STEP_STAGES_H_
