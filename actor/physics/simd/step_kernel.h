#ifndef KMYRIAD_ACTOR_PHYSICS_SIMD_STEP_KERNEL_H_
#define KMYRIAD_ACTOR_PHYSICS_SIMD_STEP_KERNEL_H_

// The border between the stepper and the units of one instruction set each:
// plain structs only (common/math/lanes.h says why).

#include <cstddef>
#include <cstdint>

#include "actor/physics/simd/robot_model.h"

namespace kmyriad {

inline constexpr int kStepLanes = 16;
// Contacts of a lane for which there is memory from the start.
inline constexpr uint32_t kFastSlots = 16;
inline constexpr uint32_t kMaxSlots = 256;

struct KernelCounters {
  uint64_t newton_iterations;
  uint64_t newton_rounds;
  uint64_t contacts;
  uint64_t contact_rounds;
  uint64_t box_pairs;
  uint64_t enlarged;
  uint64_t unconverged;
  uint64_t overflows;
};

// A pair whose bounds overlap: a geom of a lane and one of its boxes.
struct BoxPair {
  uint16_t lane;
  uint16_t geom;
  uint32_t candidate;
};

// Boxes near each lane. A lane's list holds for as long as its robot stays
// within [low, high] (world coordinates); the exact test against the list's
// boxes follows, so that a longer list changes nothing.
template <class Real>
struct CandidateBoxes {
  Real low[3][kStepLanes];
  Real high[3][kStepLanes];
  // [count, 6, 16]: centre and half sizes; short lists are padded with half
  // sizes of -1e30, which nothing meets.
  const Real* boxes;
  // The same as [count, 6, 16] doubles; null in a block of doubles.
  const double* exact;
  // [count, 16] each.
  const int32_t* ids;
  const int32_t* surfaces;
  uint32_t longest;  // lists are padded to it
  // For a lane type of one lane: the k-th candidate is the box
  // list[list_stride * k] of `boxes` [count, 6], `exact` alike.
  const uint32_t* list;
  uint32_t list_stride;
};

// State and surroundings of 16 robots; arrays are lane-minor.
template <class Real>
struct StepBlock {
  Real* q;               // [positions, 16]
  Real* q_low;           // [3, 16], what q lacks of a free root's position
  Real* v;               // [dofs, 16]
  Real* warm;            // [dofs, 16]
  const float* control;  // [motors, 16]
  uint32_t bad;          // lanes without a valid state
  CandidateBoxes<Real> candidates;
  KernelCounters counters;
  BoxPair* pairs;  // [16 * geoms * longest list] at least
  uint32_t slot_capacity;
  void* slots[2];      // of each group of lanes, [slot_capacity]
  void* workspace[2];  // of each group of lanes
  // For contacts that are computed again in double precision; a block of
  // doubles has no use for them.
  void* exact;
  const RobotModel<double>* exact_robot;
  void* owner;
  // Renews the lists of `lanes` (bits) whose robots lie in the boxes
  // [low, high] [3, 16]. Null if there are no boxes.
  void (*find_boxes)(StepBlock* block, uint32_t lanes, const Real* low,
                     const Real* high);
  // Makes room for more slots. False where there is no more to have.
  bool (*enlarge)(StepBlock* block);
};

// Numbers of a contact in a RawTrace: geom (index), surface (id), distance,
// position, frame, whether it makes rows.
inline constexpr int kTraceContact = 3 + 3 + 9 + 1;
// Numbers of a row after its Jacobian [dofs]: R, reference, force.
inline constexpr int kTraceRow = 3;

// Where to write what the last evaluation computed in a lane.
struct RawTrace {
  double* mass;          // [mass_entries]
  double* bias;          // [dofs]
  double* smooth;        // [dofs], acceleration
  double* acceleration;  // [dofs]
  double* contacts;      // [slot_capacity, kTraceContact]
  double* rows;          // [limits + 4 slot_capacity, dofs + kTraceRow]
  uint32_t contact_count;
  uint32_t row_count;
  uint32_t iterations;
};

// What one lane type of one level offers.
template <class Real>
struct StepKernel {
  size_t workspace_bytes;
  size_t slot_bytes;
  size_t exact_bytes;
  uint32_t lanes;  // of the lane type: 16 or 8
  // `substeps` steps of the lanes [first_lane, first_lane + lanes).
  void (*step)(const RobotModel<Real>& robot, StepBlock<Real>* block,
               uint32_t first_lane, uint32_t substeps);
  void (*trace)(const RobotModel<Real>& robot, const StepBlock<Real>& block,
                uint32_t lane, RawTrace* trace);
};

extern const StepKernel<float> kScalarFloatStepKernel;
extern const StepKernel<double> kScalarDoubleStepKernel;
extern const StepKernel<float> kAvx2FloatStepKernel;
extern const StepKernel<double> kAvx2DoubleStepKernel;
extern const StepKernel<float> kAvx512FloatStepKernel;
extern const StepKernel<double> kAvx512DoubleStepKernel;

}  // namespace kmyriad

#endif  // KMYRIAD_ACTOR_PHYSICS_SIMD_STEP_KERNEL_H_
