// The comparison itself: the oracle passes against itself, and fails against
// itself with each error that an imitation could have.
#include "tests/actor/physics/parity/parity_report.h"

#include <string>
#include <vector>

#include "absl/strings/str_join.h"
#include "gtest/gtest.h"
#include "tests/actor/physics/parity/ant_parity.h"

namespace kmyriad {
namespace {

constexpr size_t kStates = 1000;

class ParityReportTest : public ::testing::TestWithParam<const char*> {
 protected:
  ParityReport CompareWith(OracleError error, Integrator integrator) {
    auto subject = MujocoOracle::Create(bank_.mjcf, error);
    EXPECT_TRUE(subject.ok()) << subject.status();
    return Compare(*bank_.oracle, **subject, bank_.states, integrator,
                   Precision::kDouble);
  }

  AntBank bank_ = MakeAntBank(GetParam(), kStates);
};

TEST_P(ParityReportTest, TheOraclePassesAgainstItself) {
  for (const Integrator integrator :
       {Integrator::kImplicitFast, Integrator::kRungeKutta4}) {
    const ParityReport report = CompareWith(OracleError::kNone, integrator);
    EXPECT_EQ(absl::StrJoin(FailedGates(report, Precision::kDouble), "; "), "");
    EXPECT_EQ(Percentile(report.velocity_errors, 1), 0);
    EXPECT_EQ(report.ties, 0u);
    // The states are worth comparing.
    EXPECT_EQ(report.states, kStates);
    EXPECT_GT(report.contacts, kStates);
    EXPECT_GT(report.rows, 4 * kStates);
  }
}

TEST_P(ParityReportTest, EveryErrorOfAnImitationFailsAGate) {
  for (const OracleError error :
       {OracleError::kMarginIsMaximum, OracleError::kNoPyramidFactor,
        OracleError::kOtherTangentSeed, OracleError::kOneNewtonIteration}) {
    const ParityReport report = CompareWith(error, Integrator::kImplicitFast);
    EXPECT_NE(absl::StrJoin(FailedGates(report, Precision::kDouble), "; "), "")
        << static_cast<int>(error);
    EXPECT_NE(absl::StrJoin(FailedGates(report, Precision::kFloat), "; "), "")
        << static_cast<int>(error);
  }
}

// A tie may be decided otherwise, a contact that is missing may not be.
TEST_P(ParityReportTest, AMissingContactIsNoTie) {
  std::vector<ParityStep> steps;
  bank_.oracle->Evaluate(bank_.states, Integrator::kImplicitFast, &steps);
  ParityComparison comparison(*bank_.oracle, Integrator::kImplicitFast,
                              Precision::kDouble);
  size_t changed = 0;
  for (size_t i = 0; i < steps.size(); ++i) {
    ParityStep other = steps[i];
    if (bank_.states[i].kind == StateKind::kVisited &&
        !other.contacts.empty()) {
      other.contacts.pop_back();
      ++changed;
    }
    comparison.Add(bank_.states[i], steps[i], other);
  }
  EXPECT_GT(changed, kStates / 10);
  EXPECT_EQ(comparison.Finish().other_contacts, changed);
}

TEST_P(ParityReportTest, StatesOfAllKindsAreThere) {
  size_t kinds[3] = {0, 0, 0};
  for (const ParityState& state : bank_.states) {
    ++kinds[static_cast<int>(state.kind)];
  }
  EXPECT_GT(kinds[0], kStates / 2);
  EXPECT_GT(kinds[1], kStates / 8);
  EXPECT_GT(kinds[2], kStates / 8);
}

INSTANTIATE_TEST_SUITE_P(Terrains, ParityReportTest,
                         ::testing::ValuesIn(kParityTerrains));

TEST(PercentileTest, IsTheValueBelowWhichAShareLies) {
  EXPECT_EQ(Percentile({}, 0.5), 0);
  EXPECT_EQ(Percentile({1, 2, 3, 4}, 0.5), 2);
  EXPECT_EQ(Percentile({1, 2, 3, 4}, 1), 4);
  EXPECT_EQ(Percentile({1, 2, 3, 4}, 0.999), 4);
  EXPECT_EQ(Percentile({1, 2, 3, 4}, 0), 1);
}

TEST(AntStatesTest, AreAFunctionOfTheSeed) {
  const AntBank a = MakeAntBank("cave", 50), b = MakeAntBank("cave", 50);
  for (size_t i = 0; i < 50; ++i) EXPECT_EQ(a.states[i].qpos, b.states[i].qpos);
}

}  // namespace
}  // namespace kmyriad
