// Robots that nobody designed, against MuJoCo.
#include "tests/actor/physics/parity/random_robot.h"

#include "absl/strings/str_join.h"
#include "gtest/gtest.h"
#include "tests/actor/physics/parity/parity_report.h"
#include "tests/actor/physics/parity/stepper_subject.h"

namespace kmyriad {
namespace {

constexpr uint64_t kRobots = 60;
constexpr size_t kStates = 48;

// Whether a body's joints cannot move its centre at all. Its contacts then have
// an inverse weight of 0 and rows a million million times as stiff as others:
// what solves them is rounding, in the engine, too.
bool HasImmovableBody(const mjModel& m) {
  for (mjtSize b = 1; b < m.nbody; ++b) {
    if (m.body_weldid[b] != 0 && m.body_invweight0[2 * b] < 1e-6) return true;
  }
  return false;
}

TEST(RandomRobotTest, StepsAreThoseOfTheEngine) {
  uint64_t contacts = 0, free_roots = 0, rows = 0, undecided = 0, ties = 0;
  uint64_t skipped = 0;
  for (uint64_t seed = 1; seed <= kRobots; ++seed) {
    const std::string mjcf = RandomRobotMjcf(seed);
    const auto oracle = MujocoOracle::Create(mjcf);
    ASSERT_TRUE(oracle.ok()) << oracle.status() << mjcf;
    if (HasImmovableBody((*oracle)->model())) {
      ++skipped;
      continue;
    }
    const auto subject = StepperSubject::Create(
        (*oracle)->model(), {StepperReal::kDouble, ChooseSimdLevel().value()});
    ASSERT_TRUE(subject.ok()) << subject.status() << mjcf;
    const std::vector<ParityState> states =
        RandomRobotStates(**oracle, seed, kStates);
    for (const Integrator integrator :
         {Integrator::kImplicitFast, Integrator::kRungeKutta4}) {
      const ParityReport report =
          Compare(**oracle, **subject, states, integrator, Precision::kDouble);
      // Links of grams with springs of kilonewtons: numbers are larger than an
      // Ant's, and so is their rounding.
      EXPECT_EQ(report.other_contacts, 0u) << seed;
      EXPECT_LE(Percentile(report.position_errors, 1), 1e-9) << seed;
      EXPECT_LE(Percentile(report.velocity_errors, 1), 1e-7) << seed;
      EXPECT_LE(Percentile(report.row_errors, 1), 1e-9) << seed;
      EXPECT_LE(report.certificate, 1e-8) << seed;
      contacts += report.contacts;
      rows += report.rows;
      undecided += report.undecided;
      ties += report.ties;
    }
    free_roots += (*oracle)->model().jnt_type[0] == mjJNT_FREE;
    EXPECT_EQ((*subject)->lost() + (*subject)->unconverged(), 0u) << seed;
  }
  EXPECT_LE(skipped, kRobots / 4);
  // They are worth comparing.
  EXPECT_GT(contacts, 2 * kRobots * kStates);
  EXPECT_GT(rows, 4 * contacts);
  EXPECT_GT(free_roots, kRobots / 3);
  EXPECT_LT(free_roots, kRobots);
  EXPECT_LE(undecided + ties, 2 * kRobots * kStates / 100);
}

}  // namespace
}  // namespace kmyriad
