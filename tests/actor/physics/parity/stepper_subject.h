#ifndef KMYRIAD_TESTS_ACTOR_PHYSICS_PARITY_STEPPER_SUBJECT_H_
#define KMYRIAD_TESTS_ACTOR_PHYSICS_PARITY_STEPPER_SUBJECT_H_

#include <mujoco/mujoco.h>

#include <memory>
#include <vector>

#include "absl/status/statusor.h"
#include "actor/physics/simd/stepper.h"
#include "tests/actor/physics/parity/parity_step.h"

namespace kmyriad {

// The batched stepper under comparison, 16 states at a time. One thread.
class StepperSubject : public ParitySubject {
 public:
  // Of a compiled model, whichever integrator it names. Errors of ReadRobot and
  // CreateStepperModel.
  static absl::StatusOr<std::unique_ptr<StepperSubject>> Create(
      const mjModel& model, const StepperOptions& options);

  void Evaluate(absl::Span<const ParityState> states, Integrator integrator,
                std::vector<ParityStep>* steps) override;

  // Lanes that a step gave up, so far.
  uint64_t lost() const { return lost_; }
  // Of both integrators' steppers: Newton's method met its cap.
  uint64_t unconverged() const {
    return implicit_->counters().unconverged +
           runge_kutta_->counters().unconverged;
  }

 private:
  StepperSubject() = default;
  void Run(absl::Span<const ParityState> block, Stepper& stepper);

  std::unique_ptr<Stepper> implicit_, runge_kutta_;
  // By geom: whether it comes first in a pair, as planes do.
  std::vector<bool> is_plane_;
  size_t positions_ = 0, dofs_ = 0, controls_ = 0;
  uint64_t lost_ = 0;
};

}  // namespace kmyriad

#endif  // KMYRIAD_TESTS_ACTOR_PHYSICS_PARITY_STEPPER_SUBJECT_H_
