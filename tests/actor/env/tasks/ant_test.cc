#include "actor/env/tasks/ant.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <fstream>
#include <limits>
#include <string>
#include <vector>

#include "actor/env/terrain_library.h"
#include "actor/physics/backend_factory.h"
#include "actor/physics/mujoco/ant_mjcf.h"
#include "common/base/segment.h"
#include "common/math/philox.h"
#include "gtest/gtest.h"
#include "tests/testing/temp_dir.h"

namespace kmyriad {
namespace {

constexpr uint32_t kObs = 30;
constexpr uint32_t kAct = 8;
using Observations = std::array<float, kObs * kBlockLanes>;
using Actions = std::array<float, kAct * kBlockLanes>;
using Features = std::array<float, 2 * kBlockLanes>;
using Flags = std::array<uint8_t, kBlockLanes>;

VectorEnvOptions Options(const std::string& terrain,
                         const std::string& backend = "simd") {
  return {.task = "ant",
          .terrain = terrain,
          .horizon = 100,
          .frame_skip = 5,
          .integrator = "implicitfast",
          .action_scale = 0.3f,
          .backend = backend};
}

std::unique_ptr<VectorEnv> MakeEnv(const std::string& terrain,
                                   const std::string& backend,
                                   const std::string& features = "xy") {
  VectorEnvOptions options = Options(terrain, backend);
  options.features = features;
  auto model = EnvironmentModel::Create(options);
  EXPECT_TRUE(model.ok()) << model.status();
  return *VectorEnv::Create(*model);
}

// Uniform in (-1, 1).
float Random(uint32_t lane, uint32_t step, uint32_t what) {
  return 2 * UniformOpen(RunRandom(11, RandomStream::kNull, lane, 0, step, what)
                             .word[0]) -
         1;
}

// By backend.
class AntTest : public ::testing::TestWithParam<std::string> {};
INSTANTIATE_TEST_SUITE_P(Backends, AntTest, ::testing::Values("mujoco", "simd"),
                         [](const auto& info) { return info.param; });

TEST_P(AntTest, SpecificationDescribesTheObservation) {
  const auto model = *EnvironmentModel::Create(Options("maze", GetParam()));
  const EnvironmentSpec& spec = model->spec();
  EXPECT_EQ(spec.obs_dim(), kObs);
  EXPECT_EQ(spec.act_dim, kAct);
  EXPECT_EQ(spec.feature_dim(), 2u);
  EXPECT_DOUBLE_EQ(spec.step_seconds, 0.05);
  // Positions and time are fixed for ever, everything else is refined.
  for (uint32_t i = 0; i < kObs; ++i) {
    EXPECT_EQ(spec.observation[i].running, i >= 2 && i != kObs - 1)
        << spec.observation[i].name;
    EXPECT_GT(spec.observation[i].initial_std, 0);
  }
  EXPECT_EQ(spec.observation[8].name, "ankle_1");
  EXPECT_EQ(spec.observation[29].name, "t");
}

TEST_P(AntTest, StartsAboveTheLocalGroundAtRest) {
  for (const char* terrain : {"maze", "pyramid"}) {
    const auto env = MakeEnv(terrain, GetParam());
    const double half_size = 12;
    const Terrain map = *LoadTerrain(terrain, {});
    env->Reset(7, 3, 40);
    Observations o;
    env->Observe(o.data());
    for (uint32_t lane = 0; lane < kBlockLanes; ++lane) {
      const auto at = [&](uint32_t row) { return o[row * kBlockLanes + lane]; };
      EXPECT_NEAR(at(0) * half_size, map.start_x, 0.2501);
      EXPECT_NEAR(at(1) * half_size, map.start_y, 0.2501);
      EXPECT_FLOAT_EQ(at(2), 0.75f);
      EXPECT_EQ(at(3), 1);
      for (uint32_t row = 4; row < 7; ++row) EXPECT_EQ(at(row), 0);
      bool bent = false;
      for (uint32_t row = 7; row < 15; ++row) {
        EXPECT_LE(std::abs(at(row)), 0.1f);
        bent = bent || at(row) != 0;
      }
      EXPECT_TRUE(bent);
      for (uint32_t row = 15; row < 30; ++row) EXPECT_EQ(at(row), 0);
    }
  }
}

TEST(Ant, StartsOnTopOfTheLayersUnderTheStart) {
  std::string text(ShippedTerrains()[3].text);
  const size_t at = text.find("start 0 -10");
  ASSERT_NE(at, std::string::npos);
  text.replace(at, 11, "start 0 0");
  const Terrain top = *CompileTerrain(text, "top.txt", "top", {});
  EXPECT_DOUBLE_EQ(top.GroundHeight(top.start_x, top.start_y), 1.5);
}

TEST_P(AntTest, FeaturesAreThePositionAfterTheStep) {
  const auto env = MakeEnv("empty", GetParam());
  env->Reset(1, 1, 0);
  Observations o;
  Features features;
  Flags flags;
  for (uint32_t step = 0; step < 25; ++step) {
    Actions actions;
    for (uint32_t i = 0; i < actions.size(); ++i) {
      actions[i] = Random(i, step, 0);
    }
    env->Step(actions.data(), features.data(), flags.data());
    env->Observe(o.data());
    for (uint32_t lane = 0; lane < kBlockLanes; ++lane) {
      EXPECT_NEAR(o[lane] * 12, features[lane], 1e-5);
      EXPECT_NEAR(o[kBlockLanes + lane] * 12, features[kBlockLanes + lane],
                  1e-5);
      EXPECT_EQ(o[29 * kBlockLanes + lane],
                static_cast<float>(step + 1) / 100.0f);
      EXPECT_EQ(flags[lane], 0);
    }
  }
}

// Scale of the i-th observation in the set "state".
float StateScale(uint32_t i) {
  if (i < 2) return 1;
  if (i == 2) return 4;
  if (i < 7) return 2;
  if (i < 15) return 1;
  if (i < 18) return 0.5f;
  return i < 21 ? 0.25f : 0.1f;
}

TEST_P(AntTest, FeatureSetsAreScaledObservationsWithTheQuaternionAligned) {
  const std::pair<const char*, uint32_t> kSets[] = {
      {"xy", 2}, {"xyz", 3}, {"pose", 7}, {"joint", 15}, {"state", 29}};
  for (const auto& [set, count] : kSets) {
    const auto env = MakeEnv("empty", GetParam(), set);
    env->Reset(3, 1, 0);
    Observations o;
    std::array<float, 29 * kBlockLanes> features;
    Flags flags;
    for (uint32_t step = 0; step < 60; ++step) {
      Actions actions;
      for (uint32_t i = 0; i < actions.size(); ++i) {
        actions[i] = Random(i, step, 2) > 0 ? 1.0f : -1.0f;
      }
      env->Step(actions.data(), features.data(), flags.data());
      env->Observe(o.data());
      for (uint32_t lane = 0; lane < kBlockLanes; ++lane) {
        const bool negative = o[3 * kBlockLanes + lane] < 0;
        for (uint32_t i = 0; i < count; ++i) {
          float expected = o[i * kBlockLanes + lane] * StateScale(i);
          if (i < 2) expected *= 12;
          if (i >= 3 && i < 7 && negative) expected = -expected;
          ASSERT_NEAR(features[i * kBlockLanes + lane], expected,
                      i < 2 ? 1e-5 : 0)
              << set << ", feature " << i;
        }
      }
    }
  }
}

TEST_P(AntTest, ListsOfObservationsAreFeatures) {
  VectorEnvOptions options = Options("empty", GetParam());
  options.features = "x,y,ankle_3*0.5";
  const auto model = *EnvironmentModel::Create(options);
  EXPECT_EQ(model->spec().features,
            (std::vector<std::string>{"x", "y", "ankle_3*0.5"}));
  for (const char* wrong : {"t", "x,y,t", "xyzw", "x,y,z*0"}) {
    options.features = wrong;
    const auto refused = EnvironmentModel::Create(options);
    EXPECT_EQ(refused.status().code(), absl::StatusCode::kInvalidArgument)
        << wrong;
  }
}

TEST_P(AntTest, PutsBackALaneThatBecomesNonfinite) {
  const auto env = MakeEnv("maze", GetParam());
  env->Reset(5, 2, 16);
  Observations start;
  env->Observe(start.data());
  Features features;
  Flags flags;
  Actions actions{};
  for (int step = 0; step < 3; ++step) {
    env->Step(actions.data(), features.data(), flags.data());
  }
  actions[2 * kBlockLanes + 9] = std::numeric_limits<float>::quiet_NaN();
  env->Step(actions.data(), features.data(), flags.data());
  Observations o;
  env->Observe(o.data());
  for (uint32_t lane = 0; lane < kBlockLanes; ++lane) {
    EXPECT_EQ(flags[lane], lane == 9 ? kSampleNonfinite : 0);
    for (uint32_t row = 0; row < 29 && lane == 9; ++row) {
      EXPECT_EQ(o[row * kBlockLanes + lane], start[row * kBlockLanes + lane]);
    }
  }
  EXPECT_NEAR(features[9], start[9] * 12, 1e-5);
  // It moves on from there.
  actions[2 * kBlockLanes + 9] = 0.5f;
  env->Step(actions.data(), features.data(), flags.data());
  EXPECT_EQ(flags[9], 0);
}

TEST_P(AntTest, FlagsAntsThatLieOnTheirBacks) {
  VectorEnvOptions options = Options("empty", GetParam());
  options.action_scale = 1;
  const auto env = *VectorEnv::Create(*EnvironmentModel::Create(options));
  env->Reset(1, 1, 0);
  Observations o;
  Features features;
  Flags flags;
  int upside_down = 0;
  for (uint32_t step = 0; step < 100; ++step) {
    Actions actions;
    for (uint32_t i = 0; i < actions.size(); ++i) {
      actions[i] = Random(i, step, 0);
    }
    env->Step(actions.data(), features.data(), flags.data());
    env->Observe(o.data());
    for (uint32_t lane = 0; lane < kBlockLanes; ++lane) {
      // Third diagonal entry of the rotation matrix.
      const float qx = o[4 * kBlockLanes + lane];
      const float qy = o[5 * kBlockLanes + lane];
      const float up = 1 - 2 * (qx * qx + qy * qy);
      EXPECT_EQ((flags[lane] & kSampleUpsideDown) != 0, up < 0) << up;
      upside_down += up < 0;
    }
  }
  EXPECT_GT(upside_down, 0);
  EXPECT_LT(upside_down, 1600);
}

// An ant that falls off a tower of 5 m is outside while more than 2 m above
// the local ground.
TEST_P(AntTest, FlagsAntsThatAreFarFromTheGround) {
  const TempDir folder;
  std::ofstream(folder.File("tower.txt"))
      << "cell 4\nlayer 0 0 0.3 0.3 0 5\nmap\n...\n.S.\n...\nend\n";
  const auto env = MakeEnv(folder.File("tower.txt"), GetParam());
  env->Reset(1, 1, 0);
  Observations o;
  Features features;
  Flags flags;
  int outside = 0;
  for (uint32_t step = 0; step < 100; ++step) {
    env->Step(Actions{}.data(), features.data(), flags.data());
    env->Observe(o.data());
    for (uint32_t lane = 0; lane < kBlockLanes; ++lane) {
      const bool on_tower = std::abs(features[lane]) <= 0.3f &&
                            std::abs(features[kBlockLanes + lane]) <= 0.3f;
      const float height = o[2 * kBlockLanes + lane] - (on_tower ? 5.0f : 0.0f);
      EXPECT_EQ((flags[lane] & kSampleOutside) != 0, height > 2) << height;
      outside += height > 2;
    }
  }
  EXPECT_GT(outside, 0);
  EXPECT_LT(outside, 1600);
}

// Throws ants against the walls of every terrain with full torque: the torso
// never gets into a wall, beyond the softness of a contact, and never leaves
// the arena.
TEST_P(AntTest, WallsHold) {
  constexpr double kTorsoRadius = 0.25;
  constexpr double kSoftness = 0.12;
  for (const ShippedTerrain& shipped : ShippedTerrains()) {
    const Terrain terrain = *LoadTerrain(std::string(shipped.name), {});
    PhysicsOptions options;
    options.boxes = terrain.boxes;
    const auto model = *CreateAntPhysics(GetParam(), options);
    const auto block = *model->CreateBlock();
    std::vector<double> qpos = model->dimensions().reference_position;
    std::vector<double> qvel(14);
    double nearest = 1;
    for (uint32_t round = 0; round < 6; ++round) {
      for (uint32_t lane = 0; lane < kBlockLanes; ++lane) {
        // Next to the goals, or the start, which lie near walls.
        const uint32_t place = (lane + round) % 6;
        const double x = place < 5 ? terrain.goals[place].x : terrain.start_x;
        const double y = place < 5 ? terrain.goals[place].y : terrain.start_y;
        qpos[0] = x;
        qpos[1] = y;
        qpos[2] = terrain.GroundHeight(x, y) + 0.6;
        qvel[0] = 4.0 * static_cast<double>(Random(lane, round, 2));
        qvel[1] = 4.0 * static_cast<double>(Random(lane, round, 3));
        block->Reset(lane, qpos.data(), qvel.data());
      }
      for (uint32_t step = 0; step < 60; ++step) {
        Actions controls;
        for (uint32_t i = 0; i < controls.size(); ++i) {
          controls[i] = Random(i, round * 1000 + step, 1);
        }
        ASSERT_EQ(block->Step(controls.data(), 5), 0u);
        for (uint32_t lane = 0; lane < kBlockLanes; ++lane) {
          std::vector<double> q(15), v(14);
          block->Read(lane, q.data(), v.data());
          if (q[2] > 1.5 + terrain.GroundHeight(q[0], q[1])) continue;
          for (uint32_t i = 0; i < terrain.wall_count; ++i) {
            const StaticBox& box = terrain.boxes[i];
            double gap[3];
            for (int axis = 0; axis < 3; ++axis) {
              gap[axis] = std::max(
                  0.0, std::abs(q[axis] - box.center[axis]) - box.half[axis]);
            }
            nearest = std::min(nearest, std::hypot(gap[0], gap[1], gap[2]));
          }
          ASSERT_TRUE(terrain.IsFree(q[0], q[1]))
              << shipped.name << " " << q[0] << " " << q[1] << " " << q[2];
        }
      }
    }
    EXPECT_GE(nearest, kTorsoRadius - kSoftness) << shipped.name;
    // Legs keep most torsos farther away than this.
    EXPECT_LT(nearest, kTorsoRadius + 0.25)
        << shipped.name << ": nobody met a wall";
  }
}

TEST(Ant, NamesItsActionsInTheOrderOfTheActuators) {
  const auto model = EnvironmentModel::Create(Options("empty"));
  ASSERT_TRUE(model.ok()) << model.status();
  const std::string text = AntMjcf({});
  size_t at = 0;
  for (const std::string& name : (*model)->action_names()) {
    const std::string motor = "<motor joint=\"";
    at = text.find(motor, at);
    ASSERT_NE(at, std::string::npos);
    at += motor.size();
    EXPECT_EQ(text.substr(at, name.size() + 1), name + "\"");
  }
  EXPECT_EQ((*model)->action_names().size(), (*model)->spec().act_dim);
  EXPECT_EQ(text.find("<motor joint", at), std::string::npos);
}

}  // namespace
}  // namespace kmyriad
