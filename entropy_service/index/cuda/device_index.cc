#include "entropy_service/index/cuda/device_index.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"

namespace kmyriad {
namespace {

// Keys of the lists of one part: 512 MB.
constexpr size_t kPartKeys = size_t{1} << 26;
constexpr size_t kMinPartRows = 128;
// Lists per task on the host.
constexpr size_t kTaskLists = 4096;

size_t PartRows(uint32_t k) {
  return std::max(kMinPartRows, kPartKeys / k / kMinPartRows * kMinPartRows);
}

// Memory that a sort works in.
class SortMemory {
 public:
  explicit SortMemory(KnnDevice& device)
      : keys_{DeviceArray<uint64_t>(device), DeviceArray<uint64_t>(device)},
        values_{DeviceArray<uint32_t>(device), DeviceArray<uint32_t>(device)},
        counts_(device) {}

  absl::Status Allocate(uint32_t count) {
    for (const int side : {0, 1}) {
      KMYRIAD_RETURN_IF_ERROR(keys_[side].Allocate(count));
      KMYRIAD_RETURN_IF_ERROR(values_[side].Allocate(count));
    }
    return counts_.Allocate(size_t{RadixBlocks(count)} * kRadixDigits);
  }
  SortViews views() const {
    return {{keys_[0].data(), keys_[1].data()},
            {values_[0].data(), values_[1].data()},
            counts_.data()};
  }

