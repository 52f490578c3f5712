#ifndef KMYRIAD_ENTROPY_SERVICE_MEASURED_POOL_H_
#define KMYRIAD_ENTROPY_SERVICE_MEASURED_POOL_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/base/simd_level.h"
#include "common/base/thread_pool.h"
#include "entropy_service/epoch_particles.h"
#include "entropy_service/estimator/neighbor_graph.h"
#include "entropy_service/index/knn_index.h"

namespace kmyriad {

// With what pools are measured.
struct PoolMeasure {
  // As CreateKnnIndex takes it.
  absl::string_view engine;
  SimdLevel level;
  ThreadPool& pool;
  const SearchContext& context;
};

// Particles that are compared with each other, and how far apart they are.
// Rows are those particles that are not masked, in the order of their ids.
struct MeasuredPool {
  // Of each row, ascending.
  std::vector<uint32_t> ids;
  // ln V_i of each row.
  std::vector<double> log_volumes;
  // Mean distance to the k nearest, if the reward needs it.
  std::vector<double> mean_distances;
  // ln V_i of each row with the neighbours among own and among other agents'
  // particles only; if the request needs them. NaN for an agent with too few
  // for k neighbours there.
  std::vector<double> log_volumes_own;
  std::vector<double> log_volumes_others;
  // Marginal entropy of each agent, if the reward needs it.
  std::vector<double> marginals;
  // If the request needs it or keeps it.
  NeighborGraph graph;
  // Rows whose k-th distance was raised to the floor.
  uint64_t floored = 0;
  std::string engine;
  std::string engine_reason;

  // Memory of the vectors.
  size_t bytes() const;
};

// Agent of each row.
std::vector<uint32_t> AgentsOf(const ScoreRequest& request,
                               const MeasuredPool& pool);

// Measures the particles [first, last) of an epoch. FAILED_PRECONDITION unless
// more than k of them are not masked, or where rewards compare agents, too few
// particles of the others are left; INVALID_ARGUMENT for a feature that is
// not finite; CANCELLED.
absl::StatusOr<MeasuredPool> MeasurePool(const EpochParticles& particles,
                                         size_t first, size_t last,
                                         const PoolMeasure& measure);

// Squared k-th distances of the particles of a shard, those that are masked
// getting 0; the pool of each is that of MeasurePool.
struct MeasuredShard {
  // [first_of_shard(index + 1) - first_of_shard(index)]
  std::vector<float> squared_distances;
  std::string engine;
  std::string engine_reason;
};

// Measures the shard that the request names. Errors as above.
absl::StatusOr<MeasuredShard> MeasureShard(const EpochParticles& particles,
                                           const PoolMeasure& measure);

}  // namespace kmyriad

#endif  // KMYRIAD_ENTROPY_SERVICE_MEASURED_POOL_H_
