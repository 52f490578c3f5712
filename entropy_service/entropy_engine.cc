#include "entropy_service/entropy_engine.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "common/base/logging.h"
#include "common/base/status_macros.h"
#include "common/math/log_double.h"
#include "entropy_service/estimator/coverage.h"
#include "entropy_service/estimator/diversity.h"
#include "entropy_service/estimator/intrinsic_reward.h"
#include "entropy_service/estimator/knn_entropy_estimator.h"
#include "entropy_service/estimator/tree_sum.h"
#include "entropy_service/measured_pool.h"

namespace kmyriad {
namespace {

// Runs whose last epoch is kept. A learner asks again at once if at all.
constexpr size_t kMaxRuns = 4;

// Memory of kept epochs; the newest may exceed it alone.
constexpr size_t kMaxStoredBytes = size_t{3} << 29;

std::vector<double> MarginalValues(const ScoreRequest& request,
                                   const MeasuredPool& pool) {
  std::vector<double> values = pool.log_volumes;
  const double least = *std::min_element(values.begin(), values.end());
  for (double& value : values) value -= least;
  Redistribute(AgentsOf(request, pool),
               CreditShares(pool.marginals, request.credit, request.seed,
                            static_cast<uint32_t>(request.epoch)),
               absl::MakeSpan(values));
  return values;
}

// What the particles of a pool are paid for, before centring: [rows].
std::vector<double> RewardValues(const ScoreRequest& request,
                                 const MeasuredPool& pool) {
  switch (request.reward) {
    case RewardKind::kForward:
      return pool.log_volumes;
    case RewardKind::kApt:
      return AptValues(pool.mean_distances);
    case RewardKind::kCrossNovelty:
      return pool.log_volumes_others;
    case RewardKind::kMarginal:
      return MarginalValues(request, pool);
    case RewardKind::kSelfnormReverse:
    case RewardKind::kMepolExact:
      break;
  }
  return ReverseValues(request.reward, pool.graph, pool.log_volumes);
}

// MEPOL's estimate has ln N in the place of psi(N).
double PoolEntropy(const ScoreRequest& request, const PoolMoments& volumes) {
  const double entropy = KnnEntropy(volumes.count, request.k, volumes.mean);
  if (request.reward != RewardKind::kMepolExact) return entropy;
  return entropy + LogDouble(static_cast<double>(volumes.count)) -
         Digamma(volumes.count);
}

// Values of rows to their places among the particles from `first` on.
void Spread(const MeasuredPool& pool, const std::vector<double>& values,
            size_t first, std::vector<double>& out) {
  for (size_t row = 0; row < pool.ids.size(); ++row) {
    out[pool.ids[row] - first] = values[row];
  }
}

// Sum of (in-degree - k)^2, k being the mean.
double InDegreeDeviations(const NeighborGraph& graph) {
  const std::vector<uint32_t> degrees = InDegrees(graph);
  return TreeSum(0, degrees.size(), [&](size_t j) {
    const double deviation = static_cast<double>(degrees[j]) - graph.k;
    return deviation * deviation;
  });
}

// Of numbers by particle of the pool, [envs, window, horizon], those of the
// newest epoch: [envs, horizon].
template <typename T>
std::vector<T> NewestEpoch(const ScoreRequest& request,
                           const std::vector<T>& numbers) {
  std::vector<T> newest;
  newest.reserve(request.samples());
  const auto horizon = static_cast<std::ptrdiff_t>(request.horizon);
  for (uint32_t env = 0; env < request.envs; ++env) {
    const auto end =
        numbers.begin() + horizon * static_cast<std::ptrdiff_t>(
                                        uint64_t{env + 1} * request.window);
    newest.insert(newest.end(), end - horizon, end);
  }
  return newest;
}

void ScoreAgents(const MeasuredPool& pool, ScoredEpoch& scored) {
  const ScoreRequest& request = scored.request;
  scored.agent_marginals_nats = pool.marginals;
  scored.divergence_nats = std::numeric_limits<double>::quiet_NaN();
  if (!request.measure_divergences) return;
  scored.agent_divergences_nats =
      AgentDivergences(pool.log_volumes_own, pool.log_volumes_others,
                       AgentsOf(request, pool), request.agents);
  double sum = 0;
  double compared = 0;
  for (const double divergence : scored.agent_divergences_nats) {
    if (std::isnan(divergence)) continue;
    sum += divergence;
    ++compared;
  }
  if (compared > 0) scored.divergence_nats = sum / compared;
}

void ScoreCoverage(const EpochParticles& particles, ScoredEpoch& scored) {
  const ScoreRequest& request = scored.request;
  if (!request.coverage.has_value()) {
    const double none = std::numeric_limits<double>::quiet_NaN();
    scored.grid_entropy_nats = none;
    scored.coverage = none;
    scored.diversity_nats = none;
    scored.diversity_null_nats = none;
    scored.sharing = {none, none, none};
    return;
  }
  const CoverageGrid& grid = *request.coverage;
  const std::vector<uint32_t> cells = NewestEpoch(
      request,
      CellsOf(grid, particles.features(), request.dims, particles.mask()));
  Coverage coverage =
      MeasureCoverage(grid, cells, cells.size() - scored.masked);
  scored.grid_entropy_nats = coverage.grid_entropy_nats;
  scored.coverage = coverage.ratio();
  scored.unreachable_hits = coverage.unreachable_hits;
  scored.cell_visits = std::move(coverage.visits);
  std::vector<uint32_t> agent_of_env(request.envs);
  for (uint32_t env = 0; env < request.envs; ++env) {
    agent_of_env[env] = env / (request.envs / request.agents);
  }
  scored.agent_visits =
      MeasureAgentVisits(grid, cells, agent_of_env, request.agents);
  scored.diversity_nats = OccupancyDivergence(
      cells, agent_of_env, request.agents, grid.reachable.size());
  scored.sharing = MeasureCellSharing(cells, agent_of_env, request.agents,
                                      grid.reachable.size());
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
      store_(kMaxRuns, kMaxStoredBytes) {
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
  const SearchContext context(pool_, cancelled);
  auto scored = particles.request().shard_count > 0
                    ? ComputeShard(particles, context)
                    : Compute(particles, context);
  if (!scored.ok()) metrics_.Rejected(scored.status());
  return scored;
}

absl::StatusOr<std::shared_ptr<const ScoredEpoch>> EntropyEngine::Compute(
    const EpochParticles& particles, const SearchContext& context) {
  const double start = clock_.MonotonicSeconds();
  auto scored = std::make_shared<ScoredEpoch>();
  scored->request = particles.request();
  const std::vector<uint8_t> newest =
      NewestEpoch(scored->request, particles.mask());
  scored->masked =
      static_cast<uint64_t>(std::count(newest.begin(), newest.end(), 0));
  KMYRIAD_RETURN_IF_ERROR(ScorePools(particles, context, *scored));
  const double searched = clock_.MonotonicSeconds();
  ScoreCoverage(particles, *scored);
  scored->seconds = clock_.MonotonicSeconds() - start;
  metrics_.Scored(*scored);
  if (scored->request.coverage.has_value()) metrics_.Visited(particles);
  store_.Put(scored);
  // Distances that came along were searched for as shards.
  if (particles.squared_distances().empty()) {
    metrics_.Searched(searched - start);
    NoteEngine(*scored);
  }
  absl::MutexLock lock(&mutex_);
  ++info_.epochs_scored;
  return std::shared_ptr<const ScoredEpoch>(std::move(scored));
}

void EntropyEngine::NoteEngine(const ScoredEpoch& scored) {
  absl::MutexLock lock(&mutex_);
  if (info_.engine != scored.engine) {
    LogInfo("engine ", scored.engine, ": ", scored.engine_reason);
  }
  info_.engine = scored.engine;
  info_.engine_reason = scored.engine_reason;
}

absl::StatusOr<std::shared_ptr<const ScoredEpoch>> EntropyEngine::ComputeShard(
    const EpochParticles& particles, const SearchContext& context) {
  const double start = clock_.MonotonicSeconds();
  KMYRIAD_ASSIGN_OR_RETURN(
      MeasuredShard shard,
      MeasureShard(particles, MeasureFor(particles.request(), context)));
  auto scored = std::make_shared<ScoredEpoch>();
  scored->request = particles.request();
  scored->squared_distances = std::move(shard.squared_distances);
  scored->engine = std::move(shard.engine);
  scored->engine_reason = std::move(shard.engine_reason);
  scored->seconds = clock_.MonotonicSeconds() - start;
  metrics_.Searched(scored->seconds);
  NoteEngine(*scored);
  return std::shared_ptr<const ScoredEpoch>(std::move(scored));
}

PoolMeasure EntropyEngine::MeasureFor(const ScoreRequest& request,
                                      const SearchContext& context) {
  const std::string& engine =
      request.engine.empty() ? options_.engine : request.engine;
  return {engine, level_, pool_, context};
}

absl::Status EntropyEngine::ScorePools(const EpochParticles& particles,
                                       const SearchContext& context,
                                       ScoredEpoch& scored) {
  const ScoreRequest& request = scored.request;
  const size_t count = particles.mask().size();
  const size_t pools =
      request.pooling == Pooling::kIndividual ? request.agents : 1;
  const size_t size = count / pools;
  const PoolMeasure measure = MeasureFor(request, context);
  std::vector<double> values(size);
  std::vector<float> pool_rewards(count);
  double pooled = 0;
  double volume_sum = 0;
  double entropy_sum = 0;
  double volume_deviations = 0;
  double reward_deviations = 0;
  double degree_deviations = 0;
  for (size_t index = 0; index < pools; ++index) {
    const size_t first = index * size;
    KMYRIAD_ASSIGN_OR_RETURN(
        MeasuredPool pool,
        MeasurePool(particles, first, first + size, measure));
    const auto mask = absl::MakeSpan(particles.mask()).subspan(first, size);
    Spread(pool, pool.log_volumes, first, values);
    metrics_.Measured(pool.log_volumes, request.dims);
    const PoolMoments volumes = MomentsOf(values, mask);
    Spread(pool, RewardValues(request, pool), first, values);
    const PoolMoments rewards = CenterRewards(
        values, mask, absl::MakeSpan(pool_rewards).subspan(first, size));
    entropy_sum += PoolEntropy(request, volumes);
    pooled += static_cast<double>(volumes.count);
    volume_sum += volumes.mean * static_cast<double>(volumes.count);
    volume_deviations += volumes.squared_deviations;
    reward_deviations += rewards.squared_deviations;
    degree_deviations += InDegreeDeviations(pool.graph);
    ScoreAgents(pool, scored);
    scored.floored += pool.floored;
    scored.engine = pool.engine;
    scored.engine_reason = pool.engine_reason;
    if (request.keep_neighbors) {
      scored.pool = std::make_shared<const MeasuredPool>(std::move(pool));
    }
  }
  scored.rewards = NewestEpoch(request, pool_rewards);
  scored.entropy_nats = entropy_sum / static_cast<double>(pools);
  scored.log_volume_mean = volume_sum / pooled;
  scored.log_volume_std = std::sqrt(volume_deviations / pooled);
  scored.reward_std = std::sqrt(reward_deviations / pooled);
  scored.in_degree_std = request.needs_graph()
                             ? std::sqrt(degree_deviations / pooled)
                             : std::numeric_limits<double>::quiet_NaN();
  return absl::OkStatus();
}

absl::StatusOr<std::shared_ptr<const ScoredEpoch>> EntropyEngine::LastEpoch(
    const Uuid& run_uuid) {
  if (auto last = store_.Last(run_uuid); last != nullptr) return last;
  return absl::NotFoundError(
      absl::StrCat("run ", ToHex(run_uuid), ": no epoch of it was scored"));
}

absl::StatusOr<std::shared_ptr<const ScoredEpoch>> EntropyEngine::FindEpoch(
    const Uuid& run_uuid, uint64_t epoch, const Digest& particle_digest) {
  KMYRIAD_ASSIGN_OR_RETURN(auto last, LastEpoch(run_uuid));
  if (last->request.epoch == epoch &&
      last->request.particle_digest == particle_digest) {
    return last;
  }
  return absl::NotFoundError(absl::StrCat(
      "epoch ", epoch, " with particle_digest ", ToHex(particle_digest),
      ": the run's last one is ", last->request.epoch, " with ",
      ToHex(last->request.particle_digest), "; score it again"));
}

EntropyInfo EntropyEngine::Info() const {
  absl::MutexLock lock(&mutex_);
  return info_;
}

}  // namespace kmyriad
