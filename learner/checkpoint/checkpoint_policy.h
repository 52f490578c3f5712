#ifndef KMYRIAD_LEARNER_CHECKPOINT_CHECKPOINT_POLICY_H_
#define KMYRIAD_LEARNER_CHECKPOINT_CHECKPOINT_POLICY_H_

#include <vector>

#include "absl/status/statusor.h"
#include "common/base/environment_spec.h"
#include "common/base/tensor.h"
#include "common/policy/network_shape.h"
#include "common/policy/policy_weights.h"
#include "learner/checkpoint/checkpointer.h"

namespace kmyriad {

// The policy that a checkpoint would act with, all heads: what the learner
// would publish for the next epoch, to the bit, without LibTorch. `columns` are
// the run's observation columns. INVALID_ARGUMENT naming the tensor that is
// missing or does not fit `shape`.
absl::StatusOr<PolicyWeights> PolicyOfCheckpoint(
    const CheckpointContent& content, const NetworkShape& shape,
    const std::vector<ObservationColumn>& columns);

}  // namespace kmyriad

#endif  // KMYRIAD_LEARNER_CHECKPOINT_CHECKPOINT_POLICY_H_
