#include "entropy_service/index/knn_index.h"

#include <cmath>

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"

namespace kmyriad {

absl::Status SearchContext::ParallelFor(
    size_t count, const std::function<void(size_t)>& body) const {
  const auto cancelled = [this] {
    return cancelled_ != nullptr && cancelled_->load();
  };
  pool_.ParallelFor(count, [&](size_t i) {
    if (!cancelled()) body(i);
  });
  if (cancelled()) return absl::CancelledError("the search was cancelled");
  return absl::OkStatus();
}

absl::Status ValidatePoints(const PointsView& points) {
  const size_t count = points.ids.size();
  if (points.dims == 0 || points.dims > kMaxIndexDims) {
    return absl::InvalidArgumentError(absl::StrCat(
        "dims = ", points.dims, ": use 1 to ", kMaxIndexDims, " features"));
  }
  if (count > kMaxIndexPoints) {
    return absl::InvalidArgumentError(absl::StrCat(
        "points = ", count, ": an index takes at most ", kMaxIndexPoints));
  }
  if (points.coordinates.size() != count * points.dims) {
    return absl::InvalidArgumentError(absl::StrCat(
        "coordinates = ", points.coordinates.size(), " numbers: ", count,
        " points of ", points.dims, " features need ", count * points.dims));
  }
  for (size_t i = 1; i < count; ++i) {
    if (points.ids[i - 1] >= points.ids[i]) {
      return absl::InvalidArgumentError(
          absl::StrCat("ids[", i, "] = ", points.ids[i], " after ",
                       points.ids[i - 1], ": ids must ascend strictly"));
    }
  }
  for (size_t i = 0; i < points.coordinates.size(); ++i) {
    if (!(std::fabs(points.coordinates[i]) <= kMaxIndexCoordinate)) {
      return absl::InvalidArgumentError(absl::StrCat(
          "feature ", i % points.dims, " of point ",
          points.ids[i / points.dims], " = ", points.coordinates[i],
          ": features must be finite and at most ", kMaxIndexCoordinate,
          " in magnitude"));
    }
  }
  return absl::OkStatus();
}

absl::Status ValidateKthRequest(size_t size, uint32_t k, size_t out) {
  if (k == 0) {
    return absl::InvalidArgumentError("k = 0: use at least one neighbour");
  }
  if (k >= size) {
    return absl::FailedPreconditionError(
        absl::StrCat("k = ", k, ": ", size,
                     " points have fewer other points than that; lower k"));
  }
  if (out != size) {
    return absl::InvalidArgumentError(absl::StrCat(
        "room for ", out, " results, but there are ", size, " points"));
  }
  return absl::OkStatus();
}

absl::Status ValidateSearchRequest(size_t size, absl::Span<const uint32_t> rows,
                                   uint32_t k, size_t out) {
  KMYRIAD_RETURN_IF_ERROR(ValidateKthRequest(size, k, size));
  for (const uint32_t row : rows) {
    if (row >= size) {
      return absl::OutOfRangeError(
          absl::StrCat("row ", row, ": the index has ", size, " points"));
    }
  }
  if (out != rows.size() * k) {
    return absl::InvalidArgumentError(
        absl::StrCat("room for ", out, " neighbours, but ", rows.size(),
                     " rows of ", k, " were asked for"));
  }
  return absl::OkStatus();
}

}  // namespace kmyriad
