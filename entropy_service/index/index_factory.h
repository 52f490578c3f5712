#ifndef KMYRIAD_ENTROPY_SERVICE_INDEX_INDEX_FACTORY_H_
#define KMYRIAD_ENTROPY_SERVICE_INDEX_INDEX_FACTORY_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/base/simd_level.h"
#include "entropy_service/index/knn_index.h"

namespace kmyriad {

// An index, and why this engine was taken.
struct ChosenIndex {
  std::unique_ptr<KnnIndex> index;
  std::string reason;
};

// INVALID_ARGUMENT for a name that CreateKnnIndex does not know,
// FAILED_PRECONDITION for one that needs a GPU where there is none. Takes
// nothing of a GPU: cheap enough for every request.
absl::Status CheckKnnEngine(absl::string_view engine);

// Indexes `points` with `engine`: "grid", "kd_tree", "brute_force", the same
// on a GPU, "cuda_grid" and "cuda_brute_force", or "auto", which takes the grid
// up to 3 dimensions, and above the tree unless some hundred probes show that
// brute force is cheaper (never a GPU). All give the same bits, and the choice
// is a function of the points. Errors of CheckKnnEngine and of the engine.
absl::StatusOr<ChosenIndex> CreateKnnIndex(absl::string_view engine,
                                           const PointsView& points,
                                           SimdLevel level, ThreadPool& pool);

}  // namespace kmyriad

#endif  // KMYRIAD_ENTROPY_SERVICE_INDEX_INDEX_FACTORY_H_
