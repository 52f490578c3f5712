#ifndef KMYRIAD_ACTOR_ROLLOUT_ROLLOUT_IDENTITY_H_
#define KMYRIAD_ACTOR_ROLLOUT_ROLLOUT_IDENTITY_H_

#include "absl/status/statusor.h"
#include "actor/env/vector_env.h"
#include "actor/rollout/rollout_engine.h"
#include "common/base/digest.h"
#include "common/base/segment.h"
#include "common/policy/network_shape.h"

namespace kmyriad {

// Wire protocol between actor and learner; a learner takes its own only.
inline constexpr uint32_t kActorProtocolVersion = 1;

// SHA-256 over everything that a segment depends on besides seed, epoch,
// block and policy: the environment's fingerprint, the network's shape, how
// environments belong to agents, names and order of observation columns and
// features, versions of protocol and inference kernel (design section 2).
Digest RolloutFingerprint(const EnvironmentModel& model,
                          const NetworkShape& network,
                          const PopulationShape& population);

// Steps of the golden segment.
inline constexpr uint32_t kGoldenSteps = 16;

// A small segment with a fixed seed and fixed weights (Philox stream kGolden)
// in the run's environment and network widths: four agents with four lanes
// each, 16 steps or the horizon if that is shorter. Its digest is equal on all
// machines whose arithmetic is. `policy` has the GoldenWeights.
absl::StatusOr<Segment> GoldenSegment(RolloutEngine& rollout, uint32_t horizon,
                                      const PreparedPolicy& policy);

// The weights of the golden segment.
PolicyWeights GoldenWeights(const EnvironmentSpec& spec,
                            const NetworkShape& network);

}  // namespace kmyriad

#endif  // KMYRIAD_ACTOR_ROLLOUT_ROLLOUT_IDENTITY_H_
