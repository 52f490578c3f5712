#include "entropy_service/estimator/coverage.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "common/math/log_double.h"
#include "common/math/philox.h"

namespace kmyriad {
namespace {

// Deals behind the null: enough for two digits, cheap beside the k-NN.
constexpr uint32_t kDeals = 8;

double CountLogCount(uint32_t count) {
  return count < 2 ? 0.0 : count * LogDouble(count);
}

// Index along one axis, or -1.
int64_t CellAlong(double value, double minimum, double size, uint32_t cells) {
  const double index = std::floor((value - minimum) / size);
  return index >= 0 && index < cells ? static_cast<int64_t>(index) : -1;
}

// Counts visits per cell in buffers that it clears by itself, so that many
// small groups cost what they visit, not what the grid holds.
class VisitCounter {
 public:
  explicit VisitCounter(size_t cell_count) : counts_(cell_count) {}

  void Add(absl::Span<const uint32_t> cells) {
    for (const uint32_t cell : cells) {
      if (cell == kNoCell) continue;
      if (counts_[cell]++ == 0) touched_.push_back(cell);
      ++total_;
    }
  }
  uint64_t total() const { return total_; }
  // Cells with a visit that `set` [cell_count] holds.
  size_t CellsIn(absl::Span<const uint8_t> set) const {
    size_t cells = 0;
    for (const uint32_t cell : touched_) cells += set[cell] != 0;
    return cells;
  }
  // Sum over cells of count * ln(count); forgets the counts. The order is that
  // of the first visits.
  double TakeCountLogCounts() {
    double sum = 0;
    for (const uint32_t cell : touched_) {
      sum += CountLogCount(counts_[cell]);
      counts_[cell] = 0;
    }
    touched_.clear();
    total_ = 0;
    return sum;
  }

