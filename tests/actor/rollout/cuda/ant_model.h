#ifndef KMYRIAD_TESTS_ACTOR_ROLLOUT_CUDA_ANT_MODEL_H_
#define KMYRIAD_TESTS_ACTOR_ROLLOUT_CUDA_ANT_MODEL_H_

#include <cstdint>
#include <memory>
#include <string>

#include "actor/env/vector_env.h"

namespace kmyriad {

// An Ant on a terrain, as devices step it.
inline std::shared_ptr<const EnvironmentModel> MakeAntModel(
    const std::string& terrain, uint32_t horizon, uint32_t frame_skip) {
  VectorEnvOptions options;
  options.task = "ant";
  options.terrain = terrain;
  options.horizon = horizon;
  options.frame_skip = frame_skip;
  options.integrator = "implicitfast";
  options.action_scale = 0.3f;
  options.backend = "simd";
  return *EnvironmentModel::Create(options);
}

}  // namespace kmyriad

#endif  // KMYRIAD_TESTS_ACTOR_ROLLOUT_CUDA_ANT_MODEL_H_
