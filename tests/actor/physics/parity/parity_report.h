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
  // States whose contacts or active limits are others than the oracle's and no
  // tie explains it; of those that were made to tie, where more features may
  // tie than a few dozen changes can show, and of the rest.
  uint64_t undecided = 0, other_contacts = 0;
  // States that a change by rounding alone makes the oracle itself see as the
  // subject does: contacts and limits at their margins, features that are
  // equally near, and steps that jump where a contact begins. They are left out
  // of all that follows.
  uint64_t ties = 0;
  // Those among them that were not made to tie.
  uint64_t unmade_ties = 0;
  // Largest deviation of a number of a contact: metres, or of a unit vector.
  double contact_error = 0;
  // Deviations of R, D and aref, the largest of each state, ascending once
  // finished. Relative to 1 + the value; aref, a difference of terms that are
  // larger, to 1 + the largest aref of the state.
  std::vector<double> row_errors;
  double jacobian_error = 0;
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
  ParityComparison(MujocoOracle& oracle, Integrator integrator,
                   Precision precision)
      : oracle_(oracle), integrator_(integrator), precision_(precision) {}

  void Add(const ParityState& state, const ParityStep& expected,
           const ParityStep& actual);

  // The report so far, its errors sorted.
  ParityReport Finish();

 private:
  template <typename Explained>
  bool ExplainedBySamples(const ParityState& state, double positions,
                          double velocities, const Explained& explained);
  bool ContactsAreSampled(const ParityStep& actual) const;
  bool StepIsTie(const ParityState& state, const ParityStep& expected,
                 const ParityStep& actual);
  bool StepJumps(const ParityStep& expected, const ParityStep& actual) const;
  void CountTie(const ParityState& state);
  void CompareRows(const ConstraintProblem& expected,
                   const ConstraintProblem& actual);

  MujocoOracle& oracle_;
  const Integrator integrator_;
  const Precision precision_;
  // Steps of the oracle from the state, changed by rounding.
  std::vector<ParityStep> samples_;
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
