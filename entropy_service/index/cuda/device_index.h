#ifndef KMYRIAD_ENTROPY_SERVICE_INDEX_CUDA_DEVICE_INDEX_H_
#define KMYRIAD_ENTROPY_SERVICE_INDEX_CUDA_DEVICE_INDEX_H_

#include <memory>
#include <vector>

#include "absl/status/statusor.h"
#include "common/device/device_array.h"
#include "entropy_service/index/cuda/knn_device.h"
#include "entropy_service/index/knn_index.h"

namespace kmyriad {

// How a DeviceIndex searches: "cuda_grid" (up to 3 dimensions) or
// "cuda_brute_force".
enum class DeviceEngine { kGrid, kBruteForce };

// An index in a device's memory. The answers' bits are those of the CPU
// engines; scopes, windows, periods and lost agents are all taken. Rows are
// answered in parts whose lists fit 512 MB, or 128 rows if those do not; a
// search is cancelled between two parts. On the host it keeps the coordinates
// once more. Errors of a search, besides those of KnnIndex: KnnDevice's.
class DeviceIndex final : public KnnIndex {
 public:
  // Copies the points. INVALID_ARGUMENT for a grid of more than 3 dimensions,
  // errors of ValidatePoints and of the device.
  static absl::StatusOr<std::unique_ptr<DeviceIndex>> Create(
      DeviceEngine engine, const PointsView& points,
      std::shared_ptr<KnnDevice> device);

  absl::string_view name() const override;

 private:
  struct Answer;

  DeviceIndex(DeviceEngine engine, const PointsView& points,
              std::shared_ptr<KnnDevice> device);
  // Fills the device's memory.
  absl::Status Build();
  absl::Status BuildGrid();

  absl::Status FindKth(RowRange rows, uint32_t k, const Exclusion& exclusion,
                       const SearchContext& context,
                       absl::Span<float> out) const override;
  absl::Status FindNearest(absl::Span<const uint32_t> rows, uint32_t k,
                           const Exclusion& exclusion,
                           const SearchContext& context,
                           absl::Span<Neighbor> out) const override;
  void CopyPoint(uint32_t row, float* out) const override;
  std::unique_ptr<KnnIndex> Like(const PointsView& points,
                                 ThreadPool& pool) const override;

  // Enqueues the search of `queries`, whose excluded rows are `excluded`
  // [count, 2] or, if it is empty, their own.
  absl::Status Enqueue(QueryViews queries, absl::Span<const uint32_t> rows,
                       absl::Span<const uint32_t> excluded,
                       Answer& answer) const;

  const DeviceEngine engine_;
  const std::shared_ptr<KnnDevice> device_;
  // [size(), dims()]
  const std::vector<float> coordinates_;
  DevicePeriods device_periods_;
  // What Build met; searches answer with it.
  absl::Status built_;
  // [size(), PaddedDims(dims())]
  DeviceArray<float> points_;
  // Of the grid.
  CellViews cells_;
  DeviceArray<float> placed_;
  DeviceArray<uint32_t> rows_;
  DeviceArray<uint32_t> places_;
  DeviceArray<CellNode> nodes_;
};

}  // namespace kmyriad

#endif  // KMYRIAD_ENTROPY_SERVICE_INDEX_CUDA_DEVICE_INDEX_H_