 private:
  DeviceArray<uint64_t> keys_[2];
  DeviceArray<uint32_t> values_[2];
  DeviceArray<uint32_t> counts_;
};

float DistanceOf(uint64_t key) {
  const auto bits = static_cast<uint32_t>(key >> 32);
  float value;
  std::memcpy(&value, &bits, sizeof(value));
  return value;
}

}  // namespace

// Device memory of one part.
struct DeviceIndex::Answer {
  explicit Answer(KnnDevice& device)
      : rows(device),
        excluded(device),
        nearest(device),
        kth(device),
        sort(device) {}
  DeviceArray<uint32_t> rows;
  DeviceArray<uint32_t> excluded;
  DeviceArray<uint64_t> nearest;
  DeviceArray<float> kth;
  SortMemory sort;
};

absl::StatusOr<std::unique_ptr<DeviceIndex>> DeviceIndex::Create(
    DeviceEngine engine, const PointsView& points,
    std::shared_ptr<KnnDevice> device) {
  if (engine == DeviceEngine::kGrid && points.dims > kGridMaxDims) {
    return absl::InvalidArgumentError(
        absl::StrCat("dims = ", points.dims, ": the grid takes at most ",
                     kGridMaxDims, "; use cuda_brute_force"));
  }
  KMYRIAD_RETURN_IF_ERROR(ValidatePoints(points));
  std::unique_ptr<DeviceIndex> index(
      new DeviceIndex(engine, points, std::move(device)));
  KMYRIAD_RETURN_IF_ERROR(index->built_);
  return index;
}

DeviceIndex::DeviceIndex(DeviceEngine engine, const PointsView& points,
                         std::shared_ptr<KnnDevice> device)
    : KnnIndex(points),
      engine_(engine),
      device_(std::move(device)),
      coordinates_(points.coordinates.begin(), points.coordinates.end()),
      points_(*device_),
      placed_(*device_),
      rows_(*device_),
      places_(*device_),
      nodes_(*device_) {
  built_ = Build();
}

absl::string_view DeviceIndex::name() const {
  return engine_ == DeviceEngine::kGrid ? "cuda_grid" : "cuda_brute_force";
}

std::unique_ptr<KnnIndex> DeviceIndex::Like(const PointsView& points,
                                            ThreadPool& /*pool*/) const {
  return std::unique_ptr<KnnIndex>(new DeviceIndex(engine_, points, device_));
}

void DeviceIndex::CopyPoint(uint32_t row, float* out) const {
  std::copy_n(&coordinates_[size_t{row} * dims()], dims(), out);
}

absl::Status DeviceIndex::Build() {
  device_periods_.any = periods() != nullptr;
  std::fill_n(device_periods_.period, kMaxDeviceDims,
              std::numeric_limits<float>::infinity());
  if (periods() != nullptr) {
    std::copy_n(periods(), dims(), device_periods_.period);
  }
  if (size() == 0) return absl::OkStatus();
  const size_t padded = PaddedDims(dims());
  std::vector<float> points(size() * padded);
  for (size_t row = 0; row < size(); ++row) {
    CopyPoint(static_cast<uint32_t>(row), &points[row * padded]);
  }
  KMYRIAD_RETURN_IF_ERROR(points_.AllocateCopy(points));
  return engine_ == DeviceEngine::kGrid ? BuildGrid() : absl::OkStatus();
}

absl::Status DeviceIndex::BuildGrid() {
  const auto count = static_cast<uint32_t>(size());
  const uint32_t cells = (count + kCellPlaces - 1) / kCellPlaces;
  cells_ = {.count = count, .dims = dims(), .first_leaf = 1};
  while (cells_.first_leaf < cells) cells_.first_leaf *= 2;
  KMYRIAD_RETURN_IF_ERROR(placed_.Allocate(size() * kCellPointFloats));
  KMYRIAD_RETURN_IF_ERROR(rows_.Allocate(count));
  KMYRIAD_RETURN_IF_ERROR(places_.Allocate(count));
  KMYRIAD_RETURN_IF_ERROR(nodes_.Allocate(size_t{2} * cells_.first_leaf));
  cells_.points = points_.data();
  cells_.placed = placed_.data();
  cells_.rows = rows_.data();
  cells_.places = places_.data();
  cells_.nodes = nodes_.data();
  DeviceArray<uint64_t> codes(*device_);
  SortMemory sort(*device_);
  KMYRIAD_RETURN_IF_ERROR(codes.Allocate(count));
  KMYRIAD_RETURN_IF_ERROR(sort.Allocate(count));
  return device_->BuildCells(cells_, codes.data(), sort.views());
}

absl::Status DeviceIndex::Enqueue(QueryViews queries,
                                  absl::Span<const uint32_t> rows,
                                  absl::Span<const uint32_t> excluded,
                                  Answer& answer) const {
  KMYRIAD_RETURN_IF_ERROR(built_);
  KMYRIAD_RETURN_IF_ERROR(
      answer.nearest.Allocate(size_t{queries.count} * queries.k));
  queries.nearest = answer.nearest.data();
  if (!rows.empty()) {
    KMYRIAD_RETURN_IF_ERROR(answer.rows.AllocateCopy(rows));
    queries.rows = answer.rows.data();
  } else {
    KMYRIAD_RETURN_IF_ERROR(answer.kth.Allocate(queries.count));
    queries.kth = answer.kth.data();
  }
  if (!excluded.empty()) {
    KMYRIAD_RETURN_IF_ERROR(answer.excluded.AllocateCopy(excluded));
    queries.excluded = answer.excluded.data();
  }
  if (engine_ == DeviceEngine::kBruteForce) {
    return device_->SearchBruteForce(
        {static_cast<uint32_t>(size()), dims(), points_.data()}, queries,
        device_periods_);
  }
  if (!rows.empty()) {
    KMYRIAD_RETURN_IF_ERROR(answer.sort.Allocate(queries.count));
  }
  return device_->SearchCells(cells_, queries, answer.sort.views(),
                              device_periods_);
}

absl::Status DeviceIndex::FindKth(RowRange rows, uint32_t k,
                                  const Exclusion& exclusion,
                                  const SearchContext& context,
                                  absl::Span<float> out) const {
  const size_t part = PartRows(k);
  for (size_t first = rows.first; first < rows.last; first += part) {
    QueryViews queries;
    queries.count = static_cast<uint32_t>(std::min(part, rows.last - first));
    queries.first_row = static_cast<uint32_t>(first);
    queries.k = k;
    std::vector<uint32_t> excluded;
    if (!exclusion.only_self()) excluded.resize(size_t{queries.count} * 2);
    KMYRIAD_RETURN_IF_ERROR(context.ParallelFor(
        (excluded.size() / 2 + kTaskLists - 1) / kTaskLists, [&](size_t task) {
          const size_t end =
              std::min<size_t>(queries.count, (task + 1) * kTaskLists);
          for (size_t i = task * kTaskLists; i < end; ++i) {
            const RowRange range =
                exclusion.Of(static_cast<uint32_t>(first + i));
            excluded[2 * i] = static_cast<uint32_t>(range.first);
            excluded[2 * i + 1] = static_cast<uint32_t>(range.last);
          }
        }));
    Answer answer(*device_);
    KMYRIAD_RETURN_IF_ERROR(Enqueue(queries, {}, excluded, answer));
    KMYRIAD_RETURN_IF_ERROR(
        answer.kth.Download(out.subspan(first - rows.first, queries.count)));
  }
  return absl::OkStatus();
}

absl::Status DeviceIndex::FindNearest(absl::Span<const uint32_t> rows,
                                      uint32_t k, const Exclusion& exclusion,
                                      const SearchContext& context,
                                      absl::Span<Neighbor> out) const {
  const size_t part = PartRows(k);
  for (size_t first = 0; first < rows.size(); first += part) {
    const auto some = rows.subspan(first, part);
    QueryViews queries;
    queries.count = static_cast<uint32_t>(some.size());
    queries.k = k;
    std::vector<uint32_t> excluded;
    if (!exclusion.only_self()) {
      for (const uint32_t row : some) {
        const RowRange range = exclusion.Of(row);
        excluded.push_back(static_cast<uint32_t>(range.first));
        excluded.push_back(static_cast<uint32_t>(range.last));
      }
    }
    Answer answer(*device_);
    KMYRIAD_RETURN_IF_ERROR(Enqueue(queries, some, excluded, answer));
    std::vector<uint64_t> keys(some.size() * k);
    KMYRIAD_RETURN_IF_ERROR(answer.nearest.Download(absl::MakeSpan(keys)));
    KMYRIAD_RETURN_IF_ERROR(context.ParallelFor(
        (some.size() + kTaskLists - 1) / kTaskLists, [&](size_t task) {
          const size_t end = std::min(some.size(), (task + 1) * kTaskLists);
          for (size_t j = 0; j < k; ++j) {
            for (size_t i = task * kTaskLists; i < end; ++i) {
              const uint64_t key = keys[j * some.size() + i];
              out[(first + i) * k + j] = {ids()[static_cast<uint32_t>(key)],
                                          DistanceOf(key)};
            }
          }
        }));
  }
  return absl::OkStatus();
}

}  // namespace kmyriad
