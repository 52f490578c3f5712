#include "entropy_service/estimator/diversity.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "common/math/exp_double.h"
#include "common/math/log_double.h"
#include "entropy_service/estimator/coverage.h"

namespace kmyriad {
namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
// Rotations double the number of right digits once they are small.
constexpr int kMaxSweeps = 30;

// An agent and its visits to a cell.
using Visit = std::pair<uint32_t, uint32_t>;

// By cell: its visitors, in the order of agents.
std::vector<std::vector<Visit>> VisitorsOf(
    absl::Span<const uint32_t> cells, absl::Span<const uint32_t> agent_of_env,
    uint32_t agents, size_t cell_count) {
  const size_t horizon = cells.size() / agent_of_env.size();
  std::vector<std::vector<uint32_t>> envs_of(agents);
  for (uint32_t env = 0; env < agent_of_env.size(); ++env) {
    envs_of[agent_of_env[env]].push_back(env);
  }
  std::vector<std::vector<Visit>> visitors(cell_count);
  for (uint32_t agent = 0; agent < agents; ++agent) {
    for (const uint32_t env : envs_of[agent]) {
      for (const uint32_t cell : cells.subspan(env * horizon, horizon)) {
        if (cell == kNoCell) continue;
        std::vector<Visit>& own = visitors[cell];
        if (own.empty() || own.back().first != agent) own.push_back({agent, 0});
        ++own.back().second;
      }
    }
  }
  return visitors;
}

double VendiScore(const std::vector<std::vector<Visit>>& visitors,
                  const std::vector<double>& totals) {
  // Rows of agents that have visits.
  std::vector<size_t> row(totals.size());
  size_t present = 0;
  for (size_t agent = 0; agent < totals.size(); ++agent) {
    row[agent] = present;
    if (totals[agent] > 0) ++present;
  }
  if (present > kMaxVendiAgents) return kNan;
  std::vector<double> kernel(present * present);
  for (const std::vector<Visit>& cell : visitors) {
    for (const auto& [a, visits_a] : cell) {
      for (const auto& [b, visits_b] : cell) {
        kernel[row[a] * present + row[b]] +=
            std::sqrt(visits_a / totals[a] * (visits_b / totals[b]));
      }
    }
  }
  double entropy = 0;
  for (const double value : SymmetricEigenvalues(std::move(kernel), present)) {
    const double share = value / static_cast<double>(present);
    if (share > 0) entropy -= share * LogDouble(share);
  }
  return ExpDouble(entropy);
}

// Turns rows and columns p and q so that matrix[p, q] becomes zero.
void Rotate(std::vector<double>& matrix, size_t n, size_t p, size_t q) {
  const double off = matrix[p * n + q];
  const double theta = (matrix[q * n + q] - matrix[p * n + p]) / (2 * off);
  const double t =
      (theta >= 0 ? 1 : -1) / (std::abs(theta) + std::sqrt(theta * theta + 1));
  const double c = 1 / std::sqrt(t * t + 1);
  const double s = t * c;
  for (size_t i = 0; i < n; ++i) {
    const double ip = matrix[i * n + p];
    const double iq = matrix[i * n + q];
    matrix[i * n + p] = c * ip - s * iq;
    matrix[i * n + q] = s * ip + c * iq;
  }
  for (size_t i = 0; i < n; ++i) {
    const double pi = matrix[p * n + i];
    const double qi = matrix[q * n + i];
    matrix[p * n + i] = c * pi - s * qi;
    matrix[q * n + i] = s * pi + c * qi;
  }
  matrix[p * n + q] = matrix[q * n + p] = 0;
}

}  // namespace

std::vector<double> AgentDivergences(absl::Span<const double> log_own,
                                     absl::Span<const double> log_others,
                                     absl::Span<const uint32_t> agents,
                                     uint32_t agent_count) {
  std::vector<double> sums(agent_count);
  std::vector<uint64_t> counts(agent_count);
  for (size_t i = 0; i < agents.size(); ++i) {
    sums[agents[i]] += log_others[i] - log_own[i];
    ++counts[agents[i]];
  }
  for (uint32_t agent = 0; agent < agent_count; ++agent) {
    const auto own = static_cast<double>(counts[agent]);
    const double others = static_cast<double>(agents.size()) - own;
    sums[agent] = own < 2 || others < 1
                      ? kNan
                      : sums[agent] / own + LogDouble(others / (own - 1));
  }
  return sums;
}

CellSharing MeasureCellSharing(absl::Span<const uint32_t> cells,
                               absl::Span<const uint32_t> agent_of_env,
                               uint32_t agents, size_t cell_count) {
  const std::vector<std::vector<Visit>> visitors =
      VisitorsOf(cells, agent_of_env, agents, cell_count);
  std::vector<double> totals(agents);
  std::vector<double> visited(agents);
  std::vector<double> owned(agents);
  std::vector<double> crowded(agents);
  for (const std::vector<Visit>& cell : visitors) {
    if (cell.empty()) continue;
    const auto owner = std::max_element(
        cell.begin(), cell.end(),
        [](const Visit& a, const Visit& b) { return a.second < b.second; });
    ++owned[owner->first];
    const bool crowd = 2 * cell.size() >= agents;
    for (const auto& [agent, visits] : cell) {
      totals[agent] += visits;
      ++visited[agent];
      if (crowd) ++crowded[agent];
    }
  }
  CellSharing sharing;
  double present = 0;
  for (uint32_t agent = 0; agent < agents; ++agent) {
    if (visited[agent] == 0) continue;
    ++present;
    sharing.owner_share += owned[agent] / visited[agent];
    sharing.redundancy += crowded[agent] / visited[agent];
  }
  if (present == 0) return {kNan, kNan, kNan};
  sharing.owner_share /= present;
  sharing.redundancy /= present;
  sharing.vendi_score = VendiScore(visitors, totals);
  return sharing;
}

std::vector<double> SymmetricEigenvalues(std::vector<double> matrix, size_t n) {
  for (int sweep = 0; sweep < kMaxSweeps; ++sweep) {
    double diagonal = 0;
    double off_diagonal = 0;
    for (size_t p = 0; p < n; ++p) {
      diagonal += matrix[p * n + p] * matrix[p * n + p];
      for (size_t q = p + 1; q < n; ++q) {
        off_diagonal += matrix[p * n + q] * matrix[p * n + q];
      }
    }
    if (off_diagonal <= 1e-30 * diagonal) break;
    for (size_t p = 0; p < n; ++p) {
      for (size_t q = p + 1; q < n; ++q) {
        if (matrix[p * n + q] != 0) Rotate(matrix, n, p, q);
      }
    }
  }
  std::vector<double> values(n);
  for (size_t p = 0; p < n; ++p) values[p] = matrix[p * n + p];
  return values;
}

}  // namespace kmyriad
