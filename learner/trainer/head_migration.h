#ifndef KMYRIAD_LEARNER_TRAINER_HEAD_MIGRATION_H_
#define KMYRIAD_LEARNER_TRAINER_HEAD_MIGRATION_H_

#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "common/base/tensor.h"
#include "learner/algorithm/policy_optimizer.h"
#include "learner/trainer/task_reward.h"

namespace kmyriad {

// A use of many heads at one task, as in population-based training
// (reference/method.md 2.3): a head without a success in `after` epochs in a
// row becomes a noisy copy of one that had one in this epoch, the best by
// successes first, then by how soon. At most a quarter of the heads, or two,
// descend from one: what is copied is a way to the goal, not all of them.
class HeadMigration {
 public:
  // Share of the initial heads' spread that a copy differs by.
  static constexpr double kNoise = 0.05;

  HeadMigration(uint32_t agents, uint32_t after);

  // Takes in an epoch; which heads are to be replaced after its update.
  std::vector<HeadCopy> Advance(const TaskOutcome& outcome);

  // "migration.failures", epochs without success in a row, and
  // "migration.founders", the head that each descends from; int64 [m].
  void Save(std::vector<NamedTensor>* tensors) const;
  // Takes its tensors out of `tensors`. INVALID_ARGUMENT naming what is missing
  // or wrong; nothing is changed then.
  absl::Status Load(std::vector<NamedTensor>* tensors);

 private:
  const uint32_t after_;
  std::vector<int64_t> failures_;
  std::vector<int64_t> founders_;
};

}  // namespace kmyriad

#endif  // KMYRIAD_LEARNER_TRAINER_HEAD_MIGRATION_H_
