#ifndef KMYRIAD_COMMON_POLICY_OBSERVATION_NORMALIZER_H_
#define KMYRIAD_COMMON_POLICY_OBSERVATION_NORMALIZER_H_

#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/base/environment_spec.h"
#include "common/base/tensor.h"

namespace kmyriad {

// Running mean and variance of the observation columns that the environment
// marks as running; the others keep their initial values for ever. Starts
// from the environment's table, counted as `kPriorCount` samples. Updated by
// the learner once per epoch, after the policy update, in block order, and
// frozen after a tenth of the schedule (method.md 1.4). fp64. Not thread-safe.
class ObservationNormalizer {
 public:
  static constexpr double kPriorCount = 10000;

  explicit ObservationNormalizer(const std::vector<ObservationColumn>& columns);

  // Merges `rows` observations [rows, obs_dim] (Chan's parallel formula, rows
  // summed in order). Non-finite rows are the caller's to leave out.
  void Merge(const float* observations, uint64_t rows);
  void Freeze() { frozen_ = true; }
  bool frozen() const { return frozen_; }

  std::vector<float> Mean() const;
  // 1 / max(std, 1e-3).
  std::vector<float> InverseStd() const;

  // State as tensors "normalizer.*" (mean, m2, count, frozen) for checkpoints.
  std::vector<NamedTensor> Save() const;
  // INVALID_ARGUMENT if a tensor is missing or has another shape.
  absl::Status Load(const std::vector<NamedTensor>& tensors);

 private:
  std::vector<ObservationColumn> columns_;
  std::vector<double> mean_;
  std::vector<double> m2_;
  double count_ = kPriorCount;
  bool frozen_ = false;
};

}  // namespace kmyriad

#endif  // KMYRIAD_COMMON_POLICY_OBSERVATION_NORMALIZER_H_
