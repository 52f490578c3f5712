#include "actor/physics/simd/stepper.h"

#include <mujoco/mujoco.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <random>
#include <string>

#include "actor/env/terrain_library.h"
#include "actor/physics/mujoco/ant_mjcf.h"
#include "actor/physics/mujoco/compiled_model.h"
#include "actor/physics/mujoco/robot_reader.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace kmyriad {
namespace {

constexpr uint32_t kLanes = 16;
constexpr int kPositions = 15, kDofs = 14, kMotors = 8;

struct LaneState {
  double q[kPositions];
  double v[kDofs];
  bool operator==(const LaneState& other) const {
    return std::memcmp(this, &other, sizeof(LaneState)) == 0;
  }
};

PhysicsOptions Surroundings(const std::string& terrain, Integrator integrator) {
  PhysicsOptions options;
  options.integrator = integrator;
  options.boxes = LoadTerrain(terrain, {})->boxes;
  return options;
}

std::shared_ptr<const StepperModel> AntModel(const PhysicsOptions& options,
                                             StepperReal real,
                                             SimdLevel level) {
  auto robot = CompileRobot(AntMjcf(options));
  EXPECT_TRUE(robot.ok()) << robot.status();
  auto model = CreateStepperModel(*robot->model, robot->boxes,
                                  {.real = real, .level = level});
  EXPECT_TRUE(model.ok()) << model.status();
  return *model;
}

// Ants that tumble down near the start of a terrain.
LaneState Start(const Terrain& terrain, std::mt19937& random) {
  std::uniform_real_distribution<double> uniform(-1, 1);
  LaneState s = {};
  s.q[0] = terrain.start_x + uniform(random);
  s.q[1] = terrain.start_y + uniform(random);
  s.q[2] = terrain.GroundHeight(s.q[0], s.q[1]) + 0.6;
  for (int i = 0; i < 4; ++i) s.q[3 + i] = uniform(random);
  for (int i = 7; i < kPositions; ++i) s.q[i] = 0.5 * uniform(random);
  for (double& v : s.v) v = uniform(random);
  return s;
}

std::vector<float> Controls(std::mt19937& random) {
  std::uniform_real_distribution<float> uniform(-1, 1);
  std::vector<float> controls(kMotors * kLanes);
  for (float& c : controls) c = uniform(random);
  return controls;
}

// States of all lanes after steps whose inputs depend on `seed` and on the
// lane's name alone; names[l] is who sits in lane l.
std::vector<LaneState> Play(const PhysicsOptions& options, StepperReal real,
                            SimdLevel level, const std::vector<int>& names,
                            int steps) {
  const auto terrain = LoadTerrain("pyramid", {});
  const auto stepper = Stepper::Create(AntModel(options, real, level));
  std::vector<std::mt19937> random;
  for (const int name : names) {
    random.emplace_back(static_cast<unsigned>(name));
  }
  for (uint32_t l = 0; l < kLanes; ++l) {
    const LaneState start = Start(*terrain, random[l]);
    stepper->Reset(l, start.q, start.v);
  }
  for (int k = 0; k < steps; ++k) {
    std::vector<float> controls(kMotors * kLanes);
    for (uint32_t l = 0; l < kLanes; ++l) {
      const std::vector<float> own = Controls(random[l]);
      for (uint32_t m = 0; m < kMotors; ++m) {
        controls[m * kLanes + l] = own[m];
      }
    }
    EXPECT_EQ(stepper->Step(controls.data(), 3), 0u);
  }
  std::vector<LaneState> states(kLanes);
  for (uint32_t l = 0; l < kLanes; ++l) {
    stepper->Read(l, states[l].q, states[l].v);
  }
  return states;
}

std::vector<int> Names() {
  std::vector<int> names(kLanes);
  for (uint32_t l = 0; l < kLanes; ++l) names[l] = static_cast<int>(l);
  return names;
}

TEST(Stepper, EveryInstructionSetGivesTheSameBits) {
  for (const StepperReal real : {StepperReal::kFloat, StepperReal::kDouble}) {
    for (const Integrator integrator :
         {Integrator::kImplicitFast, Integrator::kRungeKutta4}) {
      const PhysicsOptions options = Surroundings("pyramid", integrator);
      const auto expected =
          Play(options, real, SimdLevel::kScalar, Names(), 40);
      for (const SimdLevel level : {SimdLevel::kAvx2, SimdLevel::kAvx512}) {
        if (!SupportsSimdLevel(level)) continue;
        EXPECT_EQ(Play(options, real, level, Names(), 40), expected)
            << SimdLevelName(level);
      }
    }
  }
}

TEST(Stepper, ALaneDependsNeitherOnItsPlaceNorOnItsNeighbours) {
  const SimdLevel level = *ChooseSimdLevel();
  for (const StepperReal real : {StepperReal::kFloat, StepperReal::kDouble}) {
    const PhysicsOptions options =
        Surroundings("pyramid", Integrator::kImplicitFast);
    const auto straight = Play(options, real, level, Names(), 80);
    std::vector<int> reversed = Names();
    std::reverse(reversed.begin(), reversed.end());
    const auto backwards = Play(options, real, level, reversed, 80);
    std::vector<int> strangers(kLanes);
    for (uint32_t l = 0; l < kLanes; ++l) {
      strangers[l] = l == 5 ? 3 : static_cast<int>(100 + l);
    }
    const auto among_strangers = Play(options, real, level, strangers, 80);
    for (uint32_t l = 0; l < kLanes; ++l) {
      EXPECT_EQ(straight[l], backwards[kLanes - 1 - l]) << l;
    }
    EXPECT_EQ(straight[3], among_strangers[5]);
    // The control: other inputs, other bits.
    EXPECT_FALSE(straight[3] == straight[4]);
  }
}

TEST(Stepper, ABadLaneIsReportedUntilItIsResetAndHarmsNoOther) {
  const PhysicsOptions options =
      Surroundings("maze", Integrator::kImplicitFast);
  const auto terrain = LoadTerrain("maze", {});
  const auto model = AntModel(options, StepperReal::kFloat, *ChooseSimdLevel());
  const auto clean = Stepper::Create(model), harmed = Stepper::Create(model);
  std::mt19937 random(1);
  std::vector<LaneState> starts;
  for (uint32_t l = 0; l < kLanes; ++l) {
    starts.push_back(Start(*terrain, random));
    clean->Reset(l, starts[l].q, starts[l].v);
    harmed->Reset(l, starts[l].q, starts[l].v);
  }
  LaneState wild = starts[7];
  wild.v[9] = 1e9;
  harmed->Reset(7, wild.q, wild.v);
  std::vector<float> controls(kMotors * kLanes);
  std::vector<float> with_nan = controls;
  with_nan[2 * kLanes + 4] = std::numeric_limits<float>::quiet_NaN();
  for (int k = 0; k < 20; ++k) {
    EXPECT_EQ(clean->Step(controls.data(), 2), 0u);
    const uint32_t bad = harmed->Step(with_nan.data(), 2);
    EXPECT_TRUE(bad & (1u << 4));
    if (k > 5) {
      EXPECT_EQ(bad, (1u << 4) | (1u << 7));
    }
  }
  LaneState a, b;
  for (uint32_t l = 0; l < kLanes; ++l) {
    if (l == 4 || l == 7) continue;
    clean->Read(l, a.q, a.v);
    harmed->Read(l, b.q, b.v);
    EXPECT_EQ(a, b) << l;
  }
  harmed->Reset(4, starts[4].q, starts[4].v);
  harmed->Reset(7, starts[7].q, starts[7].v);
  EXPECT_EQ(harmed->Step(controls.data(), 1), 0u);
}

// MuJoCo's data at a lane's state.
class Engine {
 public:
  explicit Engine(const std::string& mjcf)
      : model_(*CompileModel(mjcf)), data_(mj_makeData(model_.get())) {
    model_->opt.tolerance = 1e-12;
  }
  ~Engine() { mj_deleteData(data_); }