 private:
  std::vector<uint32_t> counts_;
  std::vector<uint32_t> touched_;
  uint64_t total_ = 0;
};

// Environments of each agent, in order.
std::vector<std::vector<uint32_t>> EnvsOfAgents(
    absl::Span<const uint32_t> agent_of_env, uint32_t agents) {
  std::vector<std::vector<uint32_t>> envs_of(agents);
  for (uint32_t env = 0; env < agent_of_env.size(); ++env) {
    envs_of[agent_of_env[env]].push_back(env);
  }
  return envs_of;
}

}  // namespace

std::vector<uint32_t> CellsOf(const CoverageGrid& grid,
                              absl::Span<const float> features, uint32_t dims,
                              absl::Span<const uint8_t> mask) {
  std::vector<uint32_t> cells(mask.size(), kNoCell);
  for (size_t i = 0; i < mask.size(); ++i) {
    if (mask[i] == 0) continue;
    const int64_t x =
        CellAlong(features[i * dims], grid.x_min, grid.cell_size, grid.nx);
    const int64_t y =
        CellAlong(features[i * dims + 1], grid.y_min, grid.cell_size, grid.ny);
    if (x >= 0 && y >= 0) cells[i] = static_cast<uint32_t>(y * grid.nx + x);
  }
  return cells;
}

Coverage MeasureCoverage(const CoverageGrid& grid,
                         absl::Span<const uint32_t> cells, size_t pooled) {
  Coverage coverage;
  coverage.visits.assign(grid.reachable.size(), 0);
  for (const uint32_t cell : cells) {
    if (cell != kNoCell) ++coverage.visits[cell];
  }
  uint64_t visits = 0;
  uint64_t reachable_visits = 0;
  double count_log_counts = 0;
  for (size_t cell = 0; cell < coverage.visits.size(); ++cell) {
    const uint32_t count = coverage.visits[cell];
    visits += count;
    count_log_counts += CountLogCount(count);
    if (grid.reachable[cell] == 0) continue;
    ++coverage.reachable_cells;
    reachable_visits += count;
    if (count > 0) ++coverage.reachable_cells_hit;
  }
  coverage.unreachable_hits = pooled - reachable_visits;
  const auto total = static_cast<double>(visits);
  coverage.grid_entropy_nats =
      visits == 0 ? std::numeric_limits<double>::quiet_NaN()
                  : LogDouble(total) - count_log_counts / total;
  return coverage;
}

AgentVisits MeasureAgentVisits(const CoverageGrid& grid,
                               absl::Span<const uint32_t> cells,
                               absl::Span<const uint32_t> agent_of_env,
                               uint32_t agents) {
  const size_t horizon = cells.size() / agent_of_env.size();
  const auto reachable = static_cast<double>(
      grid.reachable.size() -
      static_cast<size_t>(std::count(grid.reachable.begin(),
                                     grid.reachable.end(), uint8_t{0})));
  AgentVisits visits;
  VisitCounter counter(grid.reachable.size());
  for (const auto& own : EnvsOfAgents(agent_of_env, agents)) {
    for (const uint32_t env : own) {
      counter.Add(cells.subspan(env * horizon, horizon));
    }
    const auto total = static_cast<double>(counter.total());
    visits.coverage.push_back(
        static_cast<double>(counter.CellsIn(grid.reachable)) / reachable);
    const double count_log_counts = counter.TakeCountLogCounts();
    visits.entropy_nats.push_back(
        total > 0 ? LogDouble(total) - count_log_counts / total
                  : std::numeric_limits<double>::quiet_NaN());
  }
  return visits;
}

double OccupancyDivergence(absl::Span<const uint32_t> cells,
                           absl::Span<const uint32_t> agent_of_env,
                           uint32_t agents, size_t cell_count) {
  const size_t horizon = cells.size() / agent_of_env.size();
  VisitCounter counter(cell_count);
  // With n_a visits of agent a, c_as of them in cell s, C_s = sum_a c_as and
  // n = sum_a n_a: JSD = ln n - (1/n) (sum_s C_s ln C_s + sum_a n_a ln n_a
  //                                    - sum_as c_as ln c_as).
  double agents_and_cells = 0;
  double own_totals = 0;
  for (const auto& own : EnvsOfAgents(agent_of_env, agents)) {
    for (const uint32_t env : own) {
      counter.Add(cells.subspan(env * horizon, horizon));
    }
    const auto visits = static_cast<double>(counter.total());
    if (visits > 0) own_totals += visits * LogDouble(visits);
    agents_and_cells += counter.TakeCountLogCounts();
  }
  counter.Add(cells);
  if (counter.total() == 0) return std::numeric_limits<double>::quiet_NaN();
  const auto total = static_cast<double>(counter.total());
  const double cell_totals = counter.TakeCountLogCounts();
  const double divergence =
      LogDouble(total) - (cell_totals + own_totals - agents_and_cells) / total;
  // Roundings may leave a trifle below zero.
  return std::max(divergence, 0.0);
}

double OccupancyDivergenceNull(absl::Span<const uint32_t> cells, uint32_t envs,
                               uint32_t agents, size_t cell_count,
                               uint64_t seed, uint32_t epoch) {
  const uint32_t per_agent = envs / agents;
  if (per_agent < 2) return std::numeric_limits<double>::quiet_NaN();
  std::vector<uint32_t> agent_of_env(envs);
  double sum = 0;
  for (uint32_t deal = 0; deal < kDeals; ++deal) {
    for (uint32_t env = 0; env < envs; ++env) {
      agent_of_env[env] = env / per_agent;
    }
    // Fisher-Yates; the bias of the multiplication is below envs / 2^32.
    for (uint32_t i = envs - 1; i > 0; --i) {
      const uint32_t word =
          RunRandom(seed, RandomStream::kNull, i, epoch, deal, 0).word[0];
      const auto j = static_cast<uint32_t>((uint64_t{word} * (i + 1)) >> 32);
      std::swap(agent_of_env[i], agent_of_env[j]);
    }
    sum += OccupancyDivergence(cells, agent_of_env, agents, cell_count);
  }
  return sum / kDeals;
}

}  // namespace kmyriad
