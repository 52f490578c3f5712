#include "actor/physics/mujoco/mujoco_backend.h"

#include <mujoco/mujoco.h>

#include <array>
#include <cstring>
#include <filesystem>
#include <limits>
#include <string>
#include <vector>

#include "absl/strings/str_replace.h"
#include "actor/physics/mujoco/ant_mjcf.h"
#include "common/base/segment.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace kmyriad {
namespace {

using ::testing::HasSubstr;

constexpr uint32_t kNq = 15;
constexpr uint32_t kNv = 14;
constexpr uint32_t kNu = 8;

using Controls = std::array<float, kNu * kBlockLanes>;
struct State {
  std::array<double, kNq> qpos{};
  std::array<double, kNv> qvel{};
  bool operator==(const State&) const = default;
};

// A corner of two walls near the robot.
PhysicsOptions Corner() {
  PhysicsOptions options;
  options.boxes = {{{1.5, 0, 0.75}, {0.5, 4, 0.75}},
                   {{0, 1.5, 0.75}, {4, 0.5, 0.75}}};
  return options;
}

std::shared_ptr<const PhysicsModel> Model(const std::string& mjcf) {
  auto model = CreateMujocoModel(mjcf);
  EXPECT_TRUE(model.ok()) << model.status();
  return *model;
}

State Start(const PhysicsModel& model, double push) {
  State start;
  std::memcpy(start.qpos.data(), model.dimensions().reference_position.data(),
              sizeof(start.qpos));
  start.qpos[2] = 0.6;
  start.qvel[0] = push;
  start.qvel[1] = push / 2;
  return start;
}

// Controls that depend on the step and on `who`, not on the lane's number.
void SetControls(Controls& controls, uint32_t lane, uint32_t who,
                 uint32_t step) {
  for (uint32_t i = 0; i < kNu; ++i) {
    const uint32_t mix = (who * 31 + step * 17 + i * 7) % 101;
    controls[i * kBlockLanes + lane] = static_cast<float>(mix) / 50.0f - 1.0f;
  }
}

State Read(const PhysicsBlock& block, uint32_t lane) {
  State state;
  block.Read(lane, state.qpos.data(), state.qvel.data());
  return state;
}

// Resets a lane to start `who` and steps it; its states.
std::vector<State> StatesOf(PhysicsBlock& block, const PhysicsModel& model,
                            uint32_t lane, uint32_t who) {
  const State start = Start(model, 0.2 * who);
  block.Reset(lane, start.qpos.data(), start.qvel.data());
  std::vector<State> states;
  for (uint32_t step = 0; step < 40; ++step) {
    Controls controls;
    for (uint32_t other = 0; other < kBlockLanes; ++other) {
      SetControls(controls, other, other == lane ? who : 99 - other, step);
    }
    EXPECT_EQ(block.Step(controls.data(), 5) & (1u << lane), 0u);
    states.push_back(Read(block, lane));
  }
  return states;
}

TEST(MujocoBackendTest, ALaneEqualsABareEngineLoop) {
  for (const Integrator integrator :
       {Integrator::kImplicitFast, Integrator::kRungeKutta4}) {
    PhysicsOptions options = Corner();
    options.integrator = integrator;
    const std::string mjcf = AntMjcf(options);
    const auto model = Model(mjcf);
    const auto states = StatesOf(**model->CreateBlock(), *model, 3, 12);

    char error[200];
    mjSpec* spec =
        mj_parseXMLString(mjcf.c_str(), nullptr, error, sizeof(error));
    mjModel* m = mj_compile(spec, nullptr);
    mjData* d = mj_makeData(m);
    const State start = Start(*model, 0.2 * 12);
    std::copy(start.qpos.begin(), start.qpos.end(), d->qpos);
    std::copy(start.qvel.begin(), start.qvel.end(), d->qvel);
    int contacts = 0;
    for (uint32_t step = 0; step < 40; ++step) {
      Controls controls;
      SetControls(controls, 0, 12, step);
      for (uint32_t i = 0; i < kNu; ++i) {
        d->ctrl[i] = static_cast<double>(controls[i * kBlockLanes]);
      }
      for (int substep = 0; substep < 5; ++substep) mj_step(m, d);
      contacts += d->ncon;
      for (uint32_t i = 0; i < kNq; ++i) {
        ASSERT_EQ(states[step].qpos[i], d->qpos[i]) << step;
      }
      for (uint32_t i = 0; i < kNv; ++i) {
        ASSERT_EQ(states[step].qvel[i], d->qvel[i]) << step;
      }
    }
    EXPECT_GT(contacts, 5);
    mj_deleteData(d);
    mj_deleteModel(m);
    mj_deleteSpec(spec);
  }
}

TEST(MujocoBackendTest, ALaneDependsOnItselfAlone) {
  const auto model = Model(AntMjcf(Corner()));
  const auto block = *model->CreateBlock();
  const auto fresh = StatesOf(*block, *model, 0, 12);
  // Another lane, after much use of the block, with the same start.
  StatesOf(*block, *model, 5, 3);
  StatesOf(*block, *model, 9, 40);
  EXPECT_EQ(StatesOf(*block, *model, 9, 12), fresh);
  EXPECT_EQ(StatesOf(**model->CreateBlock(), *model, 15, 12), fresh);
  EXPECT_NE(StatesOf(*block, *model, 9, 13), fresh);
}

TEST(MujocoBackendTest, ReportsLanesThatBecomeNonfinite) {
  const auto model = Model(AntMjcf({}));
  const auto block = *model->CreateBlock();
  const State fine = Start(*model, 0);
  for (uint32_t lane = 0; lane < kBlockLanes; ++lane) {
    block->Reset(lane, fine.qpos.data(), fine.qvel.data());
  }
  const auto untouched = StatesOf(*block, *model, 0, 12);

  const double nan = std::numeric_limits<double>::quiet_NaN();
  State bad = fine;
  bad.qpos[2] = nan;
  block->Reset(1, bad.qpos.data(), bad.qvel.data());
  bad = fine;
  bad.qvel[7] = 1e12;
  block->Reset(2, bad.qpos.data(), bad.qvel.data());
  bad = fine;
  bad.qvel[8] = std::numeric_limits<double>::infinity();
  block->Reset(3, bad.qpos.data(), bad.qvel.data());
  Controls controls{};
  controls[2 * kBlockLanes + 4] = std::numeric_limits<float>::quiet_NaN();
  ::testing::internal::CaptureStderr();
  EXPECT_EQ(block->Step(controls.data(), 5), 0b11110u);
  EXPECT_EQ(::testing::internal::GetCapturedStderr(), "");
  EXPECT_EQ(block->overflows(), 0u);
  EXPECT_FALSE(std::filesystem::exists("MUJOCO_LOG.TXT"));

  // Put back, such a lane is as good as any other.
  for (uint32_t lane = 1; lane <= 4; ++lane) {
    block->Reset(lane, fine.qpos.data(), fine.qvel.data());
  }
  EXPECT_EQ(block->Step(Controls{}.data(), 5), 0u);
  EXPECT_EQ(StatesOf(*block, *model, 2, 12), untouched);
}

// With too little memory for contacts no step passes as if it were right.
TEST(MujocoBackendTest, DetectsWhenTheEngineRunsOutOfMemory) {
  const std::string mjcf = AntMjcf(Corner());
  ASSERT_THAT(mjcf, HasSubstr("memory=\"4M\""));
  const auto roomy = Model(mjcf);
  State lying = Start(*roomy, 0);
  lying.qpos[0] = lying.qpos[1] = 0.6;
  lying.qpos[2] = 0.2;
  int detected = 0;
  int fine = 0;
  for (const char* memory : {"8K", "12K", "16K", "20K", "24K", "32K", "48K"}) {
    const auto tight = Model(absl::StrReplaceAll(mjcf, {{"4M", memory}}));
    const auto block = *tight->CreateBlock();
    const auto reference = *roomy->CreateBlock();
    for (uint32_t lane = 0; lane < kBlockLanes; ++lane) {
      block->Reset(lane, lying.qpos.data(), lying.qvel.data());
      reference->Reset(lane, lying.qpos.data(), lying.qvel.data());
    }
    Controls controls{};
    ::testing::internal::CaptureStderr();
    const LaneMask failed = block->Step(controls.data(), 5);
    const std::string log = ::testing::internal::GetCapturedStderr();
    EXPECT_EQ(reference->Step(controls.data(), 5), 0u);
    if (failed != 0) {
      EXPECT_EQ(failed, 0xffffu);
      EXPECT_EQ(block->overflows(), 16u);
      EXPECT_THAT(log, HasSubstr("out of memory"));
      ++detected;
      // Such a lane can be used again: here in the air, without contacts.
      State flying = Start(*roomy, 0);
      flying.qpos[2] = 5;
      for (const uint32_t ankle : {8u, 14u}) flying.qpos[ankle] = 0.8;
      for (const uint32_t ankle : {10u, 12u}) flying.qpos[ankle] = -0.8;
      for (uint32_t lane = 0; lane < kBlockLanes; ++lane) {
        block->Reset(lane, flying.qpos.data(), flying.qvel.data());
      }
      EXPECT_EQ(block->Step(Controls{}.data(), 5), 0u);
    } else {
      EXPECT_EQ(Read(*block, 0), Read(*reference, 0)) << memory;
      ++fine;
    }
  }
  EXPECT_GE(detected, 2);
  EXPECT_GE(fine, 1);
}

// The densest rubble that a terrain may hold around one robot stays far below
// the memory of a lane.
TEST(MujocoBackendTest, RubbleFitsIntoTheMemoryOfALane) {
  PhysicsOptions options;
  for (int i = -8; i < 8; ++i) {
    for (int j = -8; j < 8; ++j) {
      const double height = (i * 5 + j * 3) % 2 == 0 ? 0.2 : 0.21;
      options.boxes.push_back({{0.125 + 0.25 * i, 0.125 + 0.25 * j, height / 2},
                               {0.125, 0.125, height / 2}});
    }
  }
  char error[200];
  mjSpec* spec = mj_parseXMLString(AntMjcf(options).c_str(), nullptr, error,
                                   sizeof(error));
  mjModel* m = mj_compile(spec, nullptr);
  mjData* d = mj_makeData(m);
  d->qpos[2] = 0.35;
  for (int joint = 7; joint < 15; ++joint) d->qpos[joint] = 0;
  mjtSize used = 0;
  int contacts = 0;
  for (int step = 0; step < 50; ++step) {
    mj_step(m, d);
    used = std::max(used, d->maxuse_arena);
    contacts = std::max(contacts, d->ncon);
  }
  EXPECT_GT(contacts, 30);
  EXPECT_LT(used, m->narena / 4);
  mj_deleteData(d);
  mj_deleteModel(m);
  mj_deleteSpec(spec);
}

TEST(MujocoBackendTest, SaysWhatIsWrongWithAModel) {
  EXPECT_THAT(
      std::string(CreateMujocoModel("<mujoco><body/>").status().message()),
      HasSubstr("cannot read the model"));
  EXPECT_THAT(
      std::string(CreateMujocoModel("<mujoco><worldbody><body><joint/></body>"
                                    "</worldbody></mujoco>")
                      .status()
                      .message()),
      HasSubstr("cannot compile the model"));
}

}  // namespace
}  // namespace kmyriad
