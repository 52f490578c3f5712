#include "actor/rollout/cuda/device_rollout.h"

#include <memory>
#include <vector>

#include "actor/rollout/cuda/device_policy.h"
#include "actor/rollout/rollout_identity.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/actor/rollout/cuda/ant_model.h"
#include "tests/actor/rollout/cuda/twin_segment_device.h"
#include "tests/testing/status_matchers.h"

namespace kmyriad {
namespace {

constexpr uint32_t kSteps = 6;

class DeviceRolloutTest : public ::testing::Test {
 protected:
  DeviceRolloutTest() {
    model_ = MakeAntModel("empty", kSteps, /*frame_skip=*/1);
    NetworkShape network;
    network.obs_dim = model_->spec().obs_dim();
    network.act_dim = model_->spec().act_dim;
    network.trunk = {32};
    policy_ = *DevicePolicy::Create(GoldenWeights(model_->spec(), network));
  }

  std::unique_ptr<DeviceRollout> Rollout(const TwinSegmentOptions& options) {
    auto rollout =
        DeviceRollout::Create(model_, MakeTwinSegmentDevice(options), 2);
    EXPECT_TRUE(rollout.ok()) << rollout.status();
    return *std::move(rollout);
  }
  RolloutRequest Request(uint32_t block) const {
    return {5, 1, block, {32, 4, kSteps}, policy_.get()};
  }

  std::shared_ptr<const EnvironmentModel> model_;
  std::unique_ptr<DevicePolicy> policy_;
};

TEST_F(DeviceRolloutTest, ALostEnvironmentGoesBackToItsStart) {
  TwinSegmentOptions options;
  options.after_step = [](uint32_t step, const StepView<float>& view) {
    if (step == 3) view.bad[7] = 1;
  };
  const auto rollout = Rollout(options);
  const auto plain = Rollout({});
  const RolloutRequest request = Request(0);
  RolloutResult lost, kept;
  const auto on = [](size_t, uint32_t) { return true; };
  ASSERT_TRUE(rollout->Rollout({&request, 1}, on, {&lost, 1}).ok());
  ASSERT_TRUE(plain->Rollout({&request, 1}, on, {&kept, 1}).ok());
  const Segment& segment = lost.segment;
  EXPECT_EQ(segment.nonfinite, 1u);
  EXPECT_EQ(kept.segment.nonfinite, 0u);
  EXPECT_EQ(segment.flags[7 * kSteps + 3], kSampleNonfinite);
  EXPECT_EQ(segment.flags[7 * kSteps + 4] & kSampleNonfinite, 0);
  // The next observation is the first one but for the time.
  const uint32_t dim = segment.shape.obs_dim;
  const float* first = &segment.observations[7 * kSteps * dim];
  for (uint32_t i = 0; i + 1 < dim; ++i) {
    EXPECT_EQ(first[4 * dim + i], first[i]) << i;
  }
  EXPECT_EQ(first[4 * dim + dim - 1], 4.0f / kSteps);
  // Features are those of the start, whose x is the observation's.
  EXPECT_NEAR(segment.features[(7 * kSteps + 3) * 2], first[0] * 12, 1e-6);
  // Others did not notice.
  EXPECT_TRUE(std::equal(segment.actions.begin(),
                         segment.actions.begin() + 7 * kSteps * 8,
                         kept.segment.actions.begin()));
}

TEST_F(DeviceRolloutTest, ProgressCanAbandonOneOfTheBatch) {
  const auto rollout = Rollout({});
  const RolloutRequest requests[] = {Request(0), Request(1)};
  RolloutResult results[2];
  ASSERT_TRUE(
      rollout
          ->Rollout(
              requests,
              [](size_t i, uint32_t steps) { return i == 1 || steps < 3; },
              absl::MakeSpan(results))
          .ok());
  EXPECT_FALSE(results[0].whole);
  EXPECT_TRUE(results[1].whole);
  // A batch of one is the same segment.
  RolloutResult alone;
  ASSERT_TRUE(rollout
                  ->Rollout({requests + 1, 1},
                            [](size_t, uint32_t) { return true; }, {&alone, 1})
                  .ok());
  EXPECT_EQ(HashSegment(alone.segment), HashSegment(results[1].segment));
}

TEST_F(DeviceRolloutTest, AFailureOfTheDeviceIsPassedOn) {
  TwinSegmentOptions options;
  options.failure = absl::InternalError("CUDA, stepping a segment: on fire");
  const auto rollout = Rollout(options);
  const RolloutRequest request = Request(0);
  RolloutResult result;
  result.whole = true;
  EXPECT_EQ(
      rollout->Rollout({&request, 1}, [](size_t, uint32_t) { return true; },
                       {&result, 1}),
      options.failure);
  EXPECT_FALSE(result.whole);
}

}  // namespace
}  // namespace kmyriad
