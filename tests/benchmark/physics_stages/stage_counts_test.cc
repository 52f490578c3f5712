// Each stage counts what only that stage can: calls of Enter that are left out,
// moved or exchanged change these numbers.

#include <cstdint>
#include <memory>
#include <vector>

#include "actor/physics/mujoco/ant_mjcf.h"
#include "actor/physics/mujoco/robot_reader.h"
#include "actor/physics/simd/dynamics.h"
#include "actor/physics/simd/robot_conversion.h"
#include "actor/physics/simd/stepper.h"
#include "gtest/gtest.h"
#include "tests/benchmark/ant_controls.h"
#include "tests/benchmark/physics_stages/counting_lanes.h"

namespace kmyriad {
namespace {

struct StepCounts {
  FlopCounts stage[kStepStages];
  StepperCounters counters;

  const FlopCounts& of(StepStage which) const {
    return stage[static_cast<int>(which)];
  }
};

class StageCountsTest : public testing::TestWithParam<Integrator> {
 protected:
  StageCountsTest() {
    PhysicsOptions physics;
    physics.integrator = GetParam();
    robot_ = CompileRobot(AntMjcf(physics)).value();
    evaluations_ = model().runge_kutta ? 4 : 1;
  }

  const RobotModel<double>& model() const { return *robot_.model; }

  // One physics step of 16 equal Ants, all joints between their limits, the
  // torso at `height`, moving with `speed` in each dof.
  StepCounts CountStep(double height, double tilt, double speed) const {
    std::vector<double> q(model().reference,
                          model().reference + model().positions);
    q[2] = height;
    q[4] = tilt;
    q[5] = q[6] = tilt / 2;
    for (int32_t k = 0; k < model().limits; ++k) {
      const auto& limit = model().limit[k];
      q[limit.position] = limit.low + 0.55 * (limit.high - limit.low);
    }
    const auto stepper = Stepper::Create(
        CreateStepperModel(model(), robot_.boxes, kCountingStepKernel));
    for (uint32_t lane = 0; lane < kBlockLanes; ++lane) {
      stepper->Reset(lane, q.data(), std::vector<double>(14, speed).data());
    }
    for (int k = 0; k < kStepStages; ++k) {
      CountedStages::of(static_cast<StepStage>(k)) = {};
    }
    EXPECT_EQ(stepper->Step(RandomAntControls(0, 0).data(), 1), 0u);
    StepCounts counts;
    for (int k = 0; k < kStepStages; ++k) {
      counts.stage[k] = CountedStages::of(static_cast<StepStage>(k));
    }
    counts.counters = stepper->counters();
    return counts;
  }
  StepCounts InFlight() const { return CountStep(3, 0.2, 0.5); }
  StepCounts OnFourFeet() const { return CountStep(0.47, 0.001, 0.001); }

  // What does not depend on contacts.
  void ExpectFreeStages(const StepCounts& counts) const {
    ExpectFactor(counts.of(StepStage::kFactor));
    const FlopCounts& mass = counts.of(StepStage::kMassMatrix);
    const FlopCounts expected = MassMatrixAlone();
    EXPECT_EQ(mass.fused, evaluations_ * expected.fused);
    // Differences from zero do not count: up to three of the root's place.
    EXPECT_LE(mass.simple, evaluations_ * expected.simple);
    EXPECT_GE(mass.simple, evaluations_ * (expected.simple - 3));
    EXPECT_EQ(mass.divisions + mass.roots, 0u);
    const FlopCounts& bias = counts.of(StepStage::kBias);
    EXPECT_GT(bias.fused, 0u);
    EXPECT_EQ(bias.divisions + bias.roots, 0u);
    // Each joint leaves a unit quaternion.
    const auto joints = static_cast<uint64_t>(model().joints);
    const FlopCounts& kinematics = counts.of(StepStage::kKinematics);
    EXPECT_EQ(kinematics.roots, evaluations_ * joints);
    EXPECT_EQ(kinematics.divisions, evaluations_ * joints);
    // The root's after each evaluation, and the axis of its turn.
    const FlopCounts& integration = counts.of(StepStage::kIntegration);
    EXPECT_EQ(integration.roots, 2 * evaluations_);
    EXPECT_EQ(integration.divisions, 2 * evaluations_);
  }

