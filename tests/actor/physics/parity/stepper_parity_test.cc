// The gates of parity, on a bank of states that is small enough for every
// build; kmyriad-physics-parity runs the same on 100,000 of each terrain.
#include <cstring>
#include <string>
#include <tuple>
#include <vector>

#include "absl/strings/str_join.h"
#include "actor/physics/backend_factory.h"
#include "gtest/gtest.h"
#include "tests/actor/physics/parity/ant_parity.h"
#include "tests/actor/physics/parity/ant_states.h"
#include "tests/actor/physics/parity/episode_statistics.h"
#include "tests/actor/physics/parity/parity_report.h"
#include "tests/actor/physics/parity/stepper_subject.h"

namespace kmyriad {
namespace {

constexpr size_t kStates = 2500;

std::unique_ptr<StepperSubject> MakeSubject(const MujocoOracle& oracle,
                                            StepperReal real, SimdLevel level) {
  return StepperSubject::Create(oracle.model(), {real, level}).value();
}

class StepperParityTest
    : public ::testing::TestWithParam<std::tuple<const char*, Precision>> {
 protected:
  explicit StepperParityTest(size_t states = kStates)
      : bank_(MakeAntBank(std::get<0>(GetParam()), states)) {
    if (precision_ == Precision::kDouble) return;
    for (ParityState& state : bank_.states) state = RoundedToFloat(state);
  }

  StepperReal real() const {
    return precision_ == Precision::kDouble ? StepperReal::kDouble
                                            : StepperReal::kFloat;
  }

  AntBank bank_;
  const Precision precision_ = std::get<1>(GetParam());
};

// Where fewer states tell as much.
class StepperParityControlTest : public StepperParityTest {
 protected:
  StepperParityControlTest() : StepperParityTest(200) {}
};

TEST_P(StepperParityTest, PassesEveryGate) {
  const auto subject =
      MakeSubject(*bank_.oracle, real(), ChooseSimdLevel().value());
  for (const Integrator integrator :
       {Integrator::kImplicitFast, Integrator::kRungeKutta4}) {
    const ParityReport report =
        Compare(*bank_.oracle, *subject, bank_.states, integrator, precision_);
    EXPECT_EQ(absl::StrJoin(FailedGates(report, precision_), "; "), "");
    EXPECT_GT(report.contacts, kStates);
  }
  EXPECT_EQ(subject->lost(), 0u);
  EXPECT_EQ(subject->unconverged(), 0u);
}

// The stepper does not have an error that the oracle is given.
TEST_P(StepperParityControlTest, EveryErrorWouldBeSeen) {
  const auto subject =
      MakeSubject(*bank_.oracle, real(), ChooseSimdLevel().value());
  const absl::Span<const ParityState> states =
      absl::MakeSpan(bank_.states).first(100);
  for (const OracleError error :
       {OracleError::kMarginIsMaximum, OracleError::kNoPyramidFactor,
        OracleError::kOtherTangentSeed, OracleError::kOneNewtonIteration}) {
    const auto wrong = MujocoOracle::Create(bank_.mjcf, error).value();
    const ParityReport report = Compare(*wrong, *subject, states,
                                        Integrator::kImplicitFast, precision_);
    EXPECT_NE(absl::StrJoin(FailedGates(report, precision_), "; "), "")
        << static_cast<int>(error);
  }
}

// In whichever lane, beside whichever states, at whichever instruction set.
TEST_P(StepperParityControlTest, EveryLaneAndInstructionSetGivesTheSameBits) {
  const absl::Span<const ParityState> states =
      absl::MakeSpan(bank_.states).first(200);
  std::vector<ParityStep> expected, actual;
  MakeSubject(*bank_.oracle, real(), SimdLevel::kScalar)
      ->Evaluate(states, Integrator::kImplicitFast, &expected);
  // From 7 on: other lanes and other neighbours.
  for (const size_t first : {size_t{0}, size_t{7}}) {
    for (const SimdLevel level :
         {SimdLevel::kScalar, SimdLevel::kAvx2, SimdLevel::kAvx512}) {
      if (!SupportsSimdLevel(level)) continue;
      MakeSubject(*bank_.oracle, real(), level)
          ->Evaluate(states.subspan(first), Integrator::kImplicitFast, &actual);
      for (size_t i = 0; i < actual.size(); ++i) {
        const ParityStep& e = expected[first + i];
        ASSERT_EQ(std::memcmp(actual[i].qpos.data(), e.qpos.data(),
                              e.qpos.size() * sizeof(double)),
                  0)
            << SimdLevelName(level) << " " << i;
        ASSERT_EQ(std::memcmp(actual[i].qvel.data(), e.qvel.data(),
                              e.qvel.size() * sizeof(double)),
                  0)
            << SimdLevelName(level) << " " << i;
      }
    }
  }
}

class StepperEpisodeTest : public ::testing::TestWithParam<const char*> {};

// 102,400 physics steps of each engine, as users run them. The control is
// EpisodeStatisticsTest: another margin rule gives a probability below 1e-6.
TEST_P(StepperEpisodeTest, DistributionsAreThoseOfTheEngine) {
  AntBank bank = MakeAntBank(GetParam(), 0);
  PhysicsOptions physics;
  physics.boxes = bank.terrain.boxes;
  EpisodeStatistics episodes[2];
  for (const bool batched : {false, true}) {
    const auto model =
        CreateAntPhysics(batched ? "simd" : "mujoco", physics).value();
    EpisodeOptions options;
    options.seed = batched ? 2 : 1;
    episodes[batched] =
        RunEpisodes(*model, bank.terrain, *bank.oracle, options).value();
  }
  for (int i = 0; i < kEpisodeQuantities; ++i) {
    const double probability = SameDistribution(episodes[0][i], episodes[1][i]);
    RecordProperty(kEpisodeQuantityNames[i], std::to_string(probability));
    EXPECT_GT(probability, 1e-3) << kEpisodeQuantityNames[i];
  }
}

INSTANTIATE_TEST_SUITE_P(Terrains, StepperEpisodeTest,
                         ::testing::ValuesIn(kParityTerrains));

const auto kBanks = ::testing::Combine(
    ::testing::ValuesIn(kParityTerrains),
    ::testing::Values(Precision::kDouble, Precision::kFloat));
INSTANTIATE_TEST_SUITE_P(Banks, StepperParityTest, kBanks);
INSTANTIATE_TEST_SUITE_P(Banks, StepperParityControlTest, kBanks);

}  // namespace
}  // namespace kmyriad
