#include "actor/env/tasks/point_mass.h"

#include <array>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "actor/env/terrain_library.h"
#include "common/base/segment.h"
#include "common/math/philox.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace kmyriad {
namespace {

using ::testing::HasSubstr;

using Actions = std::array<float, 2 * kBlockLanes>;
using Features = std::array<float, 2 * kBlockLanes>;
using Flags = std::array<uint8_t, kBlockLanes>;

VectorEnvOptions Options(const std::string& terrain = "maze") {
  return {.task = "point_mass",
          .terrain = terrain,
          .horizon = 150,
          .frame_skip = 1,
          .integrator = "none",
          .action_scale = 1,
          .backend = "none"};
}

std::unique_ptr<VectorEnv> MakeEnv(const VectorEnvOptions& options) {
  auto model = EnvironmentModel::Create(options);
  EXPECT_TRUE(model.ok()) << model.status();
  auto env = VectorEnv::Create(*model);
  EXPECT_TRUE(env.ok()) << env.status();
  return *std::move(env);
}

// All lanes do the same.
Actions Same(float x, float y) {
  Actions actions;
  for (uint32_t lane = 0; lane < kBlockLanes; ++lane) {
    actions[lane] = x;
    actions[kBlockLanes + lane] = y;
  }
  return actions;
}

TEST(PointMassTest, StartsNearTheStartAndObservesPositionAndTime) {
  const auto env = MakeEnv(Options());
  env->Reset(1, 1, 0);
  std::array<float, 3 * kBlockLanes> observation;
  env->Observe(observation.data());
  bool differ = false;
  for (uint32_t lane = 0; lane < kBlockLanes; ++lane) {
    EXPECT_NEAR(observation[lane] * 3, -2.5, 0.2501);
    EXPECT_NEAR(observation[kBlockLanes + lane] * 3, -2.5, 0.2501);
    EXPECT_EQ(observation[2 * kBlockLanes + lane], 0);
    differ = differ || observation[lane] != observation[0];
  }
  EXPECT_TRUE(differ);
  Features features;
  Flags flags;
  for (int step = 0; step < 75; ++step) {
    env->Step(Same(0, 0).data(), features.data(), flags.data());
  }
  env->Observe(observation.data());
  EXPECT_EQ(observation[2 * kBlockLanes], 0.5f);
  EXPECT_FLOAT_EQ(observation[0] * 3, features[0]);
}

TEST(PointMassTest, MovesAtMostFifteenHundredthsPerAxis) {
  const auto env = MakeEnv(Options("empty"));
  env->Reset(1, 1, 0);
  Features before, after;
  Flags flags;
  env->Step(Same(0, 0).data(), before.data(), flags.data());
  env->Step(Same(1, -0.5f).data(), after.data(), flags.data());
  for (uint32_t lane = 0; lane < kBlockLanes; ++lane) {
    EXPECT_NEAR(after[lane] - before[lane], 0.15, 1e-6);
    EXPECT_NEAR(after[kBlockLanes + lane] - before[kBlockLanes + lane], -0.075,
                1e-6);
    EXPECT_EQ(flags[lane], 0);
  }
}

TEST(PointMassTest, SlidesAlongWalls) {
  const auto env = MakeEnv(Options("empty"));
  env->Reset(1, 1, 0);
  Features features;
  Flags flags;
  // Into the right wall at x = 3, sliding upwards, then into the corner.
  for (int step = 0; step < 30; ++step) {
    env->Step(Same(1, 0).data(), features.data(), flags.data());
  }
  EXPECT_NEAR(features[0], 3, 0.001);
  const float y = features[kBlockLanes];
  env->Step(Same(1, 1).data(), features.data(), flags.data());
  EXPECT_NEAR(features[0], 3, 0.001);
  EXPECT_NEAR(features[kBlockLanes] - y, 0.15, 1e-5);
  for (int step = 0; step < 60; ++step) {
    env->Step(Same(-1, 1).data(), features.data(), flags.data());
  }
  EXPECT_NEAR(features[0], -3, 0.001);
  EXPECT_NEAR(features[kBlockLanes], 3, 0.001);
}

// Random walks that push into walls for long: no point is ever in a wall, and
// none passes through one, since every step's ends lie in free cells that
// touch along a side or are the same.
TEST(PointMassTest, WallsHold) {
  for (const char* name : {"maze", "cave", "empty"}) {
    const Terrain terrain = *LoadTerrain(
        name, {.cell_units = true, .clearance = 0, .coverage_cell = 0.25});
    const auto env = MakeEnv(Options(name));
    env->Reset(3, 1, 0);
    Features features, previous{};
    Flags flags;
    for (uint32_t step = 0; step < 20000; ++step) {
      Actions actions;
      for (uint32_t i = 0; i < actions.size(); ++i) {
        // A direction kept for 64 steps, with noise: long pushes and corners.
        const auto hold =
            RunRandom(7, RandomStream::kNull, i, step / 64, 0, 0).word[0];
        const auto noise = RunRandom(7, RandomStream::kNull, i, step, 0, 1);
        actions[i] = ((hold & 1) != 0 ? 0.7f : -0.7f) +
                     0.6f * UniformOpen(noise.word[0]) - 0.3f;
      }
      env->Step(actions.data(), features.data(), flags.data());
      for (uint32_t lane = 0; lane < kBlockLanes; ++lane) {
        const float x = features[lane];
        const float y = features[kBlockLanes + lane];
        ASSERT_TRUE(terrain.IsFree(x, y)) << name << " " << x << " " << y;
        if (step > 0) {
          const float px = previous[lane];
          const float py = previous[kBlockLanes + lane];
          ASSERT_LE(std::abs(x - px), 0.1501f);
          ASSERT_LE(std::abs(y - py), 0.1501f);
          ASSERT_TRUE(terrain.IsFree(x, py) || terrain.IsFree(px, y));
        }
      }
      previous = features;
    }
  }
}

TEST(PointMassTest, PutsBackALaneWithANonfiniteAction) {
  const auto env = MakeEnv(Options("empty"));
  env->Reset(1, 1, 0);
  std::array<float, 3 * kBlockLanes> start;
  env->Observe(start.data());
  Features features, others;
  Flags flags;
  for (int step = 0; step < 5; ++step) {
    env->Step(Same(1, 1).data(), features.data(), flags.data());
  }
  Actions actions = Same(1, 1);
  actions[3] = std::numeric_limits<float>::quiet_NaN();
  actions[kBlockLanes + 7] = std::numeric_limits<float>::infinity();
  others = features;
  env->Step(actions.data(), features.data(), flags.data());
  for (uint32_t lane = 0; lane < kBlockLanes; ++lane) {
    const bool lost = lane == 3 || lane == 7;
    EXPECT_EQ(flags[lane], lost ? kSampleNonfinite : 0);
    EXPECT_NEAR(features[lane], lost ? start[lane] * 3 : others[lane] + 0.15,
                1e-5);
  }
}

TEST(PointMassTest, RefusesAnEngine) {
  VectorEnvOptions options = Options();
  options.backend = "mujoco";
  EXPECT_THAT(std::string(EnvironmentModel::Create(options).status().message()),
              HasSubstr("physics.backend = mujoco"));
  options = Options();
  options.integrator = "rk4";
  EXPECT_THAT(std::string(EnvironmentModel::Create(options).status().message()),
              HasSubstr("env.integrator = rk4"));
}

}  // namespace
}  // namespace kmyriad
