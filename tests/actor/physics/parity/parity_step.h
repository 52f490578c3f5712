#ifndef KMYRIAD_TESTS_ACTOR_PHYSICS_PARITY_PARITY_STEP_H_
#define KMYRIAD_TESTS_ACTOR_PHYSICS_PARITY_PARITY_STEP_H_

#include <cstddef>
#include <string>
#include <vector>

#include "absl/types/span.h"
#include "actor/physics/physics_backend.h"

namespace kmyriad {

// How a state was made: visited by a policy, a visited one with noise (deep
// contacts, quaternions that are not normalised), or one in which features tie
// (capsules along box edges, surfaces exactly at the margin).
enum class StateKind { kVisited, kPerturbed, kTie };

// Where a step starts. Metres, radians, seconds; controls in [-1, 1], each a
// value of float, which is what backends take.
struct ParityState {
  StateKind kind = StateKind::kVisited;
  std::vector<double> qpos;     // [nq]
  std::vector<double> qvel;     // [nv]
  std::vector<double> control;  // [nu]
};

struct ParityContact {
  int geom1 = 0, geom2 = 0;  // ids of mjModel, in the engine's order of types
  bool constrains = false;   // has rows: dist < margin
  double dist = 0;
  double pos[3] = {0, 0, 0};
  double frame[9] = {0, 0, 0, 0, 0, 0, 0, 0, 0};
};

// The problem of the constraint solver: minimise over a
//   1/2 (a - a_s)' M (a - a_s) + sum_i 1/2 D_i min(0, J_i a - aref_i)^2.
struct ConstraintProblem {
  size_t dofs = 0;
  std::vector<double> mass;         // M [dofs, dofs], row-major
  std::vector<double> qfrc_smooth;  // M a_s [dofs]
  std::vector<double> jacobian;     // J [rows, dofs]
  std::vector<double> d, r, aref;   // [rows]

  size_t rows() const { return d.size(); }
};

// What an engine makes of a state: the stages of the evaluation at the state
// itself, and the state one step later.
struct ParityStep {
  // By geom1, then geom2 (SortContacts).
  std::vector<ParityContact> contacts;
  // Rows of limits, then four for each contact that constrains.
  ConstraintProblem problem;
  std::vector<double> qacc_smooth;  // [nv]
  std::vector<double> qacc;         // [nv]
  std::vector<double> qpos, qvel;   // after the step
};

inline constexpr size_t kRowsOfContact = 4;

// Brings contacts, and with them their rows, into the order of their geoms;
// several of one pair stay in the engine's order.
void SortContacts(ParityStep* step);

// The rows of limits among those of the problem.
size_t LimitRows(const ParityStep& step);

// An engine under comparison.
class ParitySubject {
 public:
  virtual ~ParitySubject() = default;

  // Replaces *steps with one step of each state.
  virtual void Evaluate(absl::Span<const ParityState> states,
                        Integrator integrator,
                        std::vector<ParityStep>* steps) = 0;
};

}  // namespace kmyriad

#endif  // KMYRIAD_TESTS_ACTOR_PHYSICS_PARITY_PARITY_STEP_H_
