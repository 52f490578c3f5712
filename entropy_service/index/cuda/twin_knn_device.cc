#include <memory>

#include "common/device/forwarding_device.h"
#include "common/device/twin_device.h"
#include "entropy_service/index/cuda/brute_force_kernel.h"
#include "entropy_service/index/cuda/cell_build_kernels.h"
#include "entropy_service/index/cuda/cell_search_kernel.h"
#include "entropy_service/index/cuda/knn_device.h"

namespace kmyriad {
namespace {

class TwinKnnDevice final : public ForwardingDevice<KnnDevice, TwinDevice> {
 public:
  explicit TwinKnnDevice(bool reversed)
      : ForwardingDevice(std::make_unique<TwinDevice>()), reversed_(reversed) {}

  absl::Status BuildCells(const CellViews& cells, uint64_t* codes,
                          const SortViews& sort) override {
    TwinStream stream(reversed_);
    BuildCellsOn(stream, cells, codes, sort);
    return absl::OkStatus();
  }
  absl::Status SearchCells(const CellViews& cells, const QueryViews& queries,
                           const SortViews& sort,
                           const DevicePeriods& periods) override {
    TwinStream stream(reversed_);
    SearchCellsOn(stream, cells, queries, sort, periods);
    return absl::OkStatus();
  }
  absl::Status SearchBruteForce(const PointViews& points,
                                const QueryViews& queries,
                                const DevicePeriods& periods) override {
    TwinStream stream(reversed_);
    SearchBruteForceOn(stream, points, queries, periods);
    return absl::OkStatus();
  }

 private:
  const bool reversed_;
};

}  // namespace

std::unique_ptr<KnnDevice> CreateTwinKnnDevice(bool reversed) {
  return std::make_unique<TwinKnnDevice>(reversed);
}

}  // namespace kmyriad
