#include "tests/benchmark/physics_stages/stage_benchmark.h"

#include "actor/env/terrain_library.h"
#include "actor/physics/mujoco/ant_mjcf.h"
#include "actor/physics/mujoco/robot_reader.h"
#include "actor/physics/simd/stepper.h"
#include "gtest/gtest.h"
#include "tests/benchmark/ant_controls.h"
#include "tests/benchmark/ant_placement.h"
#include "tests/benchmark/physics_stages/stage_kernels.h"

namespace kmyriad {
namespace {

class StageBenchmarkTest : public testing::TestWithParam<Integrator> {
 protected:
  StageBenchmarkTest() : terrain_(LoadTerrain("maze", {}).value()) {
    physics_.integrator = GetParam();
    physics_.boxes = terrain_.boxes;
  }

  // The state of all lanes after `steps` env steps of the Ants of block
  // `block`.
  std::vector<double> StateAfter(std::shared_ptr<const StepperModel> model,
                                 uint32_t steps, uint32_t block) {
    const auto stepper = Stepper::Create(std::move(model));
    std::vector<double> q(15), v(14), a(14), state;
    for (uint32_t lane = 0; lane < kBlockLanes; ++lane) {
      q.assign(15, 0.0);
      q[3] = 1;
      PlaceAnt(terrain_, lane, q.data());
      stepper->Reset(lane, q.data(), std::vector<double>(14).data());
    }
    for (uint32_t i = 0; i < steps; ++i) {
      EXPECT_EQ(
          stepper->Step(RandomAntControls(block, i).data(), kAntFrameSkip), 0u);
    }
    for (uint32_t lane = 0; lane < kBlockLanes; ++lane) {
      stepper->Read(lane, q.data(), v.data(), a.data());
      for (const auto* part : {&q, &v, &a}) {
        state.insert(state.end(), part->begin(), part->end());
      }
    }
    return state;
  }

  Terrain terrain_;
  PhysicsOptions physics_;
};

// Numbers are finite, so that equal ones have equal bits but for the sign of
// zeros.
TEST_P(StageBenchmarkTest, ObserversChangeNoBit) {
  const Robot robot = CompileRobot(AntMjcf(physics_)).value();
  const auto product = CreateStepperModel(*robot.model, robot.boxes,
                                          {.level = ChooseSimdLevel().value()})
                           .value();
  const std::vector<double> expected = StateAfter(product, 12, 0);
  const auto observed = [&](const StepKernel<float>& kernel) {
    return StateAfter(CreateStepperModel(*robot.model, robot.boxes, kernel), 12,
                      0);
  };
  EXPECT_EQ(observed(kCountingStepKernel), expected);
  for (const SimdLevel level :
       {SimdLevel::kScalar, SimdLevel::kAvx2, SimdLevel::kAvx512}) {
    if (!SupportsSimdLevel(level)) continue;
    const StageTicks before = TimedStages::total();
    EXPECT_EQ(observed(TimedKernelOf(level)), expected) << SimdLevelName(level);
    for (int k = 0; k < kStepStages; ++k) {
      EXPECT_GT(TimedStages::total().ticks[k], before.ticks[k]) << k;
    }
  }
  EXPECT_NE(StateAfter(product, 12, 1), expected);
}

TEST_P(StageBenchmarkTest, SharesSumToOneAndLanesOnlyAddWork) {
  const auto report = RunStageBenchmark(
      physics_, terrain_, {.seconds = 0.01, .blocks = 1, .env_steps = 22});
  ASSERT_TRUE(report.ok()) << report.status();
  double share = 0, issued = 0, useful = 0;
  for (const auto& [name, stage] : (*report)["stages"].items()) {
    SCOPED_TRACE(name);
    EXPECT_GT(stage["share"], 0.0);
    EXPECT_GT(stage["useful_flops"], 0.0);
    share += stage["share"].get<double>();
    issued += stage["issued_flops"].get<double>();
    useful += stage["useful_flops"].get<double>();
  }
  EXPECT_EQ((*report)["stages"].size(), 8u);
  EXPECT_NEAR(share, 1, 1e-9);
  EXPECT_NEAR(issued, (*report)["issued_flops"], 1e-6 * issued);
  EXPECT_NEAR(useful, (*report)["useful_flops"], 1e-6 * useful);
  EXPECT_LT(useful, issued);
  // Stages without branches have the same work in company and alone.
  for (const char* name : {"kinematics", "mass_matrix", "bias", "factor"}) {
    const auto& stage = (*report)["stages"][name];
    EXPECT_NEAR(stage["issued_flops"], stage["useful_flops"],
                0.02 * stage["useful_flops"].get<double>())
        << name;
  }
  EXPECT_GT((*report)["fused_share"], 0.3);
  EXPECT_LT((*report)["fused_share"], 1.0);
}

INSTANTIATE_TEST_SUITE_P(Integrators, StageBenchmarkTest,
                         testing::Values(Integrator::kImplicitFast,
                                         Integrator::kRungeKutta4));

}  // namespace
}  // namespace kmyriad
