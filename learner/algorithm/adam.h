#ifndef KMYRIAD_LEARNER_ALGORITHM_ADAM_H_
#define KMYRIAD_LEARNER_ALGORITHM_ADAM_H_

#include <ATen/ATen.h>

#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "common/base/tensor.h"
#include "learner/network/named_tensors.h"
#include "learner/network/parameter.h"

namespace kmyriad {

// Adam (Kingma and Ba 2015) over parameters that a network owns, as plain
// tensor operations in a fixed order. betas 0.9 and 0.999; eps 1e-8, since
// gradients of single heads are small (method.md 1.3). The tensors [m, H, A]
// of the heads make its state per-head state. Not thread-safe.
class Adam {
 public:
  // `parameters` stay where they are while this object lives. The first
  // `holdable` of them can sit steps out.
  explicit Adam(const ParameterList& parameters, size_t holdable = 0);

  // One step along the parameters' gradients; learning_rates[i] is that of
  // parameter i. `hold`: the holdable ones stay as they are, moments and the
  // count of steps that corrects them included.
  void Step(const std::vector<double>& learning_rates, bool hold = false);

  // "adam.NAME.first", "adam.NAME.second" [shape of the parameter] and
  // "adam.steps" int64 [1], or [2] with the number of held steps if there were
  // any.
  std::vector<NamedTensor> Save();
  // INVALID_ARGUMENT naming the tensor, nothing changed.
  absl::Status Check(std::vector<NamedTensor> tensors);
  // Takes over checked tensors.
  void Load(std::vector<NamedTensor> tensors);

  // Parameters and moments, to go back to after a failed update.
  struct State {
    std::vector<at::Tensor> tensors;
    int64_t steps = 0;
    int64_t held = 0;
  };
  State Snapshot() const;
  void Restore(const State& state);

 private:
  struct Moments {
    Parameter* parameter = nullptr;
    at::Tensor first;
    at::Tensor second;
  };
  std::vector<TensorSlot> Slots();

  std::vector<Moments> moments_;
  const size_t holdable_;
  int64_t steps_ = 0;
  // Steps that the holdable parameters sat out.
  int64_t held_ = 0;
};

}  // namespace kmyriad

#endif  // KMYRIAD_LEARNER_ALGORITHM_ADAM_H_
