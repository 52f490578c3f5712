#include "tests/benchmark/physics_benchmark.h"

#include "gtest/gtest.h"

namespace kmyriad {
namespace {

// The measured figures themselves are not asserted: machines differ, and
// tests run on busy ones.
TEST(PhysicsBenchmarkTest, ReportsRatesOfEqualWork) {
  PhysicsBenchmarkOptions options;
  options.envs = 33;
  options.threads = 2;
  options.seconds = 0.05;
  for (const char* integrator : {"implicitfast", "rk4"}) {
    options.integrator = integrator;
    const auto report = RunPhysicsBenchmark(options);
    ASSERT_TRUE(report.ok()) << report.status();
    EXPECT_EQ((*report)["threads"], 2);
    EXPECT_GT((*report)["env_steps"], 0);
    EXPECT_GT((*report)["ratio"], 0);
    const double evaluations = integrator[0] == 'r' ? 20 : 5;
    EXPECT_DOUBLE_EQ(
        (*report)["evaluations_per_second"],
        evaluations * (*report)["env_steps_per_second"].get<double>());
  }
}

TEST(PhysicsBenchmarkTest, RefusesWrongOptions) {
  PhysicsBenchmarkOptions options;
  options.envs = 0;
  EXPECT_EQ(RunPhysicsBenchmark(options).status().code(),
            absl::StatusCode::kInvalidArgument);
  options = {};
  options.seconds = 0;
  EXPECT_EQ(RunPhysicsBenchmark(options).status().code(),
            absl::StatusCode::kInvalidArgument);
  options = {};
  options.backend = "cuda";
  EXPECT_EQ(RunPhysicsBenchmark(options).status().code(),
            absl::StatusCode::kUnimplemented);
  options = {};
  options.terrain = "moon";
  EXPECT_EQ(RunPhysicsBenchmark(options).status().code(),
            absl::StatusCode::kNotFound);
}

}  // namespace
}  // namespace kmyriad
