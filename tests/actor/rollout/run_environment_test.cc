#include "actor/rollout/run_environment.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/testing/status_matchers.h"

namespace kmyriad {
namespace {

using testing::HasSubstr;

v1::RunConfig AntConfig() {
  v1::RunConfig config;
  config.mutable_env()->set_task("ant");
  config.mutable_env()->set_terrain("empty");
  config.mutable_env()->set_horizon(7);
  config.mutable_env()->set_frame_skip(3);
  config.mutable_env()->set_integrator("rk4");
  config.mutable_env()->set_action_scale(0.7f);
  config.mutable_physics()->set_backend("simd");
  config.mutable_entropy()->set_features("xyz");
  return config;
}

TEST(RunEnvironmentTest, FollowsTheConfiguration) {
  const auto model = EnvironmentOfRun(AntConfig());
  ASSERT_THAT(model, IsOk());
  const VectorEnvOptions& options = (*model)->options();
  EXPECT_EQ(options.task, "ant");
  EXPECT_EQ(options.terrain, "empty");
  EXPECT_EQ(options.horizon, 7u);
  EXPECT_EQ(options.frame_skip, 3u);
  EXPECT_EQ(options.integrator, "rk4");
  EXPECT_EQ(options.action_scale, 0.7f);
  EXPECT_EQ(options.backend, "simd");
  EXPECT_EQ(options.features, "xyz");
  EXPECT_EQ((*model)->spec().terrain, "empty");
  EXPECT_EQ((*model)->spec().feature_dim(), 3u);
}

TEST(RunEnvironmentTest, NamesATerrainThatIsNotThere) {
  v1::RunConfig config = AntConfig();
  config.mutable_env()->set_terrain("nowhere");
  EXPECT_THAT(EnvironmentOfRun(config).status().message(),
              HasSubstr("nowhere"));
}

}  // namespace
}  // namespace kmyriad
