#ifndef KMYRIAD_ENTROPY_SERVICE_INDEX_ORDER_STATISTIC_H_
#define KMYRIAD_ENTROPY_SERVICE_INDEX_ORDER_STATISTIC_H_

#include <cstddef>
#include <vector>

#include "entropy_service/index/l2_distance.h"

namespace kmyriad {

// The rank-th smallest (rank >= 1) of `values` [count], none negative, count
// a multiple of 16, at least rank of them finite. Narrows an interval by
// counting passes, then sorts out the few that are left; `guess` > 0 is where
// to start, and affects time only. `few` is working memory.
float SmallestOfRank(const L2Kernels& kernels, const float* values,
                     size_t count, size_t rank, float guess,
                     std::vector<float>& few);

}  // namespace kmyriad

#endif  // KMYRIAD_ENTROPY_SERVICE_INDEX_ORDER_STATISTIC_H_
