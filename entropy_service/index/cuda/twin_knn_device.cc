#include <memory>

#include "common/device/twin_device.h"
#include "entropy_service/index/cuda/brute_force_kernel.h"
#include "entropy_service/index/cuda/cell_build_kernels.h"
#include "entropy_service/index/cuda/cell_search_kernel.h"
#include "entropy_service/index/cuda/knn_device.h"

namespace kmyriad {
namespace {

class TwinKnnDevice final : public KnnDevice {
 public:
  explicit TwinKnnDevice(bool reversed) : reversed_(reversed) {}

  absl::StatusOr<void*> Allocate(size_t bytes) override {
    return memory_.Allocate(bytes);
  }
  void Free(void* memory) override { memory_.Free(memory); }
  absl::Status Upload(const void* from, size_t bytes, void* to) override {
    return memory_.Upload(from, bytes, to);
  }
  absl::Status Download(const void* from, size_t bytes, void* to) override {
    return memory_.Download(from, bytes, to);
  }
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
  TwinDevice memory_;
  const bool reversed_;
};

}  // namespace

std::unique_ptr<KnnDevice> CreateTwinKnnDevice(bool reversed) {
  return std::make_unique<TwinKnnDevice>(reversed);
}

}  // namespace kmyriad
