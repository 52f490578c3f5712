#ifndef KMYRIAD_TESTS_BENCHMARK_RANDOM_WEIGHTS_H_
#define KMYRIAD_TESTS_BENCHMARK_RANDOM_WEIGHTS_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "common/policy/policy_weights.h"

namespace kmyriad {

// Normal numbers times `scale`; another sequence for every stream_id.
std::vector<float> ScaledNormals(size_t count, float scale, uint32_t stream_id);

// Random weights of the usual sizes: the same for the same shape.
PolicyWeights RandomPolicyWeights(const NetworkShape& shape);

}  // namespace kmyriad

#endif  // KMYRIAD_TESTS_BENCHMARK_RANDOM_WEIGHTS_H_
