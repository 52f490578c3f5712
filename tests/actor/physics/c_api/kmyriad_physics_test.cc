// Through the shared library alone: what a program in another language sees.
#include "actor/physics/c_api/kmyriad_physics.h"

#include <cmath>
#include <cstring>
#include <limits>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace {

using ::testing::HasSubstr;

// A ball on a hinged leg over a plane.
constexpr char kModel[] = R"(<mujoco><option timestep="0.005"/><worldbody>
  <geom type="plane" size="9 9 1"/>
  <body pos="0 0 1"><freejoint/><geom type="sphere" size=".2"/>
    <body pos=".2 0 0"><joint name="leg" type="hinge" axis="0 1 0"
        armature=".01" damping=".1"/>
      <geom type="capsule" fromto="0 0 0 .4 0 0" size=".05"/></body></body>
  </worldbody><actuator><motor joint="leg" gear="2"/></actuator></mujoco>)";

struct Deleter {
  void operator()(kmyriad_physics* p) const { kmyriad_physics_destroy(p); }
};
using Physics = std::unique_ptr<kmyriad_physics, Deleter>;

Physics Create(uint32_t envs, uint32_t threads, uint32_t precise) {
  const kmyriad_physics_options options = {envs, threads, precise};
  kmyriad_physics* physics = nullptr;
  char message[500] = "";
  EXPECT_EQ(kmyriad_physics_create(kModel, &options, &physics, message,
                                   sizeof(message)),
            KMYRIAD_PHYSICS_OK)
      << message;
  return Physics(physics);
}

struct States {
  std::vector<double> qpos, qvel;
};

States Read(kmyriad_physics* physics) {
  kmyriad_physics_sizes sizes;
  EXPECT_EQ(kmyriad_physics_get_sizes(physics, &sizes), KMYRIAD_PHYSICS_OK);
  States states;
  states.qpos.resize(size_t{sizes.envs} * sizes.nq);
  states.qvel.resize(size_t{sizes.envs} * sizes.nv);
  EXPECT_EQ(kmyriad_physics_get_states(physics, states.qpos.data(),
                                       states.qvel.data()),
            KMYRIAD_PHYSICS_OK);
  return states;
}

// Each environment from another height, under another control.
States RunAll(uint32_t envs, uint32_t threads, uint32_t precise) {
  const Physics physics = Create(envs, threads, precise);
  States states = Read(physics.get());
  std::vector<float> controls(envs);
  for (uint32_t env = 0; env < envs; ++env) {
    states.qpos[env * 8 + 2] = 0.3 + 0.01 * env;
    controls[env] = 0.02f * static_cast<float>(env);
  }
  EXPECT_EQ(kmyriad_physics_set_states(physics.get(), states.qpos.data(),
                                       states.qvel.data()),
            KMYRIAD_PHYSICS_OK);
  std::vector<uint8_t> lost(envs, 7);
  EXPECT_EQ(
      kmyriad_physics_step(physics.get(), controls.data(), 100, lost.data()),
      KMYRIAD_PHYSICS_OK);
  EXPECT_EQ(lost, std::vector<uint8_t>(envs, 0));
  return Read(physics.get());
}

TEST(KmyriadPhysicsTest, SizesAreThoseOfTheModel) {
  const Physics physics = Create(5, 1, 0);
  kmyriad_physics_sizes sizes;
  ASSERT_EQ(kmyriad_physics_get_sizes(physics.get(), &sizes),
            KMYRIAD_PHYSICS_OK);
  EXPECT_EQ(sizes.envs, 5u);
  EXPECT_EQ(sizes.nq, 8u);
  EXPECT_EQ(sizes.nv, 7u);
  EXPECT_EQ(sizes.nu, 1u);
  EXPECT_EQ(sizes.timestep, 0.005);
  // The reference state.
  EXPECT_EQ(Read(physics.get()).qpos[2], 1);
}

TEST(KmyriadPhysicsTest, BitsDependNeitherOnThreadsNorOnOtherEnvironments) {
  for (const uint32_t precise : {0u, 1u}) {
    const States many = RunAll(37, 1, precise),
                 threaded = RunAll(37, 3, precise);
    const States few = RunAll(3, 1, precise);
    EXPECT_EQ(many.qpos, threaded.qpos);
    EXPECT_EQ(many.qvel, threaded.qvel);
    EXPECT_EQ(std::memcmp(many.qpos.data(), few.qpos.data(),
                          few.qpos.size() * sizeof(double)),
              0);
    EXPECT_EQ(std::memcmp(many.qvel.data(), few.qvel.data(),
                          few.qvel.size() * sizeof(double)),
              0);
  }
}

