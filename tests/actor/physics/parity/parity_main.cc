// kmyriad-physics-parity [--states N] [--terrain NAME] [--run RUN]: the parity
// table of the batched stepper, N states (100000) on each terrain, both
// integrators, in double and in float. With --run the states are those that a
// run's policies visit. Exits 1 if a gate fails.

#include <cstdint>
#include <cstdio>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "CLI/CLI.hpp"
#include "absl/strings/str_cat.h"
#include "actor/env/terrain_library.h"
#include "common/base/file_system.h"
#include "common/base/status_macros.h"
#include "deploy/launcher/population_source.h"
#include "deploy/launcher/run_folder.h"
#include "tests/actor/physics/parity/ant_parity.h"
#include "tests/actor/physics/parity/ant_states.h"
#include "tests/actor/physics/parity/parity_report.h"
#include "tests/actor/physics/parity/run_policy.h"
#include "tests/actor/physics/parity/stepper_subject.h"

namespace kmyriad {
namespace {

constexpr int kUsageError = 64;

struct ParityOptions {
  uint32_t states = 100000;
  std::vector<std::string> terrains;
  std::string run;
  std::string runs = kRunsFolder;
  std::string actions = "sampled";
};

// Prints the lines of one terrain; whether all gates hold. policy: null for
// random ones.
bool RunTerrain(const std::string& terrain, size_t states, AntPolicy* policy,
                SimdLevel level) {
  bool passed = true;
  AntBank bank = MakeAntBank(terrain, states, policy);
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

// Whether all gates hold on all terrains.
absl::StatusOr<bool> Run(ParityOptions options) {
  KMYRIAD_ASSIGN_OR_RETURN(const SimdLevel level, ChooseSimdLevel());
  Population population;
  if (!options.run.empty()) {
    KMYRIAD_ASSIGN_OR_RETURN(
        population,
        LoadPopulation(PosixFileSystem(), options.run, options.runs));
    if (options.terrains.empty()) {
      options.terrains = {population.config.env().terrain()};
    }
  }
  if (options.terrains.empty()) {
    options.terrains.assign(std::begin(kParityTerrains),
                            std::end(kParityTerrains));
  }
  // All of them before the first one is run.
  std::vector<std::unique_ptr<RunPolicy>> policies;
  for (const std::string& terrain : options.terrains) {
    KMYRIAD_RETURN_IF_ERROR(LoadTerrain(terrain, {}).status());
    if (options.run.empty()) continue;
    KMYRIAD_ASSIGN_OR_RETURN(
        std::unique_ptr<RunPolicy> policy,
        RunPolicy::Create(population, terrain,
                          options.actions == "mean"
                              ? RunPolicy::Actions::kMean
                              : RunPolicy::Actions::kSampled));
    policies.push_back(std::move(policy));
  }
  std::printf("MuJoCo %s, stepper at %s\n", mj_versionString(),
              std::string(SimdLevelName(level)).c_str());
  if (!options.run.empty()) {
    std::printf("%s actions of %u agents, %s %s\n", options.actions.c_str(),
                population.weights.agent_count, population.run_name.c_str(),
                population.checkpoint.c_str());
  }
  std::printf("%s", ReportHeader().c_str());
  bool passed = true;
  for (size_t i = 0; i < options.terrains.size(); ++i) {
    passed =
        RunTerrain(options.terrains[i], options.states,
                   policies.empty() ? nullptr : policies[i].get(), level) &&
        passed;
  }
  return passed;
}

int Main(int argc, char** argv) {
  CLI::App app("Parity of the batched stepper with MuJoCo C");
  ParityOptions options;
  app.add_option("--states", options.states, "On each terrain")
      ->check(CLI::Range(1, 10000000))
      ->capture_default_str();
  app.add_option("--terrain", options.terrains,
                 "Default: the run's, or empty maze cave pyramid");
  app.add_option("--run", options.run,
                 "A run of Ants, or a checkpoint of it, whose policies visit "
                 "the states; default: random policies");
  app.add_option("--runs", options.runs, "Folder of runs")
      ->capture_default_str();
  app.add_option("--actions", options.actions, "Of the run's policies")
      ->check(CLI::IsMember({"sampled", "mean"}))
      ->capture_default_str();
  CLI11_PARSE(app, argc, argv);
  const auto passed = Run(std::move(options));
  if (!passed.ok()) {
    std::fprintf(stderr, "%s\n",
                 std::string(passed.status().message()).c_str());
    return kUsageError;
  }
  return *passed ? 0 : 1;
}

}  // namespace
}  // namespace kmyriad

int main(int argc, char** argv) { return kmyriad::Main(argc, argv); }
