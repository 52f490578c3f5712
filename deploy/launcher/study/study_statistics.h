#ifndef KMYRIAD_DEPLOY_LAUNCHER_STUDY_STUDY_STATISTICS_H_
#define KMYRIAD_DEPLOY_LAUNCHER_STUDY_STUDY_STATISTICS_H_

#include <vector>

namespace kmyriad {

// Scores of an arm by task: a stratum holds one value per seed. Strata may have
// different sizes, none is empty.
using Strata = std::vector<std::vector<double>>;

// An estimate and its 95 % percentile interval.
struct Interval {
  double value = 0;
  double low = 0;
  double high = 0;
};

// How runs over several tasks are summed up (Agarwal et al., "Deep
// reinforcement learning at the edge of the statistical precipice", NeurIPS
// 2021; reference/method.md 2.5). Pure functions: same values, same bits.

// Mean of what is left when a quarter of the values, rounded down, is cut off
// at each end: scipy.stats.trim_mean(values, 0.25). At least one value.
double InterquartileMean(std::vector<double> values);

// InterquartileMean over all values, with a stratified bootstrap that draws
// seeds anew within each task.
Interval InterquartileMeanInterval(const Strata& scores);

// Mean over tasks of P(x > y) + P(x = y) / 2 for a run of each arm: the
// Mann-Whitney statistic. Both arms have the same tasks. The bootstrap draws
// both arms' seeds anew.
Interval ProbabilityOfImprovement(const Strata& x, const Strata& y);

// Performance profile: share of all values above `threshold`.
double ShareAbove(const Strata& scores, double threshold);

}  // namespace kmyriad

#endif  // KMYRIAD_DEPLOY_LAUNCHER_STUDY_STUDY_STATISTICS_H_
