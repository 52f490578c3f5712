#ifndef KMYRIAD_ACTOR_ROLLOUT_CUDA_SEGMENT_VIEW_H_
#define KMYRIAD_ACTOR_ROLLOUT_CUDA_SEGMENT_VIEW_H_

// The border between host and device: plain structs of pointers into the
// device's memory.

#include <cstdint>

#include "actor/env/tasks/ant_task.h"
#include "actor/physics/cuda/step_view.h"
#include "common/policy/inference_kernel_params.h"

namespace kmyriad {

// The segments of some blocks of Ants, `step.robots` = 16 * blocks. Lane l of
// the b-th block is environment first_env[b] + l and robot 16 b + l.
struct SegmentView {
  // Substeps, boxes and state; what the state was does not matter.
  StepView<float> step;
  AntTask task;
  // A layer's weights are one tile: [in, out].
  KernelPolicy policy;
  uint64_t seed;
  uint32_t epoch;
  uint32_t horizon;  // steps, at most task.horizon
  uint32_t blocks;
  const uint32_t* first_env;  // [blocks]
  const uint32_t* agent;      // [robots], from the policy's first on
  float* control;             // [blocks, 8, 16], the memory of step.control
  // The columns of a Segment.
  float* observations;  // [robots, horizon, 30]
  float* actions;       // [robots, horizon, 8], before tanh
  float* log_probs;     // [robots, horizon]
  float* features;      // [robots, horizon, feature_count]
  uint8_t* flags;       // [robots, horizon]
};

}  // namespace kmyriad

#endif  // KMYRIAD_ACTOR_ROLLOUT_CUDA_SEGMENT_VIEW_H_
