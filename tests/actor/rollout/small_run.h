#ifndef KMYRIAD_TESTS_ACTOR_ROLLOUT_SMALL_RUN_H_
#define KMYRIAD_TESTS_ACTOR_ROLLOUT_SMALL_RUN_H_

#include <cstdint>
#include <memory>

#include "actor/env/vector_env.h"
#include "actor/rollout/rollout_worker.h"
#include "common/base/segment.h"
#include "common/base/simd_level.h"
#include "common/policy/network_shape.h"
#include "common/policy/policy_inference.h"
#include "common/policy/policy_weights.h"

namespace kmyriad {

// A run small enough for tests: point mass in the maze, 40 environments (three
// blocks, the last with eight), five agents, twenty steps, one trunk layer.
struct SmallRun {
  SmallRun();

  std::unique_ptr<VectorEnv> MakeEnv() const;
  std::unique_ptr<RolloutWorker> MakeWorker() const;
  // Weights that depend on `variant` in every tensor.
  PolicyWeights Weights(uint64_t variant) const;
  std::unique_ptr<PolicyInference> MakePolicy(
      uint64_t variant, SimdLevel level = SimdLevel::kScalar) const;
  // What a fresh worker computes.
  Segment Reference(uint64_t seed, uint32_t epoch, uint32_t block,
                    uint64_t variant) const;

  PopulationShape population{40, 5, 20};
  std::shared_ptr<const EnvironmentModel> model;
  NetworkShape network;
};

}  // namespace kmyriad

#endif  // KMYRIAD_TESTS_ACTOR_ROLLOUT_SMALL_RUN_H_
