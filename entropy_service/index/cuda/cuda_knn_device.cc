#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/device/cuda/cuda_device.h"
#include "common/device/forwarding_device.h"
#include "entropy_service/index/cuda/knn_device.h"

#if defined(KMYRIAD_HAVE_CUDA)
#include <cuda_runtime.h>

#include "entropy_service/index/cuda/knn_launchers.h"
#endif

namespace kmyriad {
namespace {

constexpr absl::string_view kMend =
    "use engine auto, grid, kd_tree or brute_force";

absl::Status WithMend(const absl::Status& status, absl::string_view mend) {
  return absl::Status(status.code(),
                      absl::StrCat(status.message(), ": ", mend));
}

}  // namespace

#if defined(KMYRIAD_HAVE_CUDA)
namespace {

class CudaKnnDevice final : public ForwardingDevice<KnnDevice, CudaDevice> {
 public:
  explicit CudaKnnDevice(std::unique_ptr<CudaDevice> owned)
      : ForwardingDevice(std::move(owned)),
        stream_(static_cast<cudaStream_t>(device().stream())) {}

  absl::StatusOr<void*> Allocate(size_t bytes) override {
    absl::StatusOr<void*> memory = ForwardingDevice::Allocate(bytes);
    if (memory.ok()) return memory;
    return WithMend(memory.status(), "use fewer points or a CPU engine");
  }
  absl::Status BuildCells(const CellViews& cells, uint64_t* codes,
                          const SortViews& sort) override {
    return CudaStatus(LaunchBuildCells(cells, codes, sort, stream_),
                      "building the grid");
  }
  absl::Status SearchCells(const CellViews& cells, const QueryViews& queries,
                           const SortViews& sort,
                           const DevicePeriods& periods) override {
    return CudaStatus(LaunchSearchCells(cells, queries, sort, periods, stream_),
                      "searching the grid");
  }
  absl::Status SearchBruteForce(const PointViews& points,
                                const QueryViews& queries,
                                const DevicePeriods& periods) override {
    return CudaStatus(LaunchSearchBruteForce(points, queries, periods, stream_),
                      "searching by brute force");
  }

 private:
  const cudaStream_t stream_;
};

}  // namespace
#endif

absl::Status CheckCudaKnnDevice() {
  const absl::Status status = CheckCudaDevice();
  return status.ok() ? status : WithMend(status, kMend);
}

absl::StatusOr<std::shared_ptr<KnnDevice>> CreateCudaKnnDevice() {
  absl::StatusOr<std::unique_ptr<CudaDevice>> device = CudaDevice::Create();
#if defined(KMYRIAD_HAVE_CUDA)
  if (device.ok()) return std::make_shared<CudaKnnDevice>(*std::move(device));
#endif
  return WithMend(device.status(), kMend);
}

}  // namespace kmyriad
