#ifndef KMYRIAD_TESTS_LEARNER_TESTING_FAKE_POLICY_OPTIMIZER_H_
#define KMYRIAD_TESTS_LEARNER_TESTING_FAKE_POLICY_OPTIMIZER_H_

#include <memory>
#include <vector>

#include "absl/status/statusor.h"
#include "learner/algorithm/policy_optimizer.h"

namespace kmyriad {

// An optimiser whose update is a cheap function of every bit of its inputs and
// of its whole state, so that two runs end with equal parameters only if each
// update saw the same samples, rewards, epoch, normaliser and state.
absl::StatusOr<std::unique_ptr<PolicyOptimizer>> MakeFakePolicyOptimizer(
    const PolicyOptimizerOptions& options);

}  // namespace kmyriad

#endif  // KMYRIAD_TESTS_LEARNER_TESTING_FAKE_POLICY_OPTIMIZER_H_
