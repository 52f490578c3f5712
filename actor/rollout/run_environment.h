#ifndef KMYRIAD_ACTOR_ROLLOUT_RUN_ENVIRONMENT_H_
#define KMYRIAD_ACTOR_ROLLOUT_RUN_ENVIRONMENT_H_

#include <memory>

#include "absl/status/statusor.h"
#include "actor/env/vector_env.h"
#include "kmyriad/v1/run_config.pb.h"

namespace kmyriad {

// The environment that a run's resolved configuration describes: the same for
// its actors and for whoever looks at its policies. Errors of
// EnvironmentModel::Create.
absl::StatusOr<std::shared_ptr<const EnvironmentModel>> EnvironmentOfRun(
    const v1::RunConfig& config);

}  // namespace kmyriad

#endif  // KMYRIAD_ACTOR_ROLLOUT_RUN_ENVIRONMENT_H_
