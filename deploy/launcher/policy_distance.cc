#include "deploy/launcher/policy_distance.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace kmyriad {
namespace {

// Adds a [m, n] times the transpose of b [m, n] to c [m, m]; n is cut so that a
// part of both stays in the cache.
void AddProduct(const std::vector<double>& a, const std::vector<double>& b,
                size_t m, size_t n, std::vector<double>* c) {
  constexpr size_t kPart = 256;
  for (size_t from = 0; from < n; from += kPart) {
    const size_t to = std::min(n, from + kPart);
    for (size_t i = 0; i < m; ++i) {
      for (size_t j = 0; j < m; ++j) {
        double sum = 0;
        for (size_t k = from; k < to; ++k) sum += a[i * n + k] * b[j * n + k];
        (*c)[i * m + j] += sum;
      }
    }
  }
}

// Fills in what is said of pairs.
void Summarize(size_t m, PolicyDistances* distances) {
  if (m < 2) return;
  std::vector<double> pairs;
  double nearest_sum = 0;
  for (size_t i = 0; i < m; ++i) {
    double nearest = std::numeric_limits<double>::infinity();
    for (size_t j = 0; j < m; ++j) {
      if (i == j) continue;
      const double distance = distances->matrix[i * m + j];
      nearest = std::min(nearest, distance);
      distances->mean += distance;
      if (i < j) pairs.push_back(distance);
    }
    nearest_sum += nearest;
  }
  distances->mean /= static_cast<double>(m * (m - 1));
  distances->nearest = nearest_sum / static_cast<double>(m);
  std::sort(pairs.begin(), pairs.end());
  distances->median =
      (pairs[(pairs.size() - 1) / 2] + pairs[pairs.size() / 2]) / 2;
}

}  // namespace

PolicyDistances DistancesOf(const PolicyWeights& weights,
                            const std::vector<float>& means) {
  const size_t m = weights.agent_count;
  const size_t act = weights.shape.act_dim;
  const size_t n = means.size() / m;
  const auto count = static_cast<double>(n / act);
  // KL(i, j) at a state = sum_d ln(s_j / s_i) + (s_i^2 + (mu_i - mu_j)^2) / 2
  // s_j^2 - 1/2.
  std::vector<double> mu(means.begin(), means.end());
  std::vector<double> square(m * n), scaled(m * n), precision(m * n);
  for (size_t i = 0; i < m; ++i) {
    for (size_t k = 0; k < n; ++k) {
      const double log_std = weights.head_log_std[i * act + k % act];
      const double p = std::exp(-2 * log_std);
      precision[i * n + k] = p;
      scaled[i * n + k] = -2 * p * mu[i * n + k];
      square[i * n + k] = mu[i * n + k] * mu[i * n + k];
    }
  }
  // [i, j]: sum over (state, action) of (mu_i - mu_j)^2 / s_j^2.
  std::vector<double> sums(m * m);
  AddProduct(square, precision, m, n, &sums);
  AddProduct(mu, scaled, m, n, &sums);
  for (size_t j = 0; j < m; ++j) {
    double own = 0;
    for (size_t k = 0; k < n; ++k) {
      own += square[j * n + k] * precision[j * n + k];
    }
    for (size_t i = 0; i < m; ++i) sums[i * m + j] += own;
  }
  PolicyDistances distances;
  distances.matrix.assign(m * m, 0);
  for (size_t i = 0; i < m; ++i) {
    for (size_t j = 0; j < m; ++j) {
      if (i == j) continue;
      double widths = 0;
      for (size_t d = 0; d < act; ++d) {
        const double own = weights.head_log_std[i * act + d];
        const double other = weights.head_log_std[j * act + d];
        const double ratio = 2 * (own - other);
        widths += 0.5 * (std::exp(ratio) + std::exp(-ratio)) - 1;
      }
      distances.matrix[i * m + j] =
          widths + 0.5 * (sums[i * m + j] + sums[j * m + i]) / count;
    }
  }
  Summarize(m, &distances);
  return distances;
}

}  // namespace kmyriad
