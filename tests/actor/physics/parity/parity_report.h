#ifndef KMYRIAD_TESTS_ACTOR_PHYSICS_PARITY_PARITY_REPORT_H_
#define KMYRIAD_TESTS_ACTOR_PHYSICS_PARITY_PARITY_REPORT_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/types/span.h"
#include "tests/actor/physics/parity/mujoco_oracle.h"
#include "tests/actor/physics/parity/parity_step.h"

namespace kmyriad {

enum class Precision { kDouble, kFloat };

// What an engine's steps differ in from the oracle's, over many states.
struct ParityReport {
  uint64_t states = 0;
  uint64_t contacts = 0, rows = 0;  // of the oracle
  // States whose contacts are others than the oracle's and no tie explains it.
  uint64_t other_contacts = 0;
  // States whose contacts are those that the oracle finds after a change of the
  // positions by rounding alone. They are left out of all that follows.
  uint64_t ties = 0;
  // States with another number of rows than the oracle's.
  uint64_t other_rows = 0;
  // Largest deviation of a number of a contact: metres, or of a unit vector.
  double contact_error = 0;
  // Largest deviations of rows, relative to 1 + the value. aref grows with
  // the velocity of the row, and so does what it is relative to.
  double r_error = 0, d_error = 0, aref_error = 0, jacobian_error = 0;
  // Largest deviation of M and of qacc_smooth, relative likewise.
  double mass_error = 0, qacc_smooth_error = 0;
  // The solution of the engine's own problem (Certify).
  double certificate = 0;
  // Largest of (cost - oracle's cost) / (1 + oracle's cost), both judged by
  // the oracle's problem.
  double cost_excess = 0;
  // Deviation after the step, the largest entry of each state, ascending once
  // finished: qpos and qvel.
  std::vector<double> position_errors, velocity_errors;
};

// Compares steps as they come.
class ParityComparison {
 public:
  // The oracle outlives this; it decides ties.
  ParityComparison(MujocoOracle& oracle, Precision precision)
      : oracle_(oracle), precision_(precision) {}

  void Add(const ParityState& state, const ParityStep& expected,
           const ParityStep& actual);

  // The report so far, its errors sorted.
  ParityReport Finish();

 private:
  bool ExplainedByTie(const ParityState& state, const ParityStep& actual);
  void CompareRows(const ConstraintProblem& expected,
                   const ConstraintProblem& actual);

  MujocoOracle& oracle_;
  const Precision precision_;
  ParityReport report_;
};

// The value below which a share of the sorted errors lies; 0 of none.
double Percentile(absl::Span<const double> sorted, double share);

// The gates that a report fails, each in words with the figure; empty if it
// passes.
std::vector<std::string> FailedGates(const ParityReport& report,
                                     Precision precision);

// Evaluates all states on both sides, in batches, and compares.
ParityReport Compare(MujocoOracle& oracle, ParitySubject& subject,
                     absl::Span<const ParityState> states,
                     Integrator integrator, Precision precision);

// One line of a table, and the line over it.
std::string ReportHeader();
std::string ReportLine(const std::string& name, const ParityReport& report);

}  // namespace kmyriad

#endif  // KMYRIAD_TESTS_ACTOR_PHYSICS_PARITY_PARITY_REPORT_H_
