#include "tests/gpu/device_benchmark.h"

#include "gtest/gtest.h"
#include "tests/actor/physics/cuda/twin_step_device.h"
#include "tests/actor/rollout/cuda/twin_segment_device.h"

namespace kmyriad {
namespace {

// The twins in the GPU's place: what is measured, not how fast.
TEST(DeviceBenchmarkTest, MeasuresEachKernelAndTheWhole) {
  TwinStepDevice device;
  uint32_t substeps[2] = {99, 99};
  int made = 0;
  const auto result = RunDeviceBenchmark(
      {.terrain = "empty", .envs = 16, .horizon = 2, .seconds = 0}, device,
      [&] {
        TwinSegmentOptions options;
        options.after_step = [seen = &substeps[made++]](
                                 uint32_t, const StepView<float>& view) {
          *seen = view.substeps;
        };
        return MakeTwinSegmentDevice(options);
      });
  ASSERT_TRUE(result.ok()) << result.status();
  for (const char* rate :
       {"step_env_steps_per_second", "act_env_steps_per_second",
        "segment_env_steps_per_second"}) {
    EXPECT_GT((*result)[rate], 0) << rate;
  }
  EXPECT_EQ((*result)["envs"], 16);
  // Acting alone leaves the robots where they are.
  EXPECT_EQ(made, 2);
  EXPECT_EQ(substeps[0], 0u);
  EXPECT_EQ(substeps[1], 5u);
}

TEST(DeviceBenchmarkTest, PassesErrorsOn) {
  TwinStepDevice device;
  EXPECT_FALSE(RunDeviceBenchmark({.terrain = "moon"}, device, [] {
                 return MakeTwinSegmentDevice({});
               }).ok());
  device.broken = true;
  EXPECT_FALSE(RunDeviceBenchmark({.envs = 16, .seconds = 0}, device, [] {
                 return MakeTwinSegmentDevice({});
               }).ok());
}

}  // namespace
}  // namespace kmyriad
