#include "tests/actor/physics/parity/stepper_subject.h"

#include <algorithm>
#include <bit>
#include <utility>

#include "actor/physics/mujoco/robot_reader.h"
#include "common/base/segment.h"
#include "common/base/status_macros.h"

namespace kmyriad {
namespace {

void ReadStages(const LaneTrace& trace, const std::vector<bool>& is_plane,
                size_t dofs, ParityStep* step) {
  step->contacts.clear();
  for (const ContactTrace& from : trace.contacts) {
    ParityContact contact;
    contact.geom1 = from.geom;
    contact.geom2 = from.static_geom;
    if (is_plane[static_cast<size_t>(from.static_geom)]) {
      std::swap(contact.geom1, contact.geom2);
    }
    contact.constrains = from.constrains;
    contact.dist = from.distance;
    std::copy_n(from.position, 3, contact.pos);
    std::copy_n(from.frame, 9, contact.frame);
    step->contacts.push_back(contact);
  }
  step->problem = ConstraintProblem();
  ConstraintProblem& p = step->problem;
  p.dofs = dofs;
  p.mass = trace.mass_matrix;
  p.qfrc_smooth.assign(dofs, 0);
  for (size_t i = 0; i < dofs; ++i) {
    for (size_t k = 0; k < dofs; ++k) {
      p.qfrc_smooth[i] += p.mass[i * dofs + k] * trace.smooth_acceleration[k];
    }
  }
  for (const RowTrace& row : trace.rows) {
    p.jacobian.insert(p.jacobian.end(), row.jacobian.begin(),
                      row.jacobian.end());
    p.r.push_back(row.regularizer);
    p.d.push_back(1 / row.regularizer);
    p.aref.push_back(row.reference);
  }
  step->qacc_smooth = trace.smooth_acceleration;
  step->qacc = trace.acceleration;
  SortContacts(step);
}

}  // namespace

absl::StatusOr<std::unique_ptr<StepperSubject>> StepperSubject::Create(
    const mjModel& model, const StepperOptions& options) {
  KMYRIAD_ASSIGN_OR_RETURN(const Robot robot, ReadRobot(model));
  std::unique_ptr<StepperSubject> subject(new StepperSubject());
  for (const bool runge_kutta : {false, true}) {
    auto variant = std::make_unique<RobotModel<double>>(*robot.model);
    variant->runge_kutta = runge_kutta;
    KMYRIAD_ASSIGN_OR_RETURN(
        std::shared_ptr<const StepperModel> stepper_model,
        CreateStepperModel(*variant, robot.boxes, options));
    (runge_kutta ? subject->runge_kutta_ : subject->implicit_) =
        Stepper::Create(std::move(stepper_model));
  }
  for (mjtSize i = 0; i < model.ngeom; ++i) {
    subject->is_plane_.push_back(model.geom_type[i] == mjGEOM_PLANE);
  }
  subject->positions_ = static_cast<size_t>(model.nq);
  subject->dofs_ = static_cast<size_t>(model.nv);
  subject->controls_ = static_cast<size_t>(model.nu);
  return subject;
}

void StepperSubject::Run(absl::Span<const ParityState> block,
                         Stepper& stepper) {
  std::vector<float> controls(controls_ * kBlockLanes);
  for (uint32_t lane = 0; lane < kBlockLanes; ++lane) {
    // The last block is filled up with its first state.
    const ParityState& state = block[lane < block.size() ? lane : 0];
    stepper.Reset(lane, state.qpos.data(), state.qvel.data());
    for (size_t i = 0; i < controls_; ++i) {
      controls[i * kBlockLanes + lane] = static_cast<float>(state.control[i]);
    }
  }
  const uint32_t lost = stepper.Step(controls.data(), 1);
  const uint32_t used = (1u << block.size()) - 1;
  lost_ += static_cast<uint64_t>(std::popcount(lost & used));
}

void StepperSubject::Evaluate(absl::Span<const ParityState> states,
                              Integrator integrator,
                              std::vector<ParityStep>* steps) {
  steps->resize(states.size());
  for (size_t first = 0; first < states.size(); first += kBlockLanes) {
    const auto block = states.subspan(first, kBlockLanes);
    // Stages are those of the evaluation at the state itself.
    Run(block, *implicit_);
    for (uint32_t lane = 0; lane < block.size(); ++lane) {
      ReadStages(implicit_->Trace(lane), is_plane_, dofs_,
                 &(*steps)[first + lane]);
    }
    Stepper& stepper =
        integrator == Integrator::kRungeKutta4 ? *runge_kutta_ : *implicit_;
    if (&stepper != implicit_.get()) Run(block, stepper);
    for (uint32_t lane = 0; lane < block.size(); ++lane) {
      ParityStep& step = (*steps)[first + lane];
      step.qpos.resize(positions_);
      step.qvel.resize(dofs_);
      stepper.Read(lane, step.qpos.data(), step.qvel.data());
    }
  }
}

}  // namespace kmyriad
