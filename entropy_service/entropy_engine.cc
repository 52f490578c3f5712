#include "entropy_service/entropy_engine.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "common/base/status_macros.h"
#include "entropy_service/estimator/coverage.h"
#include "entropy_service/estimator/intrinsic_reward.h"
#include "entropy_service/estimator/knn_entropy_estimator.h"
#include "entropy_service/index/index_factory.h"

namespace kmyriad {
namespace {

// Runs whose last epoch is kept. A learner asks again at once if at all.
constexpr size_t kMaxRuns = 4;

// Particles of a pool, gathered for the index; ids are those of the epoch.
struct Pool {
  std::vector<float> coordinates;
  std::vector<uint32_t> ids;
};

Pool GatherPool(const EpochParticles& particles, size_t first, size_t last) {
  const uint32_t dims = particles.request().dims;
  Pool pool;
  pool.coordinates.reserve((last - first) * dims);
  pool.ids.reserve(last - first);
  for (size_t i = first; i < last; ++i) {
    if (particles.mask()[i] == 0) continue;
    const auto feature =
        particles.features().begin() + static_cast<std::ptrdiff_t>(i * dims);
    pool.coordinates.insert(pool.coordinates.end(), feature, feature + dims);
    pool.ids.push_back(static_cast<uint32_t>(i));
  }
  return pool;
}

void ScoreCoverage(const EpochParticles& particles, ScoredEpoch& scored) {
  const ScoreRequest& request = scored.request;
  if (!request.coverage.has_value()) {
    const double none = std::numeric_limits<double>::quiet_NaN();
    scored.grid_entropy_nats = none;
    scored.coverage = none;
    scored.diversity_nats = none;
    scored.diversity_null_nats = none;
    return;
  }
  const CoverageGrid& grid = *request.coverage;
  const std::vector<uint32_t> cells =
      CellsOf(grid, particles.features(), request.dims, particles.mask());
  Coverage coverage =
      MeasureCoverage(grid, cells, particles.mask().size() - scored.masked);
  scored.grid_entropy_nats = coverage.grid_entropy_nats;
  scored.coverage = coverage.ratio();
  scored.unreachable_hits = coverage.unreachable_hits;
  scored.cell_visits = std::move(coverage.visits);
  std::vector<uint32_t> agent_of_env(request.envs);
  for (uint32_t env = 0; env < request.envs; ++env) {
    agent_of_env[env] = env / (request.envs / request.agents);
  }
  scored.diversity_nats = OccupancyDivergence(
      cells, agent_of_env, request.agents, grid.reachable.size());
  scored.diversity_null_nats = OccupancyDivergenceNull(
      cells, request.envs, request.agents, grid.reachable.size(), request.seed,
      static_cast<uint32_t>(request.epoch));
}

}  // namespace

absl::StatusOr<std::unique_ptr<EntropyEngine>> EntropyEngine::Create(
    const EntropyEngineOptions& options, EntropyMetrics& metrics,
    Clock& clock) {
  KMYRIAD_ASSIGN_OR_RETURN(const SimdLevel level, ChooseSimdLevel());
  EntropyEngineOptions resolved = options;
  if (resolved.threads <= 0) {
    resolved.threads =
        static_cast<int>(std::max(1u, std::thread::hardware_concurrency()));
  }
  return std::unique_ptr<EntropyEngine>(
      new EntropyEngine(resolved, level, metrics, clock));
}

EntropyEngine::EntropyEngine(const EntropyEngineOptions& options,
                             SimdLevel level, EntropyMetrics& metrics,
                             Clock& clock)
    : options_(options),
      level_(level),
      metrics_(metrics),
      clock_(clock),
      pool_(options.threads),
      store_(kMaxRuns) {
  info_.revision = options.revision;
  info_.instruction_set = std::string(SimdLevelName(level));
  info_.threads = options.threads;
}

absl::StatusOr<std::shared_ptr<const ScoredEpoch>> EntropyEngine::Score(
    const EpochParticles& particles, const std::atomic<bool>* cancelled) {
  // Before the store is asked: a repeat with other particles is an error.
  absl::Status verified = particles.Verify();
  if (!verified.ok()) {
    metrics_.Rejected(verified);
    return verified;
  }
  absl::MutexLock lock(&computing_);
  if (auto stored = store_.Find(particles.request()); stored != nullptr) {
    metrics_.Repeated();
    return stored;
  }
  auto scored = Compute(particles, SearchContext(pool_, cancelled));
  if (!scored.ok()) metrics_.Rejected(scored.status());
  return scored;
}

absl::StatusOr<std::shared_ptr<const ScoredEpoch>> EntropyEngine::Compute(
    const EpochParticles& particles, const SearchContext& context) {
  const double start = clock_.MonotonicSeconds();
  auto scored = std::make_shared<ScoredEpoch>();
  scored->request = particles.request();
  scored->masked = static_cast<uint64_t>(
      std::count(particles.mask().begin(), particles.mask().end(), 0));
  KMYRIAD_RETURN_IF_ERROR(ScorePools(particles, context, *scored));
  const double searched = clock_.MonotonicSeconds();
  ScoreCoverage(particles, *scored);
  scored->seconds = clock_.MonotonicSeconds() - start;
  metrics_.Scored(*scored, searched - start);
  store_.Put(scored);
  absl::MutexLock lock(&mutex_);
  ++info_.epochs_scored;
  info_.engine = scored->engine;
  info_.engine_reason = scored->engine_reason;
  return std::shared_ptr<const ScoredEpoch>(std::move(scored));
}

absl::Status EntropyEngine::ScorePools(const EpochParticles& particles,
                                       const SearchContext& context,
                                       ScoredEpoch& scored) {
  const ScoreRequest& request = scored.request;
  const size_t count = particles.mask().size();
  const size_t pools =
      request.pooling == Pooling::kIndividual ? request.agents : 1;
  const size_t size = count / pools;
  std::vector<double> log_volumes(size);
  scored.rewards.resize(count);
  double volume_sum = 0;
  double entropy_sum = 0;
  double squared_deviations = 0;
  for (size_t pool = 0; pool < pools; ++pool) {
    const size_t first = pool * size;
    KMYRIAD_RETURN_IF_ERROR(MeasurePool(particles, first, first + size, context,
                                        scored, absl::MakeSpan(log_volumes)));
    const PoolMoments moments = ForwardRewards(
        log_volumes, absl::MakeSpan(particles.mask()).subspan(first, size),
        absl::MakeSpan(scored.rewards).subspan(first, size));
    entropy_sum += KnnEntropy(moments.count, request.k, moments.mean);
    volume_sum += moments.mean * static_cast<double>(moments.count);
    squared_deviations += moments.squared_deviations;
  }
  const auto pooled = static_cast<double>(count - scored.masked);
  scored.entropy_nats = entropy_sum / static_cast<double>(pools);
  scored.log_volume_mean = volume_sum / pooled;
  scored.log_volume_std = std::sqrt(squared_deviations / pooled);
  return absl::OkStatus();
}

absl::Status EntropyEngine::MeasurePool(const EpochParticles& particles,
                                        size_t first, size_t last,
                                        const SearchContext& context,
                                        ScoredEpoch& scored,
                                        absl::Span<double> out) {
  const ScoreRequest& request = scored.request;
  const Pool pool = GatherPool(particles, first, last);
  if (pool.ids.size() <= request.k) {
    return absl::FailedPreconditionError(absl::StrCat(
        "pool of ",
        request.pooling == Pooling::kIndividual
            ? absl::StrCat("agent ", first / request.particles_per_agent())
            : "the epoch",
        ": ", pool.ids.size(), " of ", last - first,
        " particles are not masked, but k = ", request.k,
        " neighbours need more; see why so many are non-finite or outside, "
        "or lower entropy.k"));
  }
  KMYRIAD_ASSIGN_OR_RETURN(
      const ChosenIndex chosen,
      CreateKnnIndex(options_.engine,
                     {pool.coordinates, pool.ids, request.dims}, level_,
                     pool_));
  std::vector<float> squared(pool.ids.size());
  KMYRIAD_RETURN_IF_ERROR(chosen.index->KthSquaredDistances(
      request.k, context, absl::MakeSpan(squared)));
  std::vector<double> volumes(pool.ids.size());
  scored.floored +=
      LogVolumes(squared, request.dims, request.floor, absl::MakeSpan(volumes));
  for (size_t i = 0; i < pool.ids.size(); ++i) {
    out[pool.ids[i] - first] = volumes[i];
  }
  scored.engine = std::string(chosen.index->name());
  scored.engine_reason = chosen.reason;
  return absl::OkStatus();
}

absl::StatusOr<std::shared_ptr<const ScoredEpoch>> EntropyEngine::LastEpoch(
    const Uuid& run_uuid) {
  if (auto last = store_.Last(run_uuid); last != nullptr) return last;
  return absl::NotFoundError(
      absl::StrCat("run ", ToHex(run_uuid), ": no epoch of it was scored"));
}

EntropyInfo EntropyEngine::Info() const {
  absl::MutexLock lock(&mutex_);
  return info_;
}

}  // namespace kmyriad
