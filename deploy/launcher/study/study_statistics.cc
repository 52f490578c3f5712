#include "deploy/launcher/study/study_statistics.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <numeric>

#include "common/math/philox.h"

namespace kmyriad {
namespace {

constexpr uint32_t kReplicates = 10000;
constexpr double kTail = 0.025;

// Draws every stratum anew with replacement; `arm` tells two arms of one
// replicate apart.
Strata Resample(const Strata& scores, uint32_t replicate, uint32_t arm) {
  Strata drawn = scores;
  for (size_t task = 0; task < scores.size(); ++task) {
    const size_t count = scores[task].size();
    for (size_t i = 0; i < count; ++i) {
      const PhiloxBlock random = RunRandom(
          /*seed=*/0, RandomStream::kBootstrap, static_cast<uint32_t>(task),
          replicate, static_cast<uint32_t>(i), arm);
      drawn[task][i] = scores[task][(uint64_t{random.word[0]} * count) >> 32];
    }
  }
  return drawn;
}

std::vector<double> Flat(const Strata& scores) {
  std::vector<double> values;
  for (const auto& task : scores) {
    values.insert(values.end(), task.begin(), task.end());
  }
  return values;
}

// numpy.quantile's default: linear between order statistics.
double Quantile(const std::vector<double>& sorted, double q) {
  const double at = q * static_cast<double>(sorted.size() - 1);
  const auto below = static_cast<size_t>(at);
  const size_t above = std::min(below + 1, sorted.size() - 1);
  return sorted[below] +
         (at - static_cast<double>(below)) * (sorted[above] - sorted[below]);
}

Interval WithTails(double value, std::vector<double> replicates) {
  std::sort(replicates.begin(), replicates.end());
  return {value, Quantile(replicates, kTail), Quantile(replicates, 1 - kTail)};
}

double MannWhitney(const Strata& x, const Strata& y) {
  double sum = 0;
  for (size_t task = 0; task < x.size(); ++task) {
    double wins = 0;
    for (const double a : x[task]) {
      for (const double b : y[task]) wins += a > b ? 1 : a == b ? 0.5 : 0;
    }
    sum += wins / static_cast<double>(x[task].size() * y[task].size());
  }
  return sum / static_cast<double>(x.size());
}

}  // namespace

double InterquartileMean(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const auto cut = static_cast<std::ptrdiff_t>(values.size() / 4);
  const double sum =
      std::accumulate(values.begin() + cut, values.end() - cut, 0.0);
  return sum / static_cast<double>(values.size() - 2 * (values.size() / 4));
}

Interval InterquartileMeanInterval(const Strata& scores) {
  std::vector<double> means(kReplicates);
  for (uint32_t i = 0; i < kReplicates; ++i) {
    means[i] = InterquartileMean(Flat(Resample(scores, i, 0)));
  }
  return WithTails(InterquartileMean(Flat(scores)), std::move(means));
}

Interval ProbabilityOfImprovement(const Strata& x, const Strata& y) {
  std::vector<double> values(kReplicates);
  for (uint32_t i = 0; i < kReplicates; ++i) {
    values[i] = MannWhitney(Resample(x, i, 0), Resample(y, i, 1));
  }
  return WithTails(MannWhitney(x, y), std::move(values));
}

double ShareAbove(const Strata& scores, double threshold) {
  const std::vector<double> values = Flat(scores);
  const auto above =
      std::count_if(values.begin(), values.end(),
                    [threshold](double value) { return value > threshold; });
  return static_cast<double>(above) / static_cast<double>(values.size());
}

}  // namespace kmyriad
