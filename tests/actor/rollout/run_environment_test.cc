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
  config.mutable_env()->set_frame_skip(5);
  config.mutable_env()->set_integrator("implicitfast");
  config.mutable_env()->set_action_scale(0.3f);
  config.mutable_physics()->set_backend("simd");
  config.mutable_entropy()->set_features("xyz");
  return config;
}

TEST(RunEnvironmentTest, FollowsTheConfiguration) {
  const auto model = EnvironmentOfRun(AntConfig());
  ASSERT_THAT(model, IsOk());
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
