#ifndef KMYRIAD_ENTROPY_SERVICE_ESTIMATOR_COVERAGE_H_
#define KMYRIAD_ENTROPY_SERVICE_ESTIMATOR_COVERAGE_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/types/span.h"
#include "common/base/environment_spec.h"

namespace kmyriad {

// Cell of particles that are masked or outside the grid.
inline constexpr uint32_t kNoCell = 0xFFFFFFFF;

// The cell, row-major, of each particle's first two features: out [n].
// features [n, dims], dims >= 2; mask [n]. A cell holds its lower edges, not
// its upper ones.
std::vector<uint32_t> CellsOf(const CoverageGrid& grid,
                              absl::Span<const float> features, uint32_t dims,
                              absl::Span<const uint8_t> mask);

// Where a pool has been.
struct Coverage {
  // Visits per cell, [ny, nx].
  std::vector<uint32_t> visits;
  // Reachable cells, and those of them with a visit.
  size_t reachable_cells = 0;
  size_t reachable_cells_hit = 0;
  // Pooled particles outside the grid or in unreachable cells.
  uint64_t unreachable_hits = 0;
  // Shannon entropy of the visits per cell, unreachable cells included, nats.
  // NaN without a visit.
  double grid_entropy_nats = 0;

  // Share of the reachable cells with a visit.
  double ratio() const {
    return static_cast<double>(reachable_cells_hit) /
           static_cast<double>(reachable_cells);
  }
};

// `cells` as CellsOf gives them; `pooled` of them are not masked.
Coverage MeasureCoverage(const CoverageGrid& grid,
                         absl::Span<const uint32_t> cells, size_t pooled);

// Where each agent has been, by itself: [agents].
struct AgentVisits {
  // Share of the reachable cells with a visit of the agent.
  std::vector<double> coverage;
  // Shannon entropy of its visits per cell, nats; NaN without a visit.
  std::vector<double> entropy_nats;
};

// cells [envs * horizon] as CellsOf gives them; agent_of_env [envs], values <
// agents.
AgentVisits MeasureAgentVisits(const CoverageGrid& grid,
                               absl::Span<const uint32_t> cells,
                               absl::Span<const uint32_t> agent_of_env,
                               uint32_t agents);

// Jensen-Shannon divergence of the agents' cell occupancy, nats: the entropy
// of all visits minus the mean entropy of the agents' own visits, weighted by
// their number (with equal numbers: equally). It is the mutual information of
// agent and cell: 0 for agents that go to the same places equally often, ln m
// for m agents that share no cell; never negative. NaN without a visit.
//
// cells [envs * horizon]; agent_of_env [envs], values < agents;
// cell_count: cells are below it or kNoCell.
double OccupancyDivergence(absl::Span<const uint32_t> cells,
                           absl::Span<const uint32_t> agent_of_env,
                           uint32_t agents, size_t cell_count);

// What OccupancyDivergence gives for agents that do not differ: short
// trajectories of one policy differ, too. The mean over eight deals of the
// environments' trajectories to the agents, each agent the same number, by
// Philox stream kNull of (seed, epoch). NaN with one environment per agent:
// there is nothing to deal.
double OccupancyDivergenceNull(absl::Span<const uint32_t> cells, uint32_t envs,
                               uint32_t agents, size_t cell_count,
                               uint64_t seed, uint32_t epoch);

}  // namespace kmyriad

#endif  // KMYRIAD_ENTROPY_SERVICE_ESTIMATOR_COVERAGE_H_