  const mjData& Step(const LaneState& s, const float* controls, uint32_t lane) {
    mj_resetData(model_.get(), data_);
    std::copy_n(s.q, kPositions, data_->qpos);
    std::copy_n(s.v, kDofs, data_->qvel);
    for (uint32_t m = 0; m < kMotors; ++m) {
      data_->ctrl[m] = static_cast<double>(controls[m * kLanes + lane]);
    }
    mj_step(model_.get(), data_);
    return *data_;
  }

 private:
  ModelPointer model_;
  mjData* const data_;
};

double Distance(const double* a, const double* b, int count) {
  double most = 0;
  for (int i = 0; i < count; ++i) most = std::max(most, std::abs(a[i] - b[i]));
  return most;
}

// The largest |dqvel| after one step from random states, against the engine
// with other options if the test wants it to fail.
double OneStepError(Integrator integrator, const std::string& other = "") {
  const PhysicsOptions options = Surroundings("pyramid", integrator);
  const auto terrain = LoadTerrain("pyramid", {});
  std::string mjcf = AntMjcf(options);
  if (!other.empty()) {
    const std::string from = "margin=\"0.01\"/>\n</default>";
    mjcf.replace(mjcf.find(from), from.size(), other);
  }
  Engine engine(mjcf);
  const auto stepper = Stepper::Create(
      AntModel(options, StepperReal::kDouble, *ChooseSimdLevel()));
  std::mt19937 random(4);
  double error = 0;
  for (int round = 0; round < 40; ++round) {
    const std::vector<float> controls = Controls(random);
    std::vector<LaneState> starts;
    for (uint32_t l = 0; l < kLanes; ++l) {
      starts.push_back(Start(*terrain, random));
      starts[l].q[2] -= 0.3;
      stepper->Reset(l, starts[l].q, starts[l].v);
    }
    EXPECT_EQ(stepper->Step(controls.data(), 1), 0u);
    for (uint32_t l = 0; l < kLanes; ++l) {
      LaneState s;
      stepper->Read(l, s.q, s.v);
      const mjData& data = engine.Step(starts[l], controls.data(), l);
      error = std::max(error, Distance(s.q, data.qpos, kPositions));
      error = std::max(error, Distance(s.v, data.qvel, kDofs));
    }
  }
  return error;
}

TEST(Stepper, DoublesStepLikeMujoco) {
  EXPECT_LT(OneStepError(Integrator::kImplicitFast), 1e-9);
  EXPECT_LT(OneStepError(Integrator::kRungeKutta4), 1e-9);
}

TEST(Stepper, AnotherMarginIsNoticed) {
  EXPECT_GT(
      OneStepError(Integrator::kImplicitFast, "margin=\"0.005\"/>\n</default>"),
      1e-6);
}

// A torso whose sphere is a nanometre from the distance at which contacts
// begin, while a float at its height has steps of thirty.
TEST(Stepper, FloatsDecideLikeDoublesWhetherThereIsAContact) {
  const auto stepper =
      Stepper::Create(AntModel({}, StepperReal::kFloat, *ChooseSimdLevel()));
  LaneState s = {};
  s.q[3] = 1;
  const auto offset = [](uint32_t lane) {
    return (lane % 2 == 0 ? 1e-9 : -1e-9) * (1 + lane);
  };
  int misjudged = 0;
  for (uint32_t l = 0; l < kLanes; ++l) {
    s.q[2] = 0.25 + 0.02 + offset(l);
    stepper->Reset(l, s.q, s.v);
    const float alone = static_cast<float>(s.q[2]) - 0.25f;
    misjudged += (alone <= 0.02f) != (offset(l) <= 0);
  }
  EXPECT_GT(misjudged, 0);
  const std::vector<float> controls(kMotors * kLanes);
  EXPECT_EQ(stepper->Step(controls.data(), 1), 0u);
  for (uint32_t l = 0; l < kLanes; ++l) {
    EXPECT_EQ(stepper->Trace(l).contacts.size(), offset(l) <= 0 ? 1u : 0u) << l;
  }
}

TEST(Stepper, ManyContactsAreComputedWithMoreMemoryAndCounted) {
  // An Ant in a heap of boxes has far more contacts than the fast slots hold.
  PhysicsOptions options;
  for (int k = 0; k < 6; ++k) {
    options.boxes.push_back({{0.02 * k, 0.03 * k, 0.1}, {1, 1, 0.2}});
  }
  Engine engine(AntMjcf(options));
  const auto stepper = Stepper::Create(
      AntModel(options, StepperReal::kDouble, *ChooseSimdLevel()));
  LaneState deep = {};
  deep.q[2] = 0.2;
  deep.q[3] = 1;
  LaneState high = deep;
  high.q[2] = 5;
  for (uint32_t l = 0; l < kLanes; ++l) {
    stepper->Reset(l, l == 3 ? deep.q : high.q, high.v);
  }
  const std::vector<float> controls(kMotors * kLanes);
  EXPECT_EQ(stepper->Step(controls.data(), 1), 0u);
  const mjData& data = engine.Step(deep, controls.data(), 3);
  EXPECT_GT(data.ncon, 32);
  EXPECT_EQ(stepper->Trace(3).contacts.size(), static_cast<size_t>(data.ncon));
  EXPECT_EQ(stepper->counters().enlarged, 1u);
  EXPECT_EQ(stepper->overflows(), 0u);
  LaneState s;
  stepper->Read(3, s.q, s.v);
  EXPECT_LT(Distance(s.v, data.qvel, kDofs), 1e-9);
}

TEST(Stepper, ALaneThatNeedsTooManyContactsIsGivenUpAlone) {
  PhysicsOptions options;
  for (int k = 0; k < 30; ++k) {
    options.boxes.push_back({{0.001 * k, 0, 0.1}, {1, 1, 0.2}});
  }
  const auto stepper = Stepper::Create(
      AntModel(options, StepperReal::kFloat, *ChooseSimdLevel()));
  LaneState deep = {};
  deep.q[2] = 0.2;
  deep.q[3] = 1;
  LaneState high = deep;
  high.q[2] = 5;
  for (uint32_t l = 0; l < kLanes; ++l) {
    stepper->Reset(l, l == 3 ? deep.q : high.q, high.v);
  }
  const std::vector<float> controls(kMotors * kLanes);
  EXPECT_EQ(stepper->Step(controls.data(), 1), 1u << 3);
  EXPECT_GT(stepper->overflows(), 0u);
  stepper->Reset(3, high.q, high.v);
  EXPECT_EQ(stepper->Step(controls.data(), 1), 0u);
}

}  // namespace
}  // namespace kmyriad
