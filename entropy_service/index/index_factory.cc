#include "entropy_service/index/index_factory.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "entropy_service/index/brute_force_index.h"
#include "entropy_service/index/grid_index.h"
#include "entropy_service/index/kd_tree_index.h"

namespace kmyriad {

namespace {

// Above this many dimensions uniform data leaves a tree little to prune.
constexpr uint32_t kMaxTreeDims = 7;

}  // namespace

absl::StatusOr<ChosenIndex> CreateKnnIndex(absl::string_view engine,
                                           const PointsView& points,
                                           SimdLevel level, ThreadPool& pool) {
  ChosenIndex chosen;
  if (engine == "auto") {
    if (points.dims <= GridIndex::kMaxDims) {
      engine = "grid";
      chosen.reason =
          absl::StrCat("d = ", points.dims, " <= ", GridIndex::kMaxDims);
    } else if (points.dims <= kMaxTreeDims) {
      engine = "kd_tree";
      chosen.reason = absl::StrCat("d = ", points.dims, " > ",
                                   GridIndex::kMaxDims, ", <= ", kMaxTreeDims);
    } else {
      engine = "brute_force";
      chosen.reason = absl::StrCat("d = ", points.dims, " > ", kMaxTreeDims);
    }
  } else {
    chosen.reason = "asked for";
  }
  if (engine == "grid") {
    KMYRIAD_ASSIGN_OR_RETURN(chosen.index,
                             GridIndex::Create(points, level, pool));
    return chosen;
  }
  if (engine == "kd_tree") {
    KMYRIAD_ASSIGN_OR_RETURN(chosen.index,
                             KdTreeIndex::Create(points, level, pool));
    return chosen;
  }
  if (engine == "brute_force") {
    KMYRIAD_ASSIGN_OR_RETURN(chosen.index,
                             BruteForceIndex::Create(points, level));
    return chosen;
  }
  return absl::InvalidArgumentError(absl::StrCat(
      "engine = ", engine, ": use auto, grid, kd_tree or brute_force"));
}

}  // namespace kmyriad
