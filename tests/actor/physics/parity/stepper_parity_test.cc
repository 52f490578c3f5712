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

// A visited state from which a looser tolerance leaves the oracle's RK4 step
// 2.6e-9 from the stepper's and from its own at tolerance 0.
TEST(OracleToleranceTest, ConvergesWhereALooserOneStopsShort) {
  const ParityState state = {
      StateKind::kVisited,
      {7.65179209862458, -8.2687249647909269, 0.2765993645508158,
       0.16414442809284741, -0.92123523329792345, -0.35215819735372739,
       -0.01915347731263279, 0.37893277344195364, 0.52133616925811166,
       -0.38636763631962101, -0.52243144903191563, 0.52683341677327566,
       -0.68214788215731836, 0.53744565308182557, 1.0197192338132189},
      {-0.80549637034945887, 0.098240964443252254, 0.04974191860460131,
       -1.390486433183352, 1.0221574692062971, -2.4804377847541637,
       12.078795697300968, 0.30976078495205761, 2.2779424456411106,
       -0.61890940089080981, -0.085485134842694308, -5.3441280306229801,
       5.8328404757186965, -6.6975346709596586},
      {0.073208324611186981, 0.57870692014694214, -0.46093258261680603,
       -0.63877040147781372, -0.91512864828109741, -0.071907810866832733,
       0.70539218187332153, -0.36663898825645447}};
  const AntBank bank = MakeAntBank("empty", 0);
  const auto subject = MakeSubject(*bank.oracle, StepperReal::kDouble,
                                   ChooseSimdLevel().value());
  std::vector<ParityStep> expected, actual;
  bank.oracle->Evaluate({&state, 1}, Integrator::kRungeKutta4, &expected);
  subject->Evaluate({&state, 1}, Integrator::kRungeKutta4, &actual);
  for (size_t d = 0; d < state.qvel.size(); ++d) {
    EXPECT_NEAR(actual[0].qvel[d], expected[0].qvel[d], 1e-13) << d;
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
