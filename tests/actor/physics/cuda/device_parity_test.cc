// The gates of parity with MuJoCo (../parity) for the step kernels, in both
// precisions: with their twin on two terrains, with a GPU (KMYRIAD_ON_GPU) on
// all four and more states.
#include <cstdio>
#include <string>
#include <tuple>

#include "absl/strings/str_join.h"
#include "gtest/gtest.h"
#include "tests/actor/physics/cuda/device_subject.h"
#include "tests/actor/physics/parity/ant_parity.h"
#include "tests/actor/physics/parity/ant_states.h"
#include "tests/actor/physics/parity/parity_report.h"

namespace kmyriad {
namespace {

#ifdef KMYRIAD_ON_GPU
constexpr size_t kStates = 5000;
constexpr const char* kTerrains[] = {"empty", "maze", "cave", "pyramid"};
StepPlace Place() { return MakeGpuPlace(); }
#else
constexpr size_t kStates = 2500;
constexpr const char* kTerrains[] = {"maze", "pyramid"};
StepPlace Place() { return MakeTwinPlace(64, false); }
#endif

class DeviceParityTest
    : public ::testing::TestWithParam<std::tuple<const char*, Precision>> {
 protected:
  DeviceParityTest() : bank_(MakeAntBank(std::get<0>(GetParam()), kStates)) {
    if (precision_ == Precision::kDouble) return;
    for (ParityState& state : bank_.states) state = RoundedToFloat(state);
  }
  std::unique_ptr<ParitySubject> Subject() const {
    return precision_ == Precision::kDouble
               ? MakeDeviceSubject<double>(bank_.oracle->model(), Place())
               : MakeDeviceSubject<float>(bank_.oracle->model(), Place());
  }

  AntBank bank_;
  const Precision precision_ = std::get<1>(GetParam());
};

TEST_P(DeviceParityTest, PassesEveryGate) {
  const auto subject = Subject();
  std::printf("%s\n", ReportHeader().c_str());
  for (const Integrator integrator :
       {Integrator::kImplicitFast, Integrator::kRungeKutta4}) {
    const ParityReport report =
        Compare(*bank_.oracle, *subject, bank_.states, integrator, precision_);
    std::printf("%s\n", ReportLine(integrator == Integrator::kRungeKutta4
                                       ? "rk4"
                                       : "implicitfast",
                                   report)
                            .c_str());
    EXPECT_EQ(absl::StrJoin(FailedGates(report, precision_), "; "), "");
    EXPECT_GT(report.contacts, kStates / 2);
  }
}

// States and accelerations alone show these errors of an oracle.
TEST_P(DeviceParityTest, AnErrorOfTheOracleIsSeen) {
  const auto subject = Subject();
  for (const OracleError error :
       {OracleError::kNoPyramidFactor, OracleError::kOneNewtonIteration}) {
    const auto wrong = MujocoOracle::Create(bank_.mjcf, error).value();
    const ParityReport report =
        Compare(*wrong, *subject, absl::MakeSpan(bank_.states).first(100),
                Integrator::kImplicitFast, precision_);
    EXPECT_GT(Percentile(report.velocity_errors, 0.999), 1e-3)
        << static_cast<int>(error);
  }
}

INSTANTIATE_TEST_SUITE_P(
    Banks, DeviceParityTest,
    ::testing::Combine(::testing::ValuesIn(kTerrains),
                       ::testing::Values(Precision::kDouble,
                                         Precision::kFloat)));

}  // namespace
}  // namespace kmyriad
