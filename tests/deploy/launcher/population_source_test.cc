#include "deploy/launcher/population_source.h"

#include "actor/rollout/run_environment.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/testing/status_matchers.h"

namespace kmyriad {
namespace {

using ::testing::HasSubstr;

Population AntPopulation(const char* backend) {
  Population population;
  population.run_name = "ants";
  v1::RunConfig& config = population.config;
  config.mutable_env()->set_task("ant");
  config.mutable_env()->set_terrain("empty");
  config.mutable_env()->set_horizon(7);
  config.mutable_env()->set_frame_skip(5);
  config.mutable_env()->set_integrator("implicitfast");
  config.mutable_env()->set_action_scale(1);
  config.mutable_entropy()->set_features("xy");
  config.mutable_physics()->set_backend("simd");
  const auto model = EnvironmentOfRun(config);
  EXPECT_THAT(model, IsOk());
  if (model.ok()) population.spec = (*model)->spec();
  config.mutable_physics()->set_backend(backend);
  return population;
}

TEST(EnvironmentOfTest, ARunOfAGpuIsLookedAtWithoutOne) {
  const auto model = EnvironmentOf(AntPopulation("cuda"));
  ASSERT_THAT(model, IsOk());
  EXPECT_EQ((*model)->options().backend, "simd");
}

// Its bits are not those of simd.
TEST(EnvironmentOfTest, MujocoStaysMujoco) {
  const auto model = EnvironmentOf(AntPopulation("mujoco"));
  ASSERT_THAT(model, IsOk());
  EXPECT_EQ((*model)->options().backend, "mujoco");
}

TEST(EnvironmentOfTest, AnotherWorldThanTheRunRecordedIsRefused) {
  Population population = AntPopulation("cuda");
  population.spec.start_x += 1;
  EXPECT_THAT(
      EnvironmentOf(population),
      StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("run ants")));
}

}  // namespace
}  // namespace kmyriad