TEST(KmyriadPhysicsTest, RobotsFallAndTouchThePlane) {
  const Physics physics = Create(2, 1, 1);
  uint32_t count = 9;
  kmyriad_physics_contact contacts[8];
  EXPECT_EQ(kmyriad_physics_get_contacts(physics.get(), 0, contacts, 8, &count),
            KMYRIAD_PHYSICS_FAILED_PRECONDITION);
  const float controls[2] = {0, 0};
  ASSERT_EQ(kmyriad_physics_step(physics.get(), controls, 400, nullptr),
            KMYRIAD_PHYSICS_OK);
  EXPECT_LT(Read(physics.get()).qpos[2], 0.25);
  ASSERT_EQ(kmyriad_physics_get_contacts(physics.get(), 1, contacts, 8, &count),
            KMYRIAD_PHYSICS_OK);
  ASSERT_GE(count, 1u);
  EXPECT_EQ(contacts[0].static_geom, 0);
  EXPECT_NEAR(contacts[0].frame[2], 1, 1e-12);
  EXPECT_LT(contacts[0].distance, 1e-3);
  // Only the number of them.
  uint32_t again = 0;
  EXPECT_EQ(kmyriad_physics_get_contacts(physics.get(), 1, nullptr, 0, &again),
            KMYRIAD_PHYSICS_OK);
  EXPECT_EQ(again, count);
}

TEST(KmyriadPhysicsTest, WrongArgumentsAreNamedAndChangeNothing) {
  const Physics physics = Create(2, 1, 0);
  kmyriad_physics* p = physics.get();
  States states = Read(p);
  const States before = states;
  const float controls[2] = {0, 0};
  EXPECT_EQ(kmyriad_physics_step(p, nullptr, 1, nullptr),
            KMYRIAD_PHYSICS_INVALID_ARGUMENT);
  EXPECT_THAT(kmyriad_physics_message(p), HasSubstr("controls is NULL"));
  EXPECT_EQ(kmyriad_physics_step(p, controls, 0, nullptr),
            KMYRIAD_PHYSICS_INVALID_ARGUMENT);
  EXPECT_THAT(kmyriad_physics_message(p), HasSubstr("steps = 0"));
  EXPECT_EQ(
      kmyriad_physics_set_state(p, 2, states.qpos.data(), states.qvel.data()),
      KMYRIAD_PHYSICS_INVALID_ARGUMENT);
  EXPECT_THAT(kmyriad_physics_message(p), HasSubstr("env = 2"));
  states.qpos[0] = 1;
  states.qvel[9] = std::numeric_limits<double>::quiet_NaN();
  EXPECT_EQ(
      kmyriad_physics_set_states(p, states.qpos.data(), states.qvel.data()),
      KMYRIAD_PHYSICS_INVALID_ARGUMENT);
  EXPECT_THAT(kmyriad_physics_message(p), HasSubstr("qvel[9]"));
  EXPECT_EQ(Read(p).qpos, before.qpos);
  uint32_t count = 0;
  EXPECT_EQ(kmyriad_physics_get_contacts(p, 0, nullptr, 1, &count),
            KMYRIAD_PHYSICS_INVALID_ARGUMENT);
  EXPECT_EQ(kmyriad_physics_step(nullptr, controls, 1, nullptr),
            KMYRIAD_PHYSICS_INVALID_ARGUMENT);
  kmyriad_physics_destroy(nullptr);
}

// The status and the message of a creation that must fail.
std::pair<int, std::string> Refusal(const char* mjcf,
                                    kmyriad_physics_options options) {
  char message[200] = "unchanged";
  kmyriad_physics* physics = reinterpret_cast<kmyriad_physics*>(1);
  const int status = kmyriad_physics_create(mjcf, &options, &physics, message,
                                            sizeof(message));
  EXPECT_EQ(physics, nullptr);
  return {status, message};
}

TEST(KmyriadPhysicsTest, CreationSaysWhatItRefuses) {
  const auto [syntax, syntax_message] = Refusal("<mujoco", {1, 1, 0});
  EXPECT_EQ(syntax, KMYRIAD_PHYSICS_INVALID_ARGUMENT);
  EXPECT_NE(syntax_message, "");
  std::string ball = kModel;
  ball.replace(ball.find("type=\"hinge\" axis=\"0 1 0\""), 25, "type=\"ball\"");
  const auto [joint, joint_message] = Refusal(ball.c_str(), {1, 1, 0});
  EXPECT_EQ(joint, KMYRIAD_PHYSICS_INVALID_ARGUMENT);
  EXPECT_THAT(joint_message, HasSubstr("leg"));
  EXPECT_THAT(Refusal(kModel, {0, 1, 0}).second, HasSubstr("envs = 0"));
  EXPECT_THAT(Refusal(kModel, {1, 999, 0}).second, HasSubstr("threads = 999"));
  EXPECT_THAT(Refusal(kModel, {1, 1, 2}).second,
              HasSubstr("double_precision = 2"));
  EXPECT_THAT(Refusal(nullptr, {1, 1, 0}).second, HasSubstr("mjcf is NULL"));
  // Without room for a message, and with too little.
  kmyriad_physics* physics = nullptr;
  const kmyriad_physics_options options = {0, 1, 0};
  EXPECT_EQ(kmyriad_physics_create(kModel, &options, &physics, nullptr, 0),
            KMYRIAD_PHYSICS_INVALID_ARGUMENT);
  char tiny[4] = "xyz";
  kmyriad_physics_create(kModel, &options, &physics, tiny, sizeof(tiny));
  EXPECT_STREQ(tiny, "env");
}

}  // namespace
