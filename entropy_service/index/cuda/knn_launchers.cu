// What a thread, warp and block do, memory traffic and limits: at the head of
// each kernel's header.
#include "common/device/device_block.cuh"
#include "entropy_service/index/cuda/brute_force_kernel.h"
#include "entropy_service/index/cuda/cell_build_kernels.h"
#include "entropy_service/index/cuda/cell_search_kernel.h"
#include "entropy_service/index/cuda/knn_launchers.h"

namespace kmyriad {

cudaError_t LaunchBuildCells(const CellViews& cells, uint64_t* codes,
                             const SortViews& sort, cudaStream_t stream) {
  DeviceStream device(stream);
  BuildCellsOn(device, cells, codes, sort);
  return device.error();
}

cudaError_t LaunchSearchCells(const CellViews& cells, const QueryViews& queries,
                              const SortViews& sort,
                              const DevicePeriods& periods,
                              cudaStream_t stream) {
  DeviceStream device(stream);
  SearchCellsOn(device, cells, queries, sort, periods);
  return device.error();
}

cudaError_t LaunchSearchBruteForce(const PointViews& points,
                                   const QueryViews& queries,
                                   const DevicePeriods& periods,
                                   cudaStream_t stream) {
  DeviceStream device(stream);
  SearchBruteForceOn(device, points, queries, periods);
  return device.error();
}

}  // namespace kmyriad