  // The textbook's counts: a row with n ancestors takes a division, n products
  // and n (n + 1) / 2 multiply-adds, and a product and 2 n multiply-adds to
  // solve with. implicitfast factors M, then M + h D.
  void ExpectFactor(const FlopCounts& factor) const {
    const uint64_t times = evaluations_ + (model().runge_kutta ? 0 : 1);
    const auto dofs = static_cast<uint64_t>(model().dofs);
    uint64_t fused = 0, products = dofs;
    for (uint64_t d = 0; d < dofs; ++d) {
      const auto n = static_cast<uint64_t>(model().ancestors[d] - 1);
      fused += n * (n + 1) / 2 + 2 * n;
      products += n;
    }
    EXPECT_EQ(factor.divisions, times * dofs);
    EXPECT_EQ(factor.fused, times * fused);
    EXPECT_EQ(factor.simple,
              times * products + (model().runge_kutta ? 0 : dofs));
    EXPECT_EQ(factor.roots, 0u);
  }

  // Of one evaluation, of numbers that are all one.
  FlopCounts MassMatrixAlone() const {
    const auto robot = std::make_unique<RobotModel<float>>();
    RobotRounding<float>::Robot(model(), robot.get());
    const auto w = std::make_unique<StepWorkspace<CountingLanes>>();
    for (int k = 0; k < kMaxLinks; ++k) {
      for (auto& number : w->rotation[k]) number = CountingLanes(1);
      for (int i = 0; i < 3; ++i) w->mass_center[k][i] = CountingLanes(1);
    }
    for (int d = 0; d < kMaxDofs; ++d) {
      for (int i = 0; i < 6; ++i) w->axis[d][i] = CountingLanes(1);
      for (int i = 0; i < 3; ++i) w->anchor[d][i] = CountingLanes(1);
    }
    CountedStages::of(StepStage::kMassMatrix) = {};
    CountedStages::Enter(StepStage::kMassMatrix);
    ExpressAtCenter(*robot, *w);
    ComputeMassMatrix(*robot, *w);
    CountedStages::Leave();
    return CountedStages::of(StepStage::kMassMatrix);
  }

  Robot robot_;
  uint64_t evaluations_ = 0;
};

TEST_P(StageCountsTest, InFlightNothingIsSolvedAndLimitsOnlyMeasured) {
  const StepCounts counts = InFlight();
  ASSERT_EQ(counts.counters.contact_rounds, 0u);
  ExpectFreeStages(counts);
  EXPECT_EQ(counts.of(StepStage::kSolver).flops(), 0u);
  // The distances to both ends.
  const FlopCounts& rows = counts.of(StepStage::kRows);
  EXPECT_EQ(rows.flops(),
            evaluations_ * 2 * static_cast<uint64_t>(model().limits));
  EXPECT_EQ(rows.simple, rows.flops());
  const FlopCounts& collision = counts.of(StepStage::kCollision);
  EXPECT_GT(collision.flops(), 0u);
  EXPECT_EQ(collision.divisions + collision.roots, 0u);
}

TEST_P(StageCountsTest, OnFourFeetRowsGrowByFootAndTheSolverFactorsByRound) {
  const StepCounts counts = OnFourFeet();
  ASSERT_EQ(counts.counters.contact_rounds, 4 * evaluations_);
  ExpectFreeStages(counts);
  // A contact's normal and first tangent become unit vectors; impedance takes
  // three divisions, R and D take one each.
  const FlopCounts& rows = counts.of(StepStage::kRows);
  EXPECT_EQ(rows.roots, 2 * 4 * evaluations_);
  EXPECT_EQ(rows.divisions, 7 * 4 * evaluations_);
  const FlopCounts& solver = counts.of(StepStage::kSolver);
  EXPECT_GT(counts.counters.newton_rounds, 0u);
  EXPECT_GE(solver.divisions, counts.counters.newton_rounds *
                                  static_cast<uint64_t>(model().dofs));
  EXPECT_EQ(solver.roots, 0u);
  const FlopCounts& collision = counts.of(StepStage::kCollision);
  EXPECT_EQ(collision.fused, InFlight().of(StepStage::kCollision).fused);
  EXPECT_EQ(collision.divisions + collision.roots, 0u);
}

INSTANTIATE_TEST_SUITE_P(Integrators, StageCountsTest,
                         testing::Values(Integrator::kImplicitFast,
                                         Integrator::kRungeKutta4));

}  // namespace
}  // namespace kmyriad
