#include "entropy_service/estimator/knn_entropy_estimator.h"

#include <numbers>

#include "common/math/log_double.h"

namespace kmyriad {

double Digamma(uint64_t n) {
  // psi(n) = psi(n + 1) - 1 / n, up to where the asymptotic series (Abramowitz
  // and Stegun 6.3.18) is exact to the last bit.
  double below = 0;
  for (; n < 16; ++n) below += 1.0 / static_cast<double>(n);
  const double x = static_cast<double>(n);
  const double z = 1 / (x * x);
  const double series =
      z * (1.0 / 12 -
           z * (1.0 / 120 -
                z * (1.0 / 252 -
                     z * (1.0 / 240 - z * (1.0 / 132 - z * (691.0 / 32760))))));
  return LogDouble(x) - 0.5 / x - series - below;
}

double LogUnitBallVolume(uint32_t dims) {
  // c_d = c_(d-2) * 2 pi / d, from c_0 = 1 and c_1 = 2.
  double volume = dims % 2 == 0 ? 1 : 2;
  for (uint32_t d = dims % 2 == 0 ? 2 : 3; d <= dims; d += 2) {
    volume *= 2 * std::numbers::pi / d;
  }
  return LogDouble(volume);
}

double KnnEntropy(uint64_t count, uint32_t k, double mean_log_volume) {
  return Digamma(count) - Digamma(k) + mean_log_volume;
}

size_t LogVolumes(absl::Span<const float> squared_distances, uint32_t dims,
                  float floor, absl::Span<double> out) {
  const double log_unit = LogUnitBallVolume(dims);
  // Squares of floats are exact in double.
  const double least = double{floor} * double{floor};
  size_t floored = 0;
  for (size_t i = 0; i < squared_distances.size(); ++i) {
    double squared = squared_distances[i];
    if (squared < least) {
      squared = least;
      ++floored;
    }
    out[i] = log_unit + 0.5 * dims * LogDouble(squared);
  }
  return floored;
}

}  // namespace kmyriad
