#ifndef KMYRIAD_LEARNER_ALGORITHM_ADVANTAGES_H_
#define KMYRIAD_LEARNER_ALGORITHM_ADVANTAGES_H_

#include <cstdint>

namespace kmyriad {

// Generalised advantage estimation (Schulman et al. 2016, eq. 16) over
// episodes of fixed length: with delta_t = r_t + gamma V_{t+1} - V_t and
// V_T = 0,
//   A_t = sum_{l >= 0} (gamma lambda)^l delta_{t+l}.
// Nothing is bootstrapped at T: the observation holds t/T, so the end of the
// episode is part of the state (method.md 1.6). All arrays are
// [episodes, horizon] row-major; sums run in fp64, backwards in time. An
// episode ends early before its first sample that does not count (counts 0;
// null: all count); advantages from there on are 0.
void ComputeAdvantages(const float* rewards, const float* values,
                       uint32_t episodes, uint32_t horizon, double gamma,
                       double lambda, float* advantages,
                       const uint8_t* counts = nullptr);

// Brings each group of `group_size` consecutive numbers to mean 0 and standard
// deviation 1 (a group without spread to zeros). fp64, in order. Numbers that
// do not count (counts 0; null: all count) become 0.
void StandardizeGroups(float* values, uint64_t groups, uint64_t group_size,
                       const uint8_t* counts = nullptr);

// 1 - Var(returns - values) / Var(returns); 0 if the returns have no spread.
double ExplainedVariance(const float* returns, const float* values,
                         uint64_t count);

}  // namespace kmyriad

#endif  // KMYRIAD_LEARNER_ALGORITHM_ADVANTAGES_H_
