#include "entropy_service/measured_pool.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "absl/types/span.h"
#include "common/base/status_macros.h"
#include "entropy_service/estimator/intrinsic_reward.h"
#include "entropy_service/estimator/knn_entropy_estimator.h"
#include "entropy_service/estimator/leave_one_out.h"
#include "entropy_service/index/index_factory.h"

namespace kmyriad {
namespace {

// Neighbours that are in memory at once, besides those that are kept: 32 MiB.
constexpr size_t kChunkNeighbors = size_t{1} << 22;

// Ids of the rows.
std::vector<uint32_t> RowsOf(const EpochParticles& particles, size_t first,
                             size_t last) {
  std::vector<uint32_t> ids;
  ids.reserve(last - first);
  for (size_t i = first; i < last; ++i) {
    if (particles.mask()[i] != 0) ids.push_back(static_cast<uint32_t>(i));
  }
  return ids;
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

absl::Status SearchLists(const KnnIndex& index, const NeighborQuery& query,
                         const SearchContext& context, NeighborSink& sink,
                         std::vector<float>& kth_squared) {
  const uint32_t k = query.k;
  const size_t rows = index.size();
  const size_t step = std::max<size_t>(1, kChunkNeighbors / k);
  std::vector<uint32_t> wanted;
  std::vector<Neighbor> neighbors;
  for (size_t begin = 0; begin < rows; begin += step) {
    wanted.resize(std::min(step, rows - begin));
    std::iota(wanted.begin(), wanted.end(), static_cast<uint32_t>(begin));
    neighbors.resize(wanted.size() * k);
    KMYRIAD_RETURN_IF_ERROR(
        index.Search(wanted, query, context, absl::MakeSpan(neighbors)));
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

// Of each agent, how many rows it has.
std::vector<uint64_t> RowCounts(const ScoreRequest& request,
                                const MeasuredPool& pool) {
  std::vector<uint64_t> counts(request.agents);
  const uint64_t per_agent = request.particles_per_agent();
  for (const uint32_t id : pool.ids) ++counts[id / per_agent];
  return counts;
}

// FAILED_PRECONDITION unless enough particles are left without any one agent.
absl::Status CheckRest(const ScoreRequest& request, const MeasuredPool& pool) {
  const std::vector<uint64_t> own = RowCounts(request, pool);
  for (uint32_t agent = 0; agent < request.agents; ++agent) {
    const uint64_t rest = pool.ids.size() - own[agent];
    if (rest >= request.least_others()) continue;
    return absl::FailedPreconditionError(
        absl::StrCat("pool of the epoch: without agent ", agent, " only ", rest,
                     " particles are left, but k = ", request.k,
                     " neighbours need ", request.least_others(),
                     "; see why so many are masked, or lower entropy.k or "
                     "entropy.theiler_window"));
  }
  return absl::OkStatus();
}

// The sums of the threads of a search, one for each thread at a time.
class ThreadSums {
 public:
  explicit ThreadSums(const ScoreRequest& request) : request_(request) {}

  LeaveOneOut Borrow() ABSL_LOCKS_EXCLUDED(mutex_) {
    absl::MutexLock lock(&mutex_);
    if (idle_.empty()) return Make();
    LeaveOneOut sum = std::move(idle_.back());
    idle_.pop_back();
    return sum;
  }
  void GiveBack(LeaveOneOut sum) ABSL_LOCKS_EXCLUDED(mutex_) {
    absl::MutexLock lock(&mutex_);
    idle_.push_back(std::move(sum));
  }
  LeaveOneOut Total() ABSL_LOCKS_EXCLUDED(mutex_) {
    absl::MutexLock lock(&mutex_);
    LeaveOneOut total = Make();
    for (const LeaveOneOut& sum : idle_) total.Merge(sum);
    return total;
  }

 private:
  LeaveOneOut Make() const {
    return LeaveOneOut(request_.agents, request_.particles_per_agent(),
                       request_.dims, request_.k, request_.floor);
  }

  const ScoreRequest& request_;
  absl::Mutex mutex_;
  std::vector<LeaveOneOut> idle_ ABSL_GUARDED_BY(mutex_);
};

// k-th distances, and what they say of each agent.
absl::Status MeasureWithoutAgents(const KnnIndex& index,
                                  const ScoreRequest& request,
                                  const NeighborQuery& query,
                                  const SearchContext& context,
                                  const MeasuredPool& pool, ThreadSums& sums,
                                  std::vector<float>& kth_squared) {
  KMYRIAD_RETURN_IF_ERROR(CheckRest(request, pool));
  return index.SearchWithoutAgents(
      {0, pool.ids.size()}, query, context, [&](const KthWithoutAgents& kth) {
        LeaveOneOut sum = sums.Borrow();
        for (size_t i = 0; i < kth.rows.size(); ++i) {
          sum.Add(kth.squared_distances[i],
                  absl::MakeSpan(kth.losses)
                      .subspan(kth.offsets[i],
                               kth.offsets[i + 1] - kth.offsets[i]));
          kth_squared[kth.rows[i]] = kth.squared_distances[i];
        }
        sums.GiveBack(std::move(sum));
      });
}

// NaN for the rows of agents that have too few particles in the scope.
absl::Status MeasureScope(const KnnIndex& index, NeighborQuery query,
                          NeighborScope scope, const ScoreRequest& request,
                          const SearchContext& context,
                          const MeasuredPool& pool,
                          std::vector<double>& log_volumes) {
  query.scope = scope;
  log_volumes.assign(index.size(), std::numeric_limits<double>::quiet_NaN());
  const std::vector<uint64_t> counts = RowCounts(request, pool);
  const auto enough = [&](uint64_t own) {
    return scope == NeighborScope::kOwnAgent
               ? own >= request.k + request.most_excluded()
               : index.size() - own >= request.k;
  };
  std::vector<float> squared;
  for (size_t agent = 0, first = 0; agent < counts.size();) {
    // Agents side by side are searched together.
    size_t last = first;
    for (; agent < counts.size() && enough(counts[agent]); ++agent) {
      last += counts[agent];
    }
    squared.resize(last - first);
    KMYRIAD_RETURN_IF_ERROR(index.KthSquaredDistances(
        query, {first, last}, context, absl::MakeSpan(squared)));
    LogVolumes(squared, request.dims, request.floor,
               absl::MakeSpan(log_volumes).subspan(first, last - first));
    first = last;
    for (; agent < counts.size() && !enough(counts[agent]); ++agent) {
      first += counts[agent];
    }
  }
  return absl::OkStatus();
}

// Own and others' neighbours, as far as the request wants them.
absl::Status MeasureScopes(const KnnIndex& index, const ScoreRequest& request,
                           const NeighborQuery& query,
                           const SearchContext& context, MeasuredPool& pool) {
  const bool pays = request.reward == RewardKind::kCrossNovelty;
  // Divergences are measured of the agents that can be; rewards need all.
  if (pays) KMYRIAD_RETURN_IF_ERROR(CheckRest(request, pool));
  if (pays || request.measure_divergences) {
    KMYRIAD_RETURN_IF_ERROR(
        MeasureScope(index, query, NeighborScope::kOtherAgents, request,
                     context, pool, pool.log_volumes_others));
  }
  if (!request.measure_divergences) return absl::OkStatus();
  return MeasureScope(index, query, NeighborScope::kOwnAgent, request, context,
                      pool, pool.log_volumes_own);
}

// Wraps periodic features to [0, period].
void Wrap(absl::Span<const float> periods, std::vector<float>& coordinates) {
  for (size_t j = 0; j < periods.size(); ++j) {
    if (periods[j] == 0) continue;
    for (size_t i = j; i < coordinates.size(); i += periods.size()) {
      const float rest = std::fmod(coordinates[i], periods[j]);
      coordinates[i] = rest < 0 ? rest + periods[j] : rest;
    }
  }
}

// An index of the rows `ids`; it has a copy of their features.
absl::StatusOr<ChosenIndex> IndexRows(const EpochParticles& particles,
                                      const std::vector<uint32_t>& ids,
                                      const PoolMeasure& measure) {
  const ScoreRequest& request = particles.request();
  std::vector<float> coordinates;
  coordinates.reserve(ids.size() * request.dims);
  for (const uint32_t id : ids) {
    const float* const features =
        &particles.features()[size_t{id} * request.dims];
    coordinates.insert(coordinates.end(), features, features + request.dims);
  }
  Wrap(request.periods, coordinates);
  PointsView points{coordinates, ids, request.dims};
  points.periods = request.periods;
  points.horizon = request.horizon;
  points.particles_per_agent =
      static_cast<uint32_t>(request.particles_per_agent());
  return CreateKnnIndex(measure.engine, points, measure.level, measure.pool);
}

NeighborQuery QueryOf(const ScoreRequest& request) {
  NeighborQuery query(request.k);
  query.theiler_window = request.theiler_window;
  return query;
}

void MeasureVolumes(const ScoreRequest& request,
                    const std::vector<float>& squared, MeasuredPool& pool) {
  pool.log_volumes.resize(squared.size());
  pool.floored = LogVolumes(squared, request.dims, request.floor,
                            absl::MakeSpan(pool.log_volumes));
}

// What is asked of the index of the pool's rows.
absl::Status SearchPool(const KnnIndex& index, const ScoreRequest& request,
                        size_t first, size_t last, const SearchContext& context,
                        MeasuredPool& pool) {
  const NeighborQuery query = QueryOf(request);
  std::vector<float> squared(pool.ids.size());
  ThreadSums sums(request);
  if (request.reward == RewardKind::kMarginal) {
    KMYRIAD_RETURN_IF_ERROR(MeasureWithoutAgents(index, request, query, context,
                                                 pool, sums, squared));
  }
  if (request.reward == RewardKind::kApt || request.needs_graph()) {
    NeighborSink sink(request, first, last, pool);
    KMYRIAD_RETURN_IF_ERROR(SearchLists(index, query, context, sink, squared));
  } else if (request.reward != RewardKind::kMarginal) {
    KMYRIAD_RETURN_IF_ERROR(
        index.KthSquaredDistances(query, context, absl::MakeSpan(squared)));
  }
  KMYRIAD_RETURN_IF_ERROR(MeasureScopes(index, request, query, context, pool));
  MeasureVolumes(request, squared, pool);
  if (request.reward == RewardKind::kMarginal) {
    pool.marginals = sums.Total().Marginals(pool.ids, pool.log_volumes);
  }
  return absl::OkStatus();
}

}  // namespace

size_t MeasuredPool::bytes() const {
  const size_t doubles = log_volumes.capacity() + mean_distances.capacity() +
                         log_volumes_own.capacity() +
                         log_volumes_others.capacity() + marginals.capacity();
  return doubles * sizeof(double) +
         (ids.capacity() + graph.neighbors.capacity()) * sizeof(uint32_t);
}

std::vector<uint32_t> AgentsOf(const ScoreRequest& request,
                               const MeasuredPool& pool) {
  const uint64_t per_agent = request.particles_per_agent();
  std::vector<uint32_t> agents(pool.ids.size());
  std::transform(pool.ids.begin(), pool.ids.end(), agents.begin(),
                 [per_agent](uint32_t id) {
                   return static_cast<uint32_t>(id / per_agent);
                 });
  return agents;
}

absl::StatusOr<MeasuredPool> MeasurePool(const EpochParticles& particles,
                                         size_t first, size_t last,
                                         const PoolMeasure& measure) {
  const ScoreRequest& request = particles.request();
  MeasuredPool pool;
  pool.ids = RowsOf(particles, first, last);
  const size_t rows = pool.ids.size();
  if (rows <= request.k) return TooSmall(request, rows, first, last);
  if (const std::vector<float>& found = particles.squared_distances();
      !found.empty()) {
    std::vector<float> squared(rows);
    for (size_t row = 0; row < rows; ++row) squared[row] = found[pool.ids[row]];
    MeasureVolumes(request, squared, pool);
    pool.engine = "replicas";
    pool.engine_reason = "distances came with the particles";
    return pool;
  }
  KMYRIAD_ASSIGN_OR_RETURN(const ChosenIndex chosen,
                           IndexRows(particles, pool.ids, measure));
  KMYRIAD_RETURN_IF_ERROR(
      SearchPool(*chosen.index, request, first, last, measure.context, pool));
  pool.engine = std::string(chosen.index->name());
  pool.engine_reason = chosen.reason;
  return pool;
}

absl::StatusOr<MeasuredShard> MeasureShard(const EpochParticles& particles,
                                           const PoolMeasure& measure) {
  const ScoreRequest& request = particles.request();
  const size_t begin = request.first_of_shard(request.shard_index);
  const size_t end = request.first_of_shard(request.shard_index + 1);
  const size_t size = request.pooling == Pooling::kIndividual
                          ? request.particles_per_agent()
                          : request.particles();
  MeasuredShard shard;
  shard.squared_distances.resize(end - begin);
  for (size_t first = begin / size * size; first < end; first += size) {
    const std::vector<uint32_t> ids = RowsOf(particles, first, first + size);
    if (ids.size() <= request.k) {
      return TooSmall(request, ids.size(), first, first + size);
    }
    KMYRIAD_ASSIGN_OR_RETURN(const ChosenIndex chosen,
                             IndexRows(particles, ids, measure));
    const auto row_of = [&ids](size_t particle) {
      return static_cast<size_t>(
          std::lower_bound(ids.begin(), ids.end(), particle) - ids.begin());
    };
    const RowRange rows{row_of(begin), row_of(end)};
    std::vector<float> squared(rows.size());
    KMYRIAD_RETURN_IF_ERROR(chosen.index->KthSquaredDistances(
        QueryOf(request), rows, measure.context, absl::MakeSpan(squared)));
    for (size_t i = 0; i < rows.size(); ++i) {
      shard.squared_distances[ids[rows.first + i] - begin] = squared[i];
    }
    shard.engine = std::string(chosen.index->name());
    shard.engine_reason = chosen.reason;
  }
  return shard;
}

}  // namespace kmyriad
