#include "entropy_service/index/index_factory.h"

#include <cmath>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "entropy_service/index/brute_force_index.h"
#include "entropy_service/index/cuda/device_index.h"
#include "entropy_service/index/grid_index.h"
#include "entropy_service/index/kd_tree_index.h"
#include "entropy_service/index/l2_distance.h"

namespace kmyriad {

namespace {

// Fewer points are compared with each other at once.
constexpr size_t kFewPoints = 512;
// Queries of the probe, and their neighbours: a usual k, as the one that will
// be asked for is not known yet.
constexpr size_t kProbes = 256;
constexpr uint32_t kProbeNeighbors = 16;

constexpr absl::string_view kCudaGrid = "cuda_grid";
constexpr absl::string_view kCudaBruteForce = "cuda_brute_force";

// The tree, or brute force if a probe of the tree shows that it saves nothing.
// Work is counted, not timed, so that the choice is a function of the points;
// in vector instructions, overheads being fitted to measured times.
absl::StatusOr<ChosenIndex> ChooseByProbe(const PointsView& points,
                                          SimdLevel level, ThreadPool& pool) {
  ChosenIndex chosen;
  KMYRIAD_ASSIGN_OR_RETURN(std::unique_ptr<KdTreeIndex> tree,
                           KdTreeIndex::Create(points, level, pool));
  const KdTreeIndex::Work work = tree->Probe(kProbeNeighbors, kProbes);
  const double dims = points.dims;
  const double tree_cost =
      work.leaves * (5.5 * dims + 60) + work.nodes * (4 * dims + 70);
  // With periods the expanded filter is of no use.
  const double per_block = points.periods.empty() ? dims + 6 : 5 * dims + 6;
  const double brute_cost =
      static_cast<double>(points.ids.size()) / kBlockPoints * per_block;
  chosen.reason = absl::StrCat(
      "d = ", points.dims, ", ", kProbes, " probes: a tree measures ",
      std::llround(work.leaves), " leaves and tests ", std::llround(work.nodes),
      " nodes per query, ", std::llround(100 * tree_cost / brute_cost),
      " % of the cost of brute force");
  if (tree_cost < brute_cost) {
    chosen.index = std::move(tree);
    return chosen;
  }
  tree.reset();
  KMYRIAD_ASSIGN_OR_RETURN(chosen.index,
                           BruteForceIndex::Create(points, level));
  return chosen;
}

absl::Status UnknownEngine(absl::string_view engine) {
  return absl::InvalidArgumentError(absl::StrCat(
      "engine = ", engine, ": use auto, grid, kd_tree, brute_force, ",
      kCudaGrid, " or ", kCudaBruteForce));
}

}  // namespace

absl::Status CheckKnnEngine(absl::string_view engine) {
  if (engine == kCudaGrid || engine == kCudaBruteForce) {
    return CheckCudaKnnDevice();
  }
  for (const char* known : {"auto", "grid", "kd_tree", "brute_force"}) {
    if (engine == known) return absl::OkStatus();
  }
  return UnknownEngine(engine);
}

absl::StatusOr<ChosenIndex> CreateKnnIndex(absl::string_view engine,
                                           const PointsView& points,
                                           SimdLevel level, ThreadPool& pool) {
  ChosenIndex chosen;
  if (engine == "auto") {
    if (points.dims <= GridIndex::kMaxDims) {
      engine = "grid";
      chosen.reason =
          absl::StrCat("d = ", points.dims, " <= ", GridIndex::kMaxDims);
    } else if (points.ids.size() <= kFewPoints) {
      engine = "brute_force";
      chosen.reason =
          absl::StrCat("N = ", points.ids.size(), " <= ", kFewPoints);
    } else {
      return ChooseByProbe(points, level, pool);
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
  if (engine == kCudaGrid || engine == kCudaBruteForce) {
    KMYRIAD_ASSIGN_OR_RETURN(std::shared_ptr<KnnDevice> device,
                             CreateCudaKnnDevice());
    KMYRIAD_ASSIGN_OR_RETURN(
        chosen.index,
        DeviceIndex::Create(engine == kCudaGrid ? DeviceEngine::kGrid
                                                : DeviceEngine::kBruteForce,
                            points, std::move(device)));
    return chosen;
  }
  return UnknownEngine(engine);
}

}  // namespace kmyriad
