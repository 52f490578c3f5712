#include "learner/trainer/task_reward.h"

#include <vector>

#include "gtest/gtest.h"

namespace kmyriad {
namespace {

constexpr uint32_t kHorizon = 6;

// Four environments of two agents, walking along x from 0 at different speeds.
EpochBuffer Walks(const std::vector<float>& speeds) {
  EpochBuffer buffer({static_cast<uint32_t>(speeds.size()), kHorizon, 1, 1, 2});
  for (size_t env = 0; env < speeds.size(); ++env) {
    for (uint32_t t = 0; t < kHorizon; ++t) {
      buffer.features[2 * (env * kHorizon + t)] =
          speeds[env] * static_cast<float>(t + 1);
    }
  }
  return buffer;
}

TEST(ScoreTask, PaysTheFirstStepAtTheGoalAndEndsTheEpisodeThere) {
  // The goal spans x in [2.5, 3.5]: reached at steps 2, 5, never, and passed
  // at step 0 only.
  const EpochBuffer buffer = Walks({1, 0.5f, 0.1f, 3});
  const TaskOutcome outcome =
      ScoreTask({{"G", 3, 0, 3}, 0.5f}, buffer, /*agents=*/2);
  const std::vector<int> first = {2, 4, kHorizon, 0};
  for (int env = 0; env < 4; ++env) {
    for (int t = 0; t < static_cast<int>(kHorizon); ++t) {
      EXPECT_EQ(outcome.rewards[env * kHorizon + t], t == first[env] ? 1 : 0)
          << env << " " << t;
      EXPECT_EQ(outcome.counts[env * kHorizon + t], t <= first[env] ? 1 : 0)
          << env << " " << t;
    }
  }
  EXPECT_EQ(outcome.trained, std::vector<uint8_t>({1, 1}));
  EXPECT_DOUBLE_EQ(outcome.report.success, 0.75);
  EXPECT_DOUBLE_EQ(outcome.report.success_best, 1);
  EXPECT_EQ(outcome.report.agents_with_success, 2u);
  EXPECT_DOUBLE_EQ(outcome.report.steps_to_goal, (3 + 5 + 1) / 3.0);
}

TEST(ScoreTask, AnAgentWithoutSuccessIsNotTrained) {
  const TaskOutcome outcome =
      ScoreTask({{"G", 3, 0, 3}, 0.5f}, Walks({0, 0, 0, 1}), 2);
  EXPECT_EQ(outcome.trained, std::vector<uint8_t>({0, 1}));
  EXPECT_DOUBLE_EQ(outcome.report.success, 0.25);
  EXPECT_DOUBLE_EQ(outcome.report.success_best, 0.5);
  const TaskOutcome nothing =
      ScoreTask({{"G", 3, 0, 3}, 0.5f}, Walks({0, 0, 0, 0}), 2);
  EXPECT_EQ(nothing.trained, std::vector<uint8_t>({0, 0}));
  EXPECT_EQ(nothing.report.agents_with_success, 0u);
  EXPECT_DOUBLE_EQ(nothing.report.steps_to_goal, 0);
}

}  // namespace
}  // namespace kmyriad
