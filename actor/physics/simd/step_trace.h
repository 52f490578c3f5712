#ifndef KMYRIAD_ACTOR_PHYSICS_SIMD_STEP_TRACE_H_
#define KMYRIAD_ACTOR_PHYSICS_SIMD_STEP_TRACE_H_

// Reads what the last evaluation computed in one lane, for tests and tools.

#include "actor/physics/simd/step.h"

namespace kmyriad {
inline namespace KMYRIAD_LANES_NAMESPACE {

template <class F>
void TraceContacts(const StepWorkspace<F>& w, const ContactSlot<F>* slots,
                   uint32_t lane, RawTrace* trace) {
  for (uint32_t s = 0; s < w.contacts[lane]; ++s) {
    const ContactSlot<F>& slot = slots[s];
    Vector3<F> frame[3];
    CompleteFrame<F>({{LoadAs<F>(slot.normal[0]), LoadAs<F>(slot.normal[1]),
                       LoadAs<F>(slot.normal[2])}},
                     {{LoadAs<F>(slot.seed[0]), LoadAs<F>(slot.seed[1]),
                       LoadAs<F>(slot.seed[2])}},
                     frame);
    double* number = trace->contacts + kTraceContact * trace->contact_count++;
    *number++ = slot.geom[lane];
    *number++ = slot.surface[lane];
    *number++ = static_cast<double>(slot.distance[lane]);
    for (int i = 0; i < 3; ++i) {
      *number++ = static_cast<double>(slot.position[i][lane]) +
                  static_cast<double>(LaneOf(w.origin[i], lane));
    }
    for (int i = 0; i < 9; ++i) {
      *number++ = static_cast<double>(LaneOf(frame[i / 3][i % 3], lane));
    }
    *number = (slot.row_lanes >> lane) & 1;
  }
}

template <class F>
void TraceRow(int32_t dofs, const double* jacobian, const F& weight,
              const F& reference, const F& residual, uint32_t lane,
              RawTrace* trace) {
  double* number = trace->rows + (dofs + kTraceRow) * trace->row_count++;
  for (int32_t d = 0; d < dofs; ++d) *number++ = jacobian[d];
  const double stiffness = static_cast<double>(LaneOf(weight, lane));
  const double away = static_cast<double>(LaneOf(residual, lane));
  *number++ = 1 / stiffness;
  *number++ = static_cast<double>(LaneOf(reference, lane));
  *number = away < 0 ? -stiffness * away : 0;
}

template <class F>
void TraceRows(const RobotOf<F>& robot, const StepWorkspace<F>& w,
               const ContactSlot<F>* slots, uint32_t lane, RawTrace* trace) {
  double jacobian[kMaxDofs];
  for (int32_t k = 0; k < robot.limits; ++k) {
    const LimitRow<F>& row = w.limit[k];
    if (((row.lanes >> lane) & 1) == 0) continue;
    for (int32_t d = 0; d < robot.dofs; ++d) jacobian[d] = 0;
    jacobian[robot.limit[k].dof] = static_cast<double>(LaneOf(row.sign, lane));
    TraceRow(robot.dofs, jacobian, row.weight, row.reference, row.residual,
             lane, trace);
  }
  for (uint32_t s = 0; s < w.slots; ++s) {
    const ContactSlot<F>& slot = slots[s];
    if (((slot.row_lanes >> lane) & 1) == 0) continue;
    for (int k = 0; k < 4; ++k) {
      const double friction =
          (k % 2 == 0 ? 1.0 : -1.0) * static_cast<double>(slot.friction[lane]);
      for (int32_t d = 0; d < robot.dofs; ++d) {
        jacobian[d] = static_cast<double>(LaneOf(slot.jacobian[0][d], lane)) +
                      friction * static_cast<double>(
                                     LaneOf(slot.jacobian[1 + k / 2][d], lane));
      }
      TraceRow(robot.dofs, jacobian, slot.weight, slot.reference[k],
               slot.residual[k], lane, trace);
    }
  }
}

template <class F>
void TraceLane(const RobotOf<F>& robot, const StepBlock<ScalarOf<F>>& block,
               uint32_t block_lane, RawTrace* trace) {
  constexpr uint32_t kLanes = LaneTraits<F>::kLanes;
  const auto& w = *static_cast<const StepWorkspace<F>*>(
      block.workspace[block_lane / kLanes]);
  const uint32_t lane = block_lane % kLanes;
  for (int32_t k = 0; k < robot.mass_entries; ++k) {
    trace->mass[k] = static_cast<double>(LaneOf(w.mass[k], lane));
  }
  for (int32_t d = 0; d < robot.dofs; ++d) {
    trace->bias[d] = static_cast<double>(LaneOf(w.bias[d], lane));
    trace->smooth[d] =
        static_cast<double>(LaneOf(w.smooth_acceleration[d], lane));
    trace->acceleration[d] =
        static_cast<double>(LaneOf(w.acceleration_now[d], lane));
  }
  // Not those of the workspace: another group of lanes may have made room for
  // more, and moved them, since.
  const auto* slots =
      static_cast<const ContactSlot<F>*>(block.slots[block_lane / kLanes]);
  trace->contact_count = trace->row_count = 0;
  TraceContacts(w, slots, lane, trace);
  TraceRows(robot, w, slots, lane, trace);
  trace->iterations = w.iterations[lane];
}

template <class F, class Stages = UnobservedStages>
constexpr StepKernel<ScalarOf<F>> StepKernelOf() {
  return {sizeof(StepWorkspace<F>),  sizeof(ContactSlot<F>),
          sizeof(Placement<double>), LaneTraits<F>::kLanes,
          &StepLanes<Stages, F>,     &TraceLane<F>};
}

}  // namespace KMYRIAD_LANES_NAMESPACE
}  // namespace kmyriad

#endif  // KMYRIAD_ACTOR_PHYSICS_SIMD_STEP_TRACE_H_
