#ifndef KMYRIAD_ENTROPY_SERVICE_INDEX_CUDA_KNN_LAUNCHERS_H_
#define KMYRIAD_ENTROPY_SERVICE_INDEX_CUDA_KNN_LAUNCHERS_H_

#include <cuda_runtime.h>

#include "entropy_service/index/cuda/knn_views.h"

// The border between host code and kernels: views of device memory and a
// stream go in, the first CUDA error comes out. The calls of KnnDevice;
// nothing is allocated, and nothing is waited for.

namespace kmyriad {

cudaError_t LaunchBuildCells(const CellViews& cells, uint64_t* codes,
                             const SortViews& sort, cudaStream_t stream);
cudaError_t LaunchSearchCells(const CellViews& cells, const QueryViews& queries,
                              const SortViews& sort,
                              const DevicePeriods& periods,
                              cudaStream_t stream);
cudaError_t LaunchSearchBruteForce(const PointViews& points,
                                   const QueryViews& queries,
                                   const DevicePeriods& periods,
                                   cudaStream_t stream);

}  // namespace kmyriad

#endif  // KMYRIAD_ENTROPY_SERVICE_INDEX_CUDA_KNN_LAUNCHERS_H_
