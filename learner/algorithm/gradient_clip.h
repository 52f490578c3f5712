#ifndef KMYRIAD_LEARNER_ALGORITHM_GRADIENT_CLIP_H_
#define KMYRIAD_LEARNER_ALGORITHM_GRADIENT_CLIP_H_

#include <ATen/ATen.h>

#include "learner/network/parameter.h"

namespace kmyriad {

// Scales the gradients so that their common norm is at most `limit`; returns
// the norm before, a scalar.
at::Tensor ClipTogether(const ParameterList& parameters, double limit);

// The same for each agent alone, of gradients [m, ., .]; returns the norms [m].
at::Tensor ClipPerHead(const ParameterList& heads, double limit);

}  // namespace kmyriad

#endif  // KMYRIAD_LEARNER_ALGORITHM_GRADIENT_CLIP_H_
