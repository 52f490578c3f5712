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

// Whether a body's joints cannot move its centre at all: a link that turns
// about an axis through it (seed 39). Its contacts then have an inverse weight
// of 0, R at the engine's floor of 1e-15 and D near 1e15. Accelerations agree
// all the same, but forces, which are D times a difference of accelerations,
// are rounding in their third digit: the engine's J' f is 5 N m off its own
// M a - qfrc_smooth of hundreds. Its implicitfast steps by these forces, the
// stepper by M a, and the gradient of the certificate has them, too. RK4 steps
// by accelerations alone and keeps its gates.
bool HasImmovableBody(const mjModel& m) {
  for (mjtSize b = 1; b < m.nbody; ++b) {
    if (m.body_weldid[b] != 0 && m.body_invweight0[2 * b] < 1e-6) return true;
  }
  return false;
}

TEST(RandomRobotTest, StepsAreThoseOfTheEngine) {
  uint64_t contacts = 0, free_roots = 0, rows = 0, undecided = 0, ties = 0;
  uint64_t immovable_bodies = 0;
  for (uint64_t seed = 1; seed <= kRobots; ++seed) {
    const std::string mjcf = RandomRobotMjcf(seed);
    const auto oracle = MujocoOracle::Create(mjcf);
    ASSERT_TRUE(oracle.ok()) << oracle.status() << mjcf;
    const bool immovable = HasImmovableBody((*oracle)->model());
    immovable_bodies += immovable;
    const auto subject = StepperSubject::Create(
        (*oracle)->model(), {StepperReal::kDouble, ChooseSimdLevel().value()});
    ASSERT_TRUE(subject.ok()) << subject.status() << mjcf;
    const std::vector<ParityState> states =
        RandomRobotStates(**oracle, seed, kStates);
    for (const Integrator integrator :
         {Integrator::kImplicitFast, Integrator::kRungeKutta4}) {
      if (immovable && integrator == Integrator::kImplicitFast) continue;
      const ParityReport report =
          Compare(**oracle, **subject, states, integrator, Precision::kDouble);
      // Links of grams with springs of kilonewtons: numbers are larger than an
      // Ant's, and so is their rounding.
      EXPECT_EQ(report.other_contacts, 0u) << seed;
      EXPECT_LE(Percentile(report.position_errors, 1), 1e-9) << seed;
      EXPECT_LE(Percentile(report.velocity_errors, 1), 1e-7) << seed;
      EXPECT_LE(Percentile(report.row_errors, 1), 1e-9) << seed;
      if (!immovable) {
        EXPECT_LE(report.certificate, 1e-8) << seed;
      }
      contacts += report.contacts;
      rows += report.rows;
      undecided += report.undecided;
      ties += report.ties;
    }
    free_roots += (*oracle)->model().jnt_type[0] == mjJNT_FREE;
    EXPECT_EQ((*subject)->lost() + (*subject)->unconverged(), 0u) << seed;
  }
  EXPECT_GE(immovable_bodies, 1u);
  EXPECT_LE(immovable_bodies, kRobots / 20);
  // They are worth comparing.
  EXPECT_GT(contacts, 2 * kRobots * kStates);
  EXPECT_GT(rows, 4 * contacts);
  EXPECT_GT(free_roots, kRobots / 3);
  EXPECT_LT(free_roots, kRobots);
  EXPECT_LE(undecided + ties, 2 * kRobots * kStates / 100);
}

}  // namespace
}  // namespace kmyriad
