#include "entropy_service/measured_pool.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "common/base/status_macros.h"
#include "entropy_service/estimator/intrinsic_reward.h"
#include "entropy_service/estimator/knn_entropy_estimator.h"
#include "entropy_service/index/index_factory.h"

namespace kmyriad {
namespace {

// Neighbours that are in memory at once, besides those that are kept: 32 MiB.
constexpr size_t kChunkNeighbors = size_t{1} << 22;

// Coordinates of the rows.
std::vector<float> GatherRows(const EpochParticles& particles, size_t first,
                              size_t last, std::vector<uint32_t>& ids) {
  const uint32_t dims = particles.request().dims;
  std::vector<float> coordinates;
  coordinates.reserve((last - first) * dims);
  ids.reserve(last - first);
  for (size_t i = first; i < last; ++i) {
    if (particles.mask()[i] == 0) continue;
    const auto feature =
        particles.features().begin() + static_cast<std::ptrdiff_t>(i * dims);
    coordinates.insert(coordinates.end(), feature, feature + dims);
    ids.push_back(static_cast<uint32_t>(i));
  }
  return coordinates;
}

// Keeps of each row's neighbours what the request asks for.
class NeighborSink {
 public:
  NeighborSink(const ScoreRequest& request, size_t first, size_t last,
               MeasuredPool& pool)
      : k_(request.k), first_(first), pool_(pool) {
    const size_t rows = pool.ids.size();
    if (request.reward == RewardKind::kApt) pool.mean_distances.resize(rows);
    if (!request.needs_graph()) return;
    pool.graph.k = k_;
    pool.graph.neighbors.resize(rows * k_);
    row_of_.resize(last - first);
    for (uint32_t row = 0; row < rows; ++row) {
      row_of_[pool.ids[row] - first] = row;
    }
  }

  // `neighbors` [k] of `row`.
  void Take(size_t row, const Neighbor* neighbors) {
    if (!pool_.mean_distances.empty()) {
      double sum = 0;
      for (uint32_t j = 0; j < k_; ++j) {
        sum += std::sqrt(double{neighbors[j].squared_distance});
      }
      pool_.mean_distances[row] = sum / k_;
    }
    if (row_of_.empty()) return;
    uint32_t* const kept = pool_.graph.neighbors.data() + row * k_;
    for (uint32_t j = 0; j < k_; ++j)
      kept[j] = row_of_[neighbors[j].id - first_];
  }

 private:
  const uint32_t k_;
  const size_t first_;
  MeasuredPool& pool_;
  // By particle, from the first on.
  std::vector<uint32_t> row_of_;
};

absl::Status SearchLists(const KnnIndex& index, uint32_t k,
                         const SearchContext& context, NeighborSink& sink,
                         std::vector<float>& kth_squared) {
  const size_t rows = index.size();
  const size_t step = std::max<size_t>(1, kChunkNeighbors / k);
  std::vector<uint32_t> wanted;
  std::vector<Neighbor> neighbors;
  for (size_t begin = 0; begin < rows; begin += step) {
    wanted.resize(std::min(step, rows - begin));
    std::iota(wanted.begin(), wanted.end(), static_cast<uint32_t>(begin));
    neighbors.resize(wanted.size() * k);
    KMYRIAD_RETURN_IF_ERROR(
        index.Search(wanted, k, context, absl::MakeSpan(neighbors)));
    for (size_t i = 0; i < wanted.size(); ++i) {
      const Neighbor* const own = neighbors.data() + i * k;
      kth_squared[begin + i] = own[k - 1].squared_distance;
      sink.Take(begin + i, own);
    }
  }
  return absl::OkStatus();
}

absl::Status TooSmall(const ScoreRequest& request, size_t rows, size_t first,
                      size_t last) {
  return absl::FailedPreconditionError(absl::StrCat(
      "pool of ",
      request.pooling == Pooling::kIndividual
          ? absl::StrCat("agent ", first / request.particles_per_agent())
          : "the epoch",
      ": ", rows, " of ", last - first,
      " particles are not masked, but k = ", request.k,
      " neighbours need more; see why so many are non-finite or outside, or "
      "lower entropy.k"));
}

}  // namespace

size_t MeasuredPool::bytes() const {
  return ids.capacity() * sizeof(uint32_t) +
         log_volumes.capacity() * sizeof(double) +
         mean_distances.capacity() * sizeof(double) +
         graph.neighbors.capacity() * sizeof(uint32_t);
}

absl::StatusOr<MeasuredPool> MeasurePool(const EpochParticles& particles,
                                         size_t first, size_t last,
                                         const PoolMeasure& measure) {
  const ScoreRequest& request = particles.request();
  MeasuredPool pool;
  const std::vector<float> coordinates =
      GatherRows(particles, first, last, pool.ids);
  const size_t rows = pool.ids.size();
  if (rows <= request.k) return TooSmall(request, rows, first, last);
  KMYRIAD_ASSIGN_OR_RETURN(
      const ChosenIndex chosen,
      CreateKnnIndex(measure.engine, {coordinates, pool.ids, request.dims},
                     measure.level, measure.pool));
  std::vector<float> squared(rows);
  const bool lists =
      request.reward == RewardKind::kApt || request.needs_graph();
  if (lists) {
    NeighborSink sink(request, first, last, pool);
    KMYRIAD_RETURN_IF_ERROR(
        SearchLists(*chosen.index, request.k, measure.context, sink, squared));
  } else {
    KMYRIAD_RETURN_IF_ERROR(chosen.index->KthSquaredDistances(
        request.k, measure.context, absl::MakeSpan(squared)));
  }
  pool.log_volumes.resize(rows);
  pool.floored = LogVolumes(squared, request.dims, request.floor,
                            absl::MakeSpan(pool.log_volumes));
  pool.engine = std::string(chosen.index->name());
  pool.engine_reason = chosen.reason;
  return pool;
}

}  // namespace kmyriad
