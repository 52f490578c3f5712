#ifndef KMYRIAD_TESTS_LEARNER_ALGORITHM_OPTIMIZER_PROBE_H_
#define KMYRIAD_TESTS_LEARNER_ALGORITHM_OPTIMIZER_PROBE_H_

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "common/base/tensor.h"
#include "learner/algorithm/policy_optimizer.h"
#include "tests/learner/algorithm/synthetic_epoch.h"

namespace kmyriad {

// What the tests of the optimiser share: epochs for it, and looks at its state.

inline constexpr uint32_t kEnvs = 8;
inline constexpr uint32_t kHorizon = 40;
inline const std::vector<float> kMean(5, 0.1f);
inline const std::vector<float> kInvStd(5, 0.8f);

// Rewards actions that point along the first observation.
inline double AlignReward(uint32_t, const float* observation,
                          const float* action) {
  return observation[0] > 0 ? action[0] : -action[0];
}

inline std::unique_ptr<PolicyOptimizer> MakeOptimizer(
    const PolicyOptimizerOptions& options) {
  auto optimizer = PolicyOptimizer::Create(options);
  EXPECT_TRUE(optimizer.ok()) << optimizer.status();
  return std::move(optimizer).value();
}

inline PolicyWeights PolicyOf(PolicyOptimizer& optimizer) {
  auto policy = optimizer.Policy(kMean, kInvStd);
  EXPECT_TRUE(policy.ok()) << policy.status();
  return std::move(policy).value();
}

inline SyntheticEpoch EpochOf(PolicyOptimizer& optimizer, uint32_t draw) {
  return MakeEpoch(PolicyOf(optimizer), kEnvs, kHorizon, draw, AlignReward);
}

inline UpdateStats MustUpdate(PolicyOptimizer& optimizer, uint64_t epoch) {
  const SyntheticEpoch data = EpochOf(optimizer, static_cast<uint32_t>(epoch));
  auto stats = optimizer.Update(data.View(), epoch, kMean, kInvStd, nullptr);
  EXPECT_TRUE(stats.ok()) << stats.status();
  return stats.value_or(UpdateStats());
}

inline std::vector<uint8_t> Bytes(const std::vector<NamedTensor>& tensors) {
  std::vector<uint8_t> bytes;
  for (const NamedTensor& tensor : tensors) {
    bytes.insert(bytes.end(), tensor.data.begin(), tensor.data.end());
  }
  return bytes;
}

inline std::vector<uint8_t> StateOf(PolicyOptimizer& optimizer) {
  std::vector<uint8_t> bytes = Bytes(optimizer.SaveParameters());
  const std::vector<uint8_t> more = Bytes(optimizer.SaveOptimizer());
  bytes.insert(bytes.end(), more.begin(), more.end());
  return bytes;
}

inline std::vector<float> FloatsOf(PolicyOptimizer& optimizer,
                                   const std::string& name) {
  const std::vector<NamedTensor> tensors = optimizer.SaveParameters();
  const NamedTensor* const tensor = FindTensor(tensors, name);
  if (tensor != nullptr) return ElementsOf<float>(*tensor);
  ADD_FAILURE() << "no tensor " << name;
  return {};
}

// One agent's part of all tensors of the heads.
inline std::vector<float> HeadOf(PolicyOptimizer& optimizer, size_t agent) {
  std::vector<float> head;
  for (const char* name : {"heads.weight", "heads.bias", "heads.log_std"}) {
    const std::vector<float> all = FloatsOf(optimizer, name);
    const size_t size = all.size() / SmallOptions().shape.agents;
    head.insert(head.end(), all.begin() + agent * size,
                all.begin() + (agent + 1) * size);
  }
  return head;
}

inline double MeanReward(PolicyOptimizer& optimizer) {
  const SyntheticEpoch data = EpochOf(optimizer, 12345);
  double sum = 0;
  for (const float reward : data.rewards) sum += reward;
  return sum / static_cast<double>(data.rewards.size());
}

}  // namespace kmyriad

#endif  // KMYRIAD_TESTS_LEARNER_ALGORITHM_OPTIMIZER_PROBE_H_
