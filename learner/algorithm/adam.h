#ifndef KMYRIAD_LEARNER_ALGORITHM_ADAM_H_
#define KMYRIAD_LEARNER_ALGORITHM_ADAM_H_

#include <ATen/ATen.h>

#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/optional.h"
#include "common/base/tensor.h"
#include "learner/network/named_tensors.h"
#include "learner/network/parameter.h"

namespace kmyriad {

// Adam (Kingma and Ba 2015) over parameters that a network owns, as plain
// tensor operations in a fixed order. betas 0.9 and 0.999; eps 1e-8, since
// gradients of single heads are small (method.md 1.3). Each agent's part of the
// heads is stepped by itself. Not thread-safe.
class Adam {
 public:
  // Parameters stay where they are while this object lives. `heads` are
  // [m, ., .], agents first; `trunk` is shared by all agents, and so is the
  // `critic` but for `agent_rows`, one of its parameters, whose rows are the
  // agents' [m, .]; null: all of it.
  Adam(const ParameterList& trunk, const ParameterList& heads,
       const ParameterList& critic, const Parameter* agent_rows);

  // One step along the parameters' gradients. `trained` [m], 1 or 0, tells
  // which agents take part, empty: all. The others' heads, and the trunk if
  // there are none, stay as they are, moments and the count of steps that
  // corrects them included.
  void Step(double policy_rate, double critic_rate,
            const std::vector<uint8_t>& trained = {});

  // The head of an agent, and its row of `agent_rows`, are another one's:
  // moments and the count of steps that corrects them begin anew.
  void ForgetAgent(int64_t agent);

  // "adam.NAME.first", "adam.NAME.second" [shape of the parameter] and
  // "adam.steps" int64 [1]: steps; or [2 + m] with the steps that the trunk,
  // and each agent's head, sat out, if there were any; or [2 + 2 m] with those
  // of `agent_rows`, too. Older checkpoints have [2], from when trunk and heads
  // sat out together: the second is for all.
  std::vector<NamedTensor> Save();
  // INVALID_ARGUMENT naming the tensor, nothing changed.
  absl::Status Check(std::vector<NamedTensor> tensors);
  // Takes over checked tensors.
  void Load(std::vector<NamedTensor> tensors);

  struct StepCounts {
    int64_t steps = 0;
    // Steps that the trunk, each agent's head [m], and its row of `agent_rows`
    // [m] (empty without) sat out.
    int64_t trunk_held = 0;
    std::vector<int64_t> head_held;
    std::vector<int64_t> row_held;
  };
  // Parameters and moments, to go back to after a failed update.
  struct State {
    std::vector<at::Tensor> tensors;
    StepCounts counts;
  };
  State Snapshot() const;
  void Restore(const State& state);

 private:
  struct Moments {
    Parameter* parameter = nullptr;
    at::Tensor first;
    at::Tensor second;
  };
  // Steps the rows [first, first + count) of a parameter that has taken part in
  // `step` steps, this one included.
  static void StepRows(const Moments& moments, int64_t first, int64_t count,
                       int64_t step, double rate);
  // Steps those of the parameters [begin, end) whose agents take part;
  // `held` [m] are the steps that agents sat out.
  void StepAgents(size_t begin, size_t end, const std::vector<int64_t>& held,
                  double rate, const std::vector<uint8_t>& trained);
  std::vector<TensorSlot> Slots();
  // The counter among `tensors`, which it is taken from.
  absl::StatusOr<StepCounts> TakeSteps(std::vector<NamedTensor>* tensors) const;

  // Trunk, heads, critic.
  std::vector<Moments> moments_;
  const size_t trunk_end_;
  const size_t heads_end_;
  // Place of `agent_rows`.
  absl::optional<size_t> agent_rows_;
  StepCounts counts_;
};

}  // namespace kmyriad

#endif  // KMYRIAD_LEARNER_ALGORITHM_ADAM_H_
