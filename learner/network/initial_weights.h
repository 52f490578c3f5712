#ifndef KMYRIAD_LEARNER_NETWORK_INITIAL_WEIGHTS_H_
#define KMYRIAD_LEARNER_NETWORK_INITIAL_WEIGHTS_H_

#include <cstdint>
#include <vector>

#include "common/base/tensor.h"
#include "common/policy/network_shape.h"

namespace kmyriad {

// Numbers that the critic learns about each agent (method.md 1.8).
inline constexpr uint32_t kEmbeddingSize = 8;

// The learned tensors of a new run, fp32, in the order in which they are
// saved. A pure function: every number comes from the run seed's stream
// kInitialWeights and fp64 arithmetic in a fixed order.
//
//   trunk.L.weight [out, in]  orthogonal, gain sqrt(2); trunk.L.bias [out] 0
//   heads.weight [m, H, A]    W_0 + head_noise * dW_i, each normal with
//                             standard deviation 1 / sqrt(H): heads start
//                             nearly alike, so that the trunk's gradient means
//                             the same to every agent (method.md 1.1)
//   heads.bias [m, 1, A]      0; heads.log_std [m, 1, A] initial_log_std
//   critic.L.weight, .bias    like the trunk; inputs of layer 0 are the
//                             embedding, then the observation
//   critic.value.weight [1, H] orthogonal, gain 1; critic.value.bias [1] 0
//   embedding [m, 8]          standard normal
std::vector<NamedTensor> InitialParameters(const NetworkShape& shape,
                                           float initial_log_std,
                                           float head_noise, uint64_t seed);

// What a copy of a head differs from it by, [H, A], in the standard deviation
// of initial heads: normal numbers, a pure function of (seed, epoch, agent that
// becomes the copy).
std::vector<float> HeadCopyNoise(const NetworkShape& shape, uint64_t seed,
                                 uint64_t epoch, uint32_t agent);

// [rows, cols] row-major with orthonormal rows (rows <= cols) or columns
// (otherwise), times `gain`. Different `tensor` numbers give independent
// matrices.
std::vector<float> OrthogonalMatrix(uint32_t rows, uint32_t cols, double gain,
                                    uint64_t seed, uint32_t tensor);

}  // namespace kmyriad

#endif  // KMYRIAD_LEARNER_NETWORK_INITIAL_WEIGHTS_H_
