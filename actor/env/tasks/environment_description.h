#ifndef KMYRIAD_ACTOR_ENV_TASKS_ENVIRONMENT_DESCRIPTION_H_
#define KMYRIAD_ACTOR_ENV_TASKS_ENVIRONMENT_DESCRIPTION_H_

#include <string>

#include "actor/env/terrain.h"
#include "actor/env/vector_env.h"
#include "common/base/digest.h"
#include "common/base/environment_spec.h"

namespace kmyriad {

// The parts of a specification that every task takes from its terrain:
// terrain, bounds, boxes, goals, start, coverage; features x and y.
EnvironmentSpec SpecFromTerrain(const std::string& task,
                                const Terrain& terrain);

// Half the longer side of the arena: the scale of observed positions.
float ArenaHalfSize(const Terrain& terrain);

// SHA-256 over the options, the terrain's content and `physics`, which says
// the rest of what decides the task's next state.
Digest EnvironmentFingerprint(const VectorEnvOptions& options,
                              const Terrain& terrain,
                              const std::string& physics);

}  // namespace kmyriad

#endif  // KMYRIAD_ACTOR_ENV_TASKS_ENVIRONMENT_DESCRIPTION_H_
