#ifndef KMYRIAD_ENTROPY_SERVICE_INDEX_CUDA_KNN_DEVICE_H_
#define KMYRIAD_ENTROPY_SERVICE_INDEX_CUDA_KNN_DEVICE_H_

#include <memory>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/device/device.h"
#include "entropy_service/index/cuda/knn_views.h"

namespace kmyriad {

// Where the kernels run: a GPU, or their twin on the host. Searches may return
// before they are done.
class KnnDevice : public Device {
 public:
  // Fills `cells` from its points; working memory: `codes` [count], `sort`.
  virtual absl::Status BuildCells(const CellViews& cells, uint64_t* codes,
                                  const SortViews& sort) = 0;
  // Answers the queries; `sort`, of as many pairs, is working memory, unused
  // for queries of consecutive rows.
  virtual absl::Status SearchCells(const CellViews& cells,
                                   const QueryViews& queries,
                                   const SortViews& sort,
                                   const DevicePeriods& periods) = 0;
  virtual absl::Status SearchBruteForce(const PointViews& points,
                                        const QueryViews& queries,
                                        const DevicePeriods& periods) = 0;
};

// The kernels' host twin; `reversed` runs blocks and threads backwards, which
// must not change a bit. For tests: it is no faster than one slow core.
std::unique_ptr<KnnDevice> CreateTwinKnnDevice(bool reversed);

// FAILED_PRECONDITION in one line where this machine has no GPU, or this build
// no CUDA. Makes no stream and takes no memory of it.
absl::Status CheckCudaKnnDevice();

// This machine's first GPU. Errors of CheckCudaKnnDevice.
absl::StatusOr<std::shared_ptr<KnnDevice>> CreateCudaKnnDevice();

}  // namespace kmyriad

#endif  // KMYRIAD_ENTROPY_SERVICE_INDEX_CUDA_KNN_DEVICE_H_
