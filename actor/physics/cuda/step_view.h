#ifndef KMYRIAD_ACTOR_PHYSICS_CUDA_STEP_VIEW_H_
#define KMYRIAD_ACTOR_PHYSICS_CUDA_STEP_VIEW_H_

// The border between host and device: plain structs of pointers into the
// device's memory.

#include <cstdint>

#include "actor/physics/simd/robot_model.h"
#include "actor/physics/simd/step_kernel.h"

namespace kmyriad {

// Threads of a block on a GPU.
inline constexpr uint32_t kStepThreads = 64;
// Threads of the general tier, each of which has kMaxSlots slots.
inline constexpr uint32_t kGeneralWorkers = 64;

// Robots and what surrounds them. Robot r stands in lane r % 16 of block
// r / 16 of arrays [blocks, fields, 16]; `stride` = 16 * blocks.
template <class Real>
struct StepView {
  uint32_t robots;
  uint32_t stride;
  uint32_t substeps;
  const RobotModel<Real>* robot;
  const RobotModel<double>* exact_robot;  // null where Real is double
  Real* q;                                // [blocks, positions, 16]
  Real* q_low;                            // [blocks, 3, 16]
  Real* v;                                // [blocks, dofs, 16]
  Real* warm;                             // [blocks, dofs, 16]
  const float* control;                   // [blocks, motors, 16]
  uint32_t* bad;                          // [robots], 1: no valid state
  KernelCounters* counters;               // [robots], added to
  // Static boxes of all robots, ids ascending.
  uint32_t boxes;
  const Real* box;             // [boxes, 6]: centre, half sizes
  const double* exact_box;     // the same; null where Real is double
  const int32_t* box_id;       // [boxes]
  const int32_t* box_surface;  // [boxes]
  uint32_t* near_boxes;        // [boxes, stride], scratch
  uint32_t* again;             // [robots], scratch
  void* general_slots;         // GeneralSlotBytes<Real>() bytes, scratch
};

}  // namespace kmyriad

#endif  // KMYRIAD_ACTOR_PHYSICS_CUDA_STEP_VIEW_H_
