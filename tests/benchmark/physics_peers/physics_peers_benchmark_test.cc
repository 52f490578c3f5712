#include "tests/benchmark/physics_peers/physics_peers_benchmark.h"

#include "gtest/gtest.h"

namespace kmyriad {
namespace {

// Figures are not asserted: tests run on busy machines.
TEST(PhysicsPeersBenchmarkTest, AllEnginesDoTheSameWork) {
  PhysicsPeersOptions options;
  options.envs = 32;
  options.seconds = 0.2;
  for (const uint32_t threads : {1u, 2u}) {
    options.threads = threads;
    options.integrator = threads == 1 ? "implicitfast" : "rk4";
    const auto report = RunPhysicsPeersBenchmark(options);
    ASSERT_TRUE(report.ok()) << report.status();
    EXPECT_GT((*report)["env_steps"], 0);
    EXPECT_EQ((*report)["engines"]["mujoco_loop"]["ratio"], 1);
    for (const char* name : {"mujoco_loop", "mujoco_batch", "backend"}) {
      EXPECT_GT((*report)["engines"][name]["evaluations_per_second"], 0);
    }
    EXPECT_GT((*report)["whole_env_step"]["env_steps_per_second"], 0);
    EXPECT_LT((*report)["whole_env_step"]["inference_share"], 1);
  }
}

TEST(PhysicsPeersBenchmarkTest, RefusesWrongOptions) {
  const auto code = [](const PhysicsPeersOptions& options) {
    return RunPhysicsPeersBenchmark(options).status().code();
  };
  PhysicsPeersOptions options;
  options.envs = 17;
  EXPECT_EQ(code(options), absl::StatusCode::kInvalidArgument);
  options = {};
  options.threads = 0;
  EXPECT_EQ(code(options), absl::StatusCode::kInvalidArgument);
  options = {};
  options.seconds = 0;
  EXPECT_EQ(code(options), absl::StatusCode::kInvalidArgument);
  options = {};
  options.terrain = "moon";
  EXPECT_EQ(code(options), absl::StatusCode::kNotFound);
}

}  // namespace
}  // namespace kmyriad
