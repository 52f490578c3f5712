// kmyriad-physics-parity [--states N] [--terrain NAME]: the parity table of the
// batched stepper, N states (100000) on each terrain, both integrators, in
// double and in float. Exits 1 if a gate fails.

#include <cstdio>
#include <string>
#include <vector>

#include "CLI/CLI.hpp"
#include "absl/strings/str_cat.h"
#include "tests/actor/physics/parity/ant_parity.h"
#include "tests/actor/physics/parity/ant_states.h"
#include "tests/actor/physics/parity/parity_report.h"
#include "tests/actor/physics/parity/stepper_subject.h"

namespace kmyriad {
namespace {

// Prints the lines of one terrain; whether all gates hold.
bool RunTerrain(const std::string& terrain, size_t states, SimdLevel level) {
  bool passed = true;
  AntBank bank = MakeAntBank(terrain, states);
  for (const Precision precision : {Precision::kDouble, Precision::kFloat}) {
    const bool is_double = precision == Precision::kDouble;
    if (!is_double) {
      for (ParityState& state : bank.states) state = RoundedToFloat(state);
    }
    auto subject =
        StepperSubject::Create(
            bank.oracle->model(),
            {is_double ? StepperReal::kDouble : StepperReal::kFloat, level})
            .value();
    for (const Integrator integrator :
         {Integrator::kImplicitFast, Integrator::kRungeKutta4}) {
      const ParityReport report =
          Compare(*bank.oracle, *subject, bank.states, integrator, precision);
      const bool rk4 = integrator == Integrator::kRungeKutta4;
      std::printf(
          "%s", ReportLine(absl::StrCat(terrain, is_double ? " fp64" : " fp32",
                                        rk4 ? " rk4" : " implicitfast"),
                           report)
                    .c_str());
      for (const std::string& gate : FailedGates(report, precision)) {
        std::printf("    FAILED %s\n", gate.c_str());
        passed = false;
      }
      std::fflush(stdout);
    }
    if (subject->lost() + subject->unconverged() > 0) {
      std::printf("    %ju lanes lost, %ju evaluations not converged\n",
                  uintmax_t{subject->lost()},
                  uintmax_t{subject->unconverged()});
      passed = false;
    }
  }
  return passed;
}

int Main(int argc, char** argv) {
  CLI::App app("Parity of the batched stepper with MuJoCo C");
  size_t states = 100000;
  std::vector<std::string> terrains(std::begin(kParityTerrains),
                                    std::end(kParityTerrains));
  app.add_option("--states", states, "On each terrain")->capture_default_str();
  app.add_option("--terrain", terrains, "empty, maze, cave, pyramid")
      ->capture_default_str();
  CLI11_PARSE(app, argc, argv);
  const auto level = ChooseSimdLevel();
  if (!level.ok()) {
    std::fprintf(stderr, "%s\n", level.status().ToString().c_str());
    return 64;
  }
  std::printf("MuJoCo %s, stepper at %s\n%s", mj_versionString(),
              std::string(SimdLevelName(*level)).c_str(),
              ReportHeader().c_str());
  bool passed = true;
  for (const std::string& terrain : terrains) {
    passed = RunTerrain(terrain, states, *level) && passed;
  }
  return passed ? 0 : 1;
}

}  // namespace
}  // namespace kmyriad

int main(int argc, char** argv) { return kmyriad::Main(argc, argv); }
