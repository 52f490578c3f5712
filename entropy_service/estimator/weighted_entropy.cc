#include "entropy_service/estimator/weighted_entropy.h"

#include <algorithm>
#include <cstddef>
#include <limits>

#include "common/base/check.h"
#include "common/math/exp_double.h"
#include "common/math/log_double.h"
#include "entropy_service/estimator/knn_entropy_estimator.h"
#include "entropy_service/estimator/tree_sum.h"

namespace kmyriad {
namespace {

// Normalised weights, and how many samples each group's are worth.
struct Weights {
  std::vector<double> of_row;
  std::vector<double> group_effective_samples;
  // Mass of each group that has rows.
  double group_mass = 0;
};

Weights Normalize(const WeightedPool& pool,
                  absl::Span<const double> log_weights) {
  const size_t rows = log_weights.size();
  std::vector<double> largest(pool.group_count,
                              -std::numeric_limits<double>::infinity());
  for (size_t j = 0; j < rows; ++j) {
    double& most = largest[pool.groups[j]];
    most = std::max(most, log_weights[j]);
  }
  Weights weights;
  weights.of_row.resize(rows);
  std::vector<double> sum(pool.group_count);
  std::vector<double> squares(pool.group_count);
  for (size_t j = 0; j < rows; ++j) {
    const uint32_t group = pool.groups[j];
    const double u = ExpDouble(log_weights[j] - largest[group]);
    weights.of_row[j] = u;
    sum[group] += u;
    squares[group] += u * u;
  }
  weights.group_effective_samples.resize(pool.group_count);
  size_t present = 0;
  for (uint32_t group = 0; group < pool.group_count; ++group) {
    if (sum[group] == 0) continue;
    ++present;
    weights.group_effective_samples[group] =
        sum[group] * sum[group] / squares[group];
  }
  weights.group_mass = 1 / static_cast<double>(present);
  for (size_t j = 0; j < rows; ++j) {
    weights.of_row[j] *= weights.group_mass / sum[pool.groups[j]];
  }
  return weights;
}

// g_j: the sum of slope(i) over the rows i whose members j is among.
template <typename Slope>
std::vector<double> Scatter(const WeightedPool& pool, NeighborSet set,
                            const Slope& slope) {
  std::vector<double> g(pool.graph.size());
  for (size_t i = 0; i < g.size(); ++i) {
    const double of_row = slope(i);
    ForEachMember(pool.graph, set, i, [&](size_t j) { g[j] += of_row; });
  }
  return g;
}

// Turns g_j, a derivative with respect to w_j, into one with respect to the
// log-weight of j.
void ThroughNormalization(const WeightedPool& pool, const Weights& weights,
                          std::vector<double>& g) {
  std::vector<double> mean(pool.group_count);
  for (size_t j = 0; j < g.size(); ++j) {
    mean[pool.groups[j]] += weights.of_row[j] * g[j];
  }
  for (size_t j = 0; j < g.size(); ++j) {
    g[j] =
        weights.of_row[j] * (g[j] - mean[pool.groups[j]] / weights.group_mass);
  }
}

}  // namespace

WeightedEntropy EvaluateWeights(const WeightedPool& pool, NeighborSet set,
                                WeightedForm form,
                                absl::Span<const double> log_weights) {
  const size_t rows = pool.graph.size();
  KMYRIAD_CHECK(rows > 0 && log_weights.size() == rows &&
                pool.log_volumes.size() == rows && pool.groups.size() == rows);
  const uint32_t k = pool.graph.k;
  const auto n = static_cast<double>(rows);
  const Weights weights = Normalize(pool, log_weights);
  // W_i and ln W_i.
  std::vector<double> mass(rows);
  std::vector<double> log_mass(rows);
  for (size_t i = 0; i < rows; ++i) {
    double sum = 0;
    ForEachMember(pool.graph, set, i,
                  [&](size_t j) { sum += weights.of_row[j]; });
    mass[i] = sum;
    log_mass[i] = LogDouble(sum);
  }
  const bool mepol = form == WeightedForm::kMepol;
  const double total =
      mepol ? k : TreeSum(0, rows, [&](size_t i) { return mass[i]; });
  const double surprise =
      TreeSum(0, rows,
              [&](size_t i) {
                return mass[i] * (pool.log_volumes[i] - log_mass[i]);
              }) /
      total;
  WeightedEntropy result;
  result.entropy_nats = surprise + LogDouble(k) - Digamma(k);
  if (!mepol) result.entropy_nats += Digamma(rows) - LogDouble(n);
  result.kl_nats = LogDouble(k / n) -
                   TreeSum(0, rows, [&](size_t i) { return log_mass[i]; }) / n;
  const double squares = TreeSum(
      0, rows, [&](size_t j) { return weights.of_row[j] * weights.of_row[j]; });
  result.effective_samples = 1 / squares;
  result.group_effective_samples = weights.group_effective_samples;
  // dH/dW_i.
  const double shift = 1 + (mepol ? 0 : surprise);
  result.entropy_gradient = Scatter(pool, set, [&](size_t i) {
    return (pool.log_volumes[i] - log_mass[i] - shift) / total;
  });
  ThroughNormalization(pool, weights, result.entropy_gradient);
  return result;
}

}  // namespace kmyriad
