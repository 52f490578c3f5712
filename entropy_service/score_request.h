#ifndef KMYRIAD_ENTROPY_SERVICE_SCORE_REQUEST_H_
#define KMYRIAD_ENTROPY_SERVICE_SCORE_REQUEST_H_

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "common/base/digest.h"
#include "common/base/environment_spec.h"
#include "entropy_service/estimator/intrinsic_reward.h"
#include "entropy_service/estimator/leave_one_out.h"

namespace kmyriad {

// Limits of a request, checked before anything is allocated.
inline constexpr uint64_t kMaxParticles = uint64_t{1} << 24;
inline constexpr uint32_t kMaxFeatureDims = 32;
inline constexpr uint32_t kMaxWindow = 64;
inline constexpr uint32_t kMaxNeighbors = 4096;
inline constexpr uint64_t kMaxCoverageCells = uint64_t{1} << 24;
inline constexpr uint32_t kMaxShards = 64;
// Entries of neighbour lists that are held at once, four bytes each: 1 GiB.
inline constexpr uint64_t kMaxGraphEntries = uint64_t{1} << 28;

// INVALID_ARGUMENT for an engine that there is not, FAILED_PRECONDITION for one
// that needs a GPU where there is none. Empty, the service's
// own, is OK.
absl::Status CheckScoreEngine(const std::string& engine);

enum class Pooling { kCollective, kIndividual };

// What an epoch is to be scored by: plain twin of proto ScoreEpochHeader,
// which documents the fields. Requests that are equal have equal answers.
struct ScoreRequest {
  Uuid run_uuid{};
  uint64_t epoch = 0;
  Digest particle_digest{};
  uint32_t envs = 0;
  uint32_t horizon = 0;
  uint32_t agents = 0;
  uint32_t dims = 0;
  uint32_t k = 0;
  float floor = 0;
  RewardKind reward = RewardKind::kForward;
  Pooling pooling = Pooling::kCollective;
  std::optional<CoverageGrid> coverage;
  uint32_t window = 1;
  uint64_t seed = 0;
  bool keep_neighbors = false;
  Credit credit = Credit::kLeaveOneOut;
  bool measure_divergences = false;
  uint32_t theiler_window = 0;
  // [dims] or empty.
  std::vector<float> periods;
  uint32_t shard_count = 0;
  uint32_t shard_index = 0;
  // Empty: the service's own.
  std::string engine;

  // Of the epoch, one reward each; and of the pool, id = (env * window + age)
  // * horizon + t with age 0 for the oldest epoch.
  uint64_t samples() const { return uint64_t{envs} * horizon; }
  uint64_t particles() const { return samples() * window; }
  uint64_t particles_per_agent() const { return particles() / agents; }
  // Agents are compared, so there must be several in one pool.
  bool compares_agents() const {
    return measure_divergences || reward == RewardKind::kCrossNovelty ||
           reward == RewardKind::kMarginal;
  }
  // Particles that are no neighbours of one, itself included, at most: its
  // window is of its own trajectory.
  uint64_t most_excluded() const {
    return std::min<uint64_t>(2 * uint64_t{theiler_window} + 1, horizon);
  }
  // Particles that must be left without any one agent, if agents are compared.
  // Neighbours without an agent, unlike those among others, are subject to the
  // window of a particle that is left.
  uint64_t least_others() const {
    return k + (reward == RewardKind::kMarginal ? most_excluded() : 1);
  }
  // Lists of whole pools are held, while scoring or longer.
  bool needs_graph() const { return keep_neighbors || NeedsGraph(reward); }
  // Its k-th distances are all that the answer needs of the search.
  bool takes_distances() const {
    return reward == RewardKind::kForward && !needs_graph() &&
           !compares_agents();
  }
  // The particles [first_of_shard(shard_index), first_of_shard(... + 1)) are
  // all that is searched for; shard_count > 0.
  uint64_t first_of_shard(uint32_t shard) const {
    return particles() * shard / shard_count;
  }
  bool operator==(const ScoreRequest&) const = default;

  // INVALID_ARGUMENT, naming key, value and mend; RESOURCE_EXHAUSTED for more
  // than kMaxParticles or kMaxGraphEntries; errors of CheckScoreEngine.
  absl::Status Validate() const;
};

}  // namespace kmyriad

#endif  // KMYRIAD_ENTROPY_SERVICE_SCORE_REQUEST_H_
