#ifndef KMYRIAD_ACTOR_PHYSICS_CUDA_STEP_ROBOTS_H_
#define KMYRIAD_ACTOR_PHYSICS_CUDA_STEP_ROBOTS_H_

// The step of ../simd for a thread per robot, as kernels of common/device.
//
// A thread is a robot: it holds workspace and contact slots in local memory,
// which the hardware interleaves over threads, and runs all substeps. Robots
// share nothing, so there is no shared memory and no barrier. Traffic per call
// and robot: 46 words of state read and written, 8 of control. A robot with
// more contacts than kFastSlots keeps its state and is stepped again, from the
// same state, by the general tier, which has kMaxSlots in global memory.
// Sizes: those of robot_model.h; boxes and robots as memory allows.

#include "actor/physics/cuda/step_view.h"
#include "actor/physics/simd/step.h"
#include "common/device/block.h"

namespace kmyriad {
inline namespace KMYRIAD_LANES_NAMESPACE {

// A list of near boxes holds until the robot has moved this far, metres.
inline constexpr double kNearBoxSlack = 0.3;

// Renews the robot's list: what BoxGrid::Find gives for the same region.
template <class Real>
KMYRIAD_HOST_DEVICE void FindNearBoxes(StepBlock<Real>* block, uint32_t,
                                       const Real* low, const Real* high) {
  const auto& view = *static_cast<const StepView<Real>*>(block->owner);
  CandidateBoxes<Real>& near = block->candidates;
  double from[3], to[3];
  for (int i = 0; i < 3; ++i) {
    from[i] = static_cast<double>(low[kStepLanes * i]) - kNearBoxSlack;
    to[i] = static_cast<double>(high[kStepLanes * i]) + kNearBoxSlack;
    // A millimetre less than what was searched, for rounding.
    near.low[i][0] = static_cast<Real>(from[i] + 1e-3);
    near.high[i][0] = static_cast<Real>(to[i] - 1e-3);
  }
  auto* list = const_cast<uint32_t*>(near.list);
  near.longest = 0;
  for (uint32_t b = 0; b < view.boxes; ++b) {
    const Real* box = view.box + 6 * b;
    bool meets = true;
    for (int i = 0; i < 3; ++i) {
      const double center = static_cast<double>(box[i]);
      const double half = static_cast<double>(box[3 + i]);
      meets = meets && center - half <= to[i] && from[i] <= center + half;
    }
    if (meets) list[near.list_stride * near.longest++] = b;
  }
}

template <class Real>
KMYRIAD_HOST_DEVICE bool HasNoMoreSlots(StepBlock<Real>*) {
  return false;
}

KMYRIAD_HOST_DEVICE inline void AddCounters(const KernelCounters& more,
                                            KernelCounters* sum) {
  sum->newton_iterations += more.newton_iterations;
  sum->newton_rounds += more.newton_rounds;
  sum->contacts += more.contacts;
  sum->contact_rounds += more.contact_rounds;
  sum->box_pairs += more.box_pairs;
  sum->enlarged += more.enlarged;
  sum->unconverged += more.unconverged;
  sum->overflows += more.overflows;
}

// Steps one robot with `capacity` slots. False, and nothing has changed, if
// they do not suffice and there is a tier with more.
template <class Real>
KMYRIAD_HOST_DEVICE bool StepRobot(const StepView<Real>& view, uint32_t index,
                                   ContactSlot<Real>* slots,
                                   uint32_t capacity) {
  StepWorkspace<Real> w;
  Placement<double> exact;
  StepBlock<Real> block = {};
  const uint32_t group = index / kStepLanes, lane = index % kStepLanes;
  const uint32_t positions = static_cast<uint32_t>(view.robot->positions);
  const uint32_t dofs = static_cast<uint32_t>(view.robot->dofs);
  const uint32_t motors = static_cast<uint32_t>(view.robot->motors);
  block.q = view.q + kStepLanes * positions * group + lane;
  block.q_low = view.q_low + kStepLanes * 3 * group + lane;
  block.v = view.v + kStepLanes * dofs * group + lane;
  block.warm = view.warm + kStepLanes * dofs * group + lane;
  block.control = view.control + kStepLanes * motors * group + lane;
  block.bad = view.bad[index];
  block.slot_capacity = capacity;
  block.slots[0] = slots;
  block.workspace[0] = &w;
  block.exact = &exact;
  block.exact_robot = view.exact_robot;
  block.owner = const_cast<StepView<Real>*>(&view);
  block.enlarge = &HasNoMoreSlots<Real>;
  block.find_boxes = view.boxes == 0 ? nullptr : &FindNearBoxes<Real>;
  CandidateBoxes<Real>& near = block.candidates;
  for (int i = 0; i < 3; ++i) {
    near.low[i][0] = Real(1e30);
    near.high[i][0] = Real(-1e30);
  }
  near.boxes = view.box;
  near.exact = view.exact_box;
  near.ids = view.box_id;
  near.surfaces = view.box_surface;
  near.list = view.near_boxes + index;
  near.list_stride = view.stride;

  const StepScope<Real> scope = {*view.robot, block, w, 0, 0};
  LoadState(scope);
  TakeSubsteps(scope, view.substeps);
  if (block.counters.overflows != 0 && capacity < kMaxSlots) return false;
  StoreState(scope);
  view.bad[index] = block.bad;
  AddCounters(block.counters, view.counters + index);
  return true;
}

// The fast tier, a thread a robot; or the general one, in which kGeneralWorkers
// threads see to the robots that the fast one left. One kernel, since most of
// either is the same code.
template <class Real, uint32_t kBlockThreads>
struct StepRobots {
  static constexpr uint32_t kThreads = kBlockThreads;
  StepView<Real> view;
  bool general;

  template <typename Block>
  KMYRIAD_KERNEL void operator()(Block& block) const {
    block.ForEachThread([&](uint32_t thread) {
      const uint32_t worker = block.index() * kThreads + thread;
      ContactSlot<Real> fast_slots[kFastSlots];
      ContactSlot<Real>* slots = fast_slots;
      if (general) {
        slots = static_cast<ContactSlot<Real>*>(view.general_slots) +
                worker * kMaxSlots;
      }
      for (uint32_t index = worker; index < view.robots;
           index += general ? kGeneralWorkers : view.robots) {
        if (general && view.again[index] == 0) continue;
        view.again[index] =
            StepRobot(view, index, slots, general ? kMaxSlots : kFastSlots) ? 0
                                                                            : 1;
      }
    });
  }
};

template <class Real>
constexpr uint64_t GeneralSlotBytes() {
  return uint64_t{kGeneralWorkers} * kMaxSlots * sizeof(ContactSlot<Real>);
}

// Both tiers, on a TwinStream or a DeviceStream.
template <uint32_t kBlockThreads, class Real, class Stream>
void EnqueueSteps(const StepView<Real>& view, Stream& stream) {
  using Kernel = StepRobots<Real, kBlockThreads>;
  static_assert(kGeneralWorkers % kBlockThreads == 0);
  stream.Launch(Kernel{view, false},
                (view.robots + kBlockThreads - 1) / kBlockThreads, 0);
  stream.Launch(Kernel{view, true}, kGeneralWorkers / kBlockThreads, 0);
}

}  // namespace KMYRIAD_LANES_NAMESPACE
}  // namespace kmyriad

#endif  // KMYRIAD_ACTOR_PHYSICS_CUDA_STEP_ROBOTS_H_
