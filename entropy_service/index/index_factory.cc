#include "entropy_service/index/index_factory.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "entropy_service/index/brute_force_index.h"
#include "entropy_service/index/grid_index.h"

namespace kmyriad {

absl::StatusOr<ChosenIndex> CreateKnnIndex(absl::string_view engine,
                                           const PointsView& points,
                                           SimdLevel level, ThreadPool& pool) {
  const bool low = points.dims <= GridIndex::kMaxDims;
  ChosenIndex chosen;
  if (engine == "auto") {
    chosen.reason = absl::StrCat("d = ", points.dims, low ? " <= " : " > ",
                                 GridIndex::kMaxDims);
    engine = low ? "grid" : "brute_force";
  } else {
    chosen.reason = "asked for";
  }
  if (engine == "grid") {
    KMYRIAD_ASSIGN_OR_RETURN(chosen.index,
                             GridIndex::Create(points, level, pool));
    return chosen;
  }
  if (engine == "brute_force") {
    KMYRIAD_ASSIGN_OR_RETURN(chosen.index,
                             BruteForceIndex::Create(points, level));
    return chosen;
  }
  return absl::InvalidArgumentError(
      absl::StrCat("engine = ", engine, ": use auto, grid or brute_force"));
}

}  // namespace kmyriad
