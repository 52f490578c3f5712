// The kernels of actor/physics/cuda before the stepper in SIMD lanes: equal
// bits. Built three times: with the host twin; with a twin that may contract
// (KMYRIAD_CONTRACTED), which must differ; and with a GPU (KMYRIAD_ON_GPU),
// where the program exits with 77 if there is none.

#include <cstring>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "actor/env/terrain_library.h"
#include "actor/physics/cuda/robot_fleet.h"
#include "actor/physics/mujoco/ant_mjcf.h"
#include "actor/physics/mujoco/robot_reader.h"
#include "actor/physics/simd/stepper.h"
#include "gtest/gtest.h"
#include "tests/actor/physics/cuda/step_place.h"

namespace kmyriad {
namespace {

constexpr uint32_t kPositions = 15, kDofs = 14, kMotors = 8;

struct Play {
  std::string terrain = "empty";
  Integrator integrator = Integrator::kImplicitFast;
  uint32_t robots = 64;
  uint32_t steps = 20;
  uint32_t threads = 64;
  bool reversed = false;
  // The fleet's controls of robots 0 and 1 change places.
  bool swapped = false;
  // Instead of the terrain's.
  std::vector<StaticBox> boxes = {};
  double height = 0.6;
};

struct State {
  double q[kPositions], v[kDofs], warm[kDofs];
};

StepPlace PlaceOf(const Play& play) {
#ifdef KMYRIAD_ON_GPU
  static_cast<void>(play);
  return MakeGpuPlace();
#else
  return MakeTwinPlace(play.threads, play.reversed);
#endif
}

State Start(const Terrain& terrain, double height, std::mt19937& random) {
  std::uniform_real_distribution<double> uniform(-1, 1);
  State s = {};
  s.q[0] = terrain.start_x + uniform(random);
  s.q[1] = terrain.start_y + uniform(random);
  s.q[2] = terrain.GroundHeight(s.q[0], s.q[1]) + height;
  for (int i = 0; i < 4; ++i) s.q[3 + i] = uniform(random);
  for (uint32_t i = 7; i < kPositions; ++i) s.q[i] = 0.5 * uniform(random);
  for (double& v : s.v) v = uniform(random);
  return s;
}

// What a play comes to: robots whose bits differ at the end of any step, and
// the sums of both sides' counters.
struct Outcome {
  uint32_t compared = 0;
  uint32_t different = 0;
  KernelCounters fleet = {};
  StepperCounters lanes;
};

void AddLanes(const StepperCounters& more, StepperCounters* sum) {
  sum->newton_iterations += more.newton_iterations;
  sum->contacts += more.contacts;
  sum->box_pairs += more.box_pairs;
  sum->enlarged += more.enlarged;
}

template <class Real>
Outcome Compare(const Play& play) {
  const Terrain terrain = *LoadTerrain(play.terrain, {});
  PhysicsOptions options;
  options.integrator = play.integrator;
  options.boxes = play.boxes.empty() ? terrain.boxes : play.boxes;
  const Robot robot = *CompileRobot(AntMjcf(options));
  const bool is_float = std::is_same_v<Real, float>;
  const auto model = *CreateStepperModel(
      *robot.model, robot.boxes,
      {.real = is_float ? StepperReal::kFloat : StepperReal::kDouble,
       .level = *ChooseSimdLevel()});
  const StepPlace place = PlaceOf(play);
  const auto created = RobotFleet<Real>::Create(*place.device, *robot.model,
                                                robot.boxes, play.robots);
  RobotFleet<Real>& fleet = **created;
  std::vector<std::unique_ptr<Stepper>> blocks;
  std::mt19937 random(7);
  for (uint32_t r = 0; r < play.robots; ++r) {
    if (r % kStepLanes == 0) blocks.push_back(Stepper::Create(model));
    const State start = Start(terrain, play.height, random);
    fleet.Reset(r, start.q, start.v);
    blocks.back()->Reset(r % kStepLanes, start.q, start.v);
  }
  Outcome outcome;
  std::uniform_real_distribution<float> uniform(-1, 1);
  std::vector<float> controls(blocks.size() * kMotors * kStepLanes);
  for (uint32_t step = 0; step < play.steps; ++step) {
    for (float& c : controls) c = uniform(random);
    std::vector<float> ours = controls;
    for (uint32_t m = 0; play.swapped && m < kMotors; ++m) {
      std::swap(ours[kStepLanes * m], ours[kStepLanes * m + 1]);
    }
    StepView<Real> view = fleet.view();
    view.substeps = 5;
    EXPECT_TRUE(fleet.Upload(ours).ok());
    EXPECT_TRUE(place.Step(view).ok());
    EXPECT_TRUE(fleet.Download().ok());
    std::vector<uint32_t> bad;
    for (size_t b = 0; b < blocks.size(); ++b) {
      bad.push_back(blocks[b]->Step(&controls[b * kMotors * kStepLanes], 5));
    }
    for (uint32_t r = 0; r < play.robots; ++r) {
      State a = {}, b = {};
      fleet.Read(r, a.q, a.v, a.warm);
      blocks[r / kStepLanes]->Read(r % kStepLanes, b.q, b.v, b.warm);
      const bool lost = (bad[r / kStepLanes] >> (r % kStepLanes) & 1) != 0;
      ++outcome.compared;
      if (lost != fleet.bad(r)) {
        ++outcome.different;
      } else if (!lost && std::memcmp(&a, &b, sizeof(State)) != 0) {
        ++outcome.different;
      }
    }
  }
  outcome.fleet = fleet.Counters();
  for (const auto& block : blocks) AddLanes(block->counters(), &outcome.lanes);
  return outcome;
}

void ExpectEqual(const Outcome& outcome) {
#ifdef KMYRIAD_CONTRACTED
  EXPECT_GT(outcome.different, outcome.compared / 2);
#else
  EXPECT_EQ(outcome.different, 0u) << "of " << outcome.compared;
  EXPECT_EQ(outcome.fleet.contacts, outcome.lanes.contacts);
  EXPECT_EQ(outcome.fleet.newton_iterations, outcome.lanes.newton_iterations);
  EXPECT_EQ(outcome.fleet.box_pairs, outcome.lanes.box_pairs);
  EXPECT_EQ(outcome.fleet.enlarged, outcome.lanes.enlarged);
  EXPECT_GT(outcome.fleet.contacts, 0u);
#endif
}

class PhysicsConformance : public testing::TestWithParam<const char*> {};

TEST_P(PhysicsConformance, SinglePrecisionHasTheBitsOfTheLanes) {
  for (const Integrator integrator :
       {Integrator::kImplicitFast, Integrator::kRungeKutta4}) {
    ExpectEqual(
        Compare<float>({.terrain = GetParam(), .integrator = integrator}));
  }
}

TEST_P(PhysicsConformance, DoublePrecisionHasTheBitsOfTheLanes) {
  for (const Integrator integrator :
       {Integrator::kImplicitFast, Integrator::kRungeKutta4}) {
    ExpectEqual(Compare<double>({.terrain = GetParam(),
                                 .integrator = integrator,
                                 .robots = 32,
                                 .steps = 10}));
  }
}

INSTANTIATE_TEST_SUITE_P(Terrains, PhysicsConformance,
                         testing::Values("empty", "maze", "cave", "pyramid"));

#ifndef KMYRIAD_CONTRACTED
// Tiles so small that a lying robot touches more than the fast tier holds.
std::vector<StaticBox> ManyTiles() {
  std::vector<StaticBox> boxes;
  for (int x = -16; x <= 16; ++x) {
    for (int y = -16; y <= 16; ++y) {
      boxes.push_back({{0.1 * x, 0.1 * y, 0.05}, {0.05, 0.05, 0.05}});
    }
  }
  return boxes;
}

TEST(PhysicsConformance, AnyBlockSizeAndOrderOfThreadsGivesTheSameBits) {
  for (const uint32_t threads : {32u, 64u}) {
    for (const bool reversed : {false, true}) {
      const Outcome outcome = Compare<float>({.terrain = "maze",
                                              .robots = 53,
                                              .steps = 5,
                                              .threads = threads,
                                              .reversed = reversed});
      EXPECT_EQ(outcome.different, 0u) << threads << " threads";
    }
  }
}

TEST(PhysicsConformance, TheGeneralTierStepsRobotsWithManyContacts) {
  const Outcome outcome = Compare<float>(
      {.robots = 32, .steps = 20, .boxes = ManyTiles(), .height = 0.4});
  ExpectEqual(outcome);
  EXPECT_GT(outcome.fleet.enlarged, 0u);
}

TEST(PhysicsConformance, ControlsOfAnotherRobotAreNoticed) {
  const Outcome outcome = Compare<float>({.steps = 2, .swapped = true});
  EXPECT_EQ(outcome.different, 4u);
}
#endif

}  // namespace
}  // namespace kmyriad
