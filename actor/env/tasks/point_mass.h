#ifndef KMYRIAD_ACTOR_ENV_TASKS_POINT_MASS_H_
#define KMYRIAD_ACTOR_ENV_TASKS_POINT_MASS_H_

#include <memory>

#include "absl/status/statusor.h"
#include "actor/env/vector_env.h"

namespace kmyriad {

// The point: it moves at most 0.15 cell per step along each axis and slides
// along the walls of a terrain's map, in which a cell is one unit. There is no
// engine; it shows the method's effect within seconds. Starts within 0.25 cell
// of the terrain's start.
//
// Observation (3): x/X, y/X, t/T, where X is the arena's half size. Actions
// (2): step along x and y, in units of 0.15 * action_scale. Features: x, y.
absl::StatusOr<std::shared_ptr<const EnvironmentModel>> CreatePointMassModel(
    const VectorEnvOptions& options);

}  // namespace kmyriad

#endif  // KMYRIAD_ACTOR_ENV_TASKS_POINT_MASS_H_
