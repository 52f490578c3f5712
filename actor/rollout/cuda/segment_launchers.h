#ifndef KMYRIAD_ACTOR_ROLLOUT_CUDA_SEGMENT_LAUNCHERS_H_
#define KMYRIAD_ACTOR_ROLLOUT_CUDA_SEGMENT_LAUNCHERS_H_

#include "actor/rollout/cuda/segment_view.h"

namespace kmyriad {

// Enqueues the segments of a view on a CUDA stream (cudaStream_t); allocates
// nothing and does not wait. Returns a cudaError_t, 0 for success.
int LaunchSegment(const SegmentView& view, void* stream);

}  // namespace kmyriad

#endif  // KMYRIAD_ACTOR_ROLLOUT_CUDA_SEGMENT_LAUNCHERS_H_
