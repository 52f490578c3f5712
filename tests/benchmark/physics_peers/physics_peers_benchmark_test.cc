#include "tests/benchmark/physics_peers/physics_peers_benchmark.h"

#include <vector>

#include "gtest/gtest.h"
#include "tests/benchmark/physics_peers/quiet_process.h"

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

// Naps of a process that takes `busy[i]` of the i-th nap, and then all of it.
int NapsWhile(const std::vector<double>& busy) {
  double cpu = 1;
  size_t naps = 0;
  NapUntilQuiet([&] { return cpu; },
                [&] {
                  cpu += kNapSeconds * (naps < busy.size() ? busy[naps] : 1);
                  ++naps;
                });
  return static_cast<int>(naps);
}

TEST(NapUntilQuietTest, EndsWithTheFirstQuietNapOrInTheEnd) {
  EXPECT_EQ(NapsWhile({0.02}), 1);
  EXPECT_EQ(NapsWhile({1.0, 0.4, 0.1, 0.0}), 3);
  EXPECT_EQ(NapsWhile({}), kMostNaps);
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
