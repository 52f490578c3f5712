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

TEST(PhysicsBenchmarkTest, SaysWhatLanesLoseAndWhereTimeGoes) {
  PhysicsBenchmarkOptions options;
  options.backend = "simd";
  options.envs = 16;
  options.threads = 1;
  options.seconds = 0.05;
  const auto report = RunPhysicsBenchmark(options);
  ASSERT_TRUE(report.ok()) << report.status();
  const nlohmann::json& use = (*report)["lane_use"];
  // Ants that hop on a plane, some beside walls.
  EXPECT_GT(use["contacts"], 0.1);
  EXPECT_LT(use["contacts"], 13.0);
  EXPECT_GT(use["newton_iterations"], 0.5);
  for (const char* share : {"contact_lanes_used", "newton_lanes_used"}) {
    EXPECT_GT(use[share], 1.0 / 16) << share;
    EXPECT_LE(use[share], 1.0) << share;
  }
  EXPECT_EQ((*report)["stages"]["stages"].size(), 8u);
  const auto again = RunPhysicsBenchmark(options);
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_EQ((*again)["lane_use"], use);
  for (const char* counted : {"issued_flops", "useful_flops", "divisions"}) {
    EXPECT_EQ((*again)["stages"][counted], (*report)["stages"][counted]);
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
  options.backend = "bullet";
  EXPECT_EQ(RunPhysicsBenchmark(options).status().code(),
            absl::StatusCode::kInvalidArgument);
  options = {};
  options.terrain = "moon";
  EXPECT_EQ(RunPhysicsBenchmark(options).status().code(),
            absl::StatusCode::kNotFound);
}

}  // namespace
}  // namespace kmyriad
