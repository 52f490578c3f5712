#include "entropy_service/score_request.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "entropy_service/index/index_factory.h"

namespace kmyriad {
namespace {

template <typename Value>
absl::Status Wrong(const char* key, Value value, absl::string_view mend) {
  return absl::InvalidArgumentError(
      absl::StrCat(key, " = ", value, ": ", mend));
}

absl::Status ValidateGrid(const CoverageGrid& grid, uint32_t dims) {
  if (dims < 2) {
    return Wrong("dims", dims, "coverage needs two features; send no grid");
  }
  const uint64_t cells = uint64_t{grid.nx} * grid.ny;
  if (cells == 0 || cells > kMaxCoverageCells) {
    return Wrong("coverage.nx * ny", cells,
                 absl::StrCat("use 1 to ", kMaxCoverageCells, " cells"));
  }
  if (grid.reachable.size() != cells) {
    return Wrong("coverage.reachable", grid.reachable.size(),
                 absl::StrCat("one byte for each of ", cells, " cells"));
  }
  if (!(grid.cell_size > 0) || !std::isfinite(grid.cell_size)) {
    return Wrong("coverage.cell_size", grid.cell_size, "use a positive number");
  }
  if (!std::isfinite(grid.x_min) || !std::isfinite(grid.y_min)) {
    return Wrong("coverage.x_min, y_min",
                 absl::StrCat(grid.x_min, ", ", grid.y_min),
                 "use finite numbers");
  }
  if (std::count(grid.reachable.begin(), grid.reachable.end(), 0) ==
      static_cast<std::ptrdiff_t>(cells)) {
    return Wrong("coverage.reachable", "all zero",
                 "at least one cell must be reachable");
  }
  return absl::OkStatus();
}

absl::Status ValidateAgents(const ScoreRequest& request) {
  if (!request.compares_agents()) return absl::OkStatus();
  if (request.agents < 2) {
    return Wrong("agents", request.agents,
                 "rewards and divergences that compare agents need two");
  }
  if (request.pooling == Pooling::kIndividual) {
    return Wrong("pooling", "individual",
                 "rewards and divergences that compare agents need one pool; "
                 "use POOLING_COLLECTIVE");
  }
  const uint64_t rest = request.particles() - request.particles_per_agent();
  if (request.k >= rest) {
    return Wrong("k", request.k,
                 absl::StrCat("must be below the ", rest,
                              " particles that the other agents have"));
  }
  if (request.least_others() > rest) {
    return Wrong("theiler_window", request.theiler_window,
                 absl::StrCat("leaves fewer than k = ", request.k,
                              " neighbours among the ", rest,
                              " particles that the other agents have"));
  }
  return absl::OkStatus();
}

absl::Status ValidatePeriods(const ScoreRequest& request) {
  if (!request.periods.empty() && request.periods.size() != request.dims) {
    return Wrong("periods", request.periods.size(),
                 absl::StrCat("one number for each of ", request.dims,
                              " features, 0 where not periodic; or none"));
  }
  for (const float period : request.periods) {
    if (!(period >= 0) || !std::isfinite(period)) {
      return Wrong("periods", period, "use positive numbers, or 0");
    }
  }
  return absl::OkStatus();
}

absl::Status ValidateNeighbors(const ScoreRequest& request) {
  if (request.k == 0 || request.k > kMaxNeighbors) {
    return Wrong("k", request.k,
                 absl::StrCat("use 1 to ", kMaxNeighbors, " neighbours"));
  }
  const bool individual = request.pooling == Pooling::kIndividual;
  const uint64_t pool =
      individual ? request.particles_per_agent() : request.particles();
  if (request.k >= pool) {
    return Wrong("k", request.k,
                 absl::StrCat("must be below the ", pool, " particles of ",
                              individual ? "an agent's" : "the", " pool"));
  }
  if (request.needs_graph() && pool * request.k > kMaxGraphEntries) {
    return absl::ResourceExhaustedError(absl::StrCat(
        "k * particles = ", pool * request.k,
        ": this reward, or Evaluate, holds the neighbour lists of the pool, at "
        "most ",
        kMaxGraphEntries, " entries; lower entropy.k"));
  }
  if (request.keep_neighbors && request.window > 1) {
    return Wrong("keep_neighbors", "true",
                 "Evaluate reweights samples of one policy; use window = 1");
  }
  if (request.keep_neighbors && individual) {
    return Wrong("keep_neighbors", "true",
                 "Evaluate works on one pool; use POOLING_COLLECTIVE");
  }
  if (!(request.floor > 0) || !std::isfinite(request.floor)) {
    return Wrong("floor", request.floor, "use a positive number");
  }
  return absl::OkStatus();
}

absl::Status ValidateShard(const ScoreRequest& request) {
  if (request.shard_count > kMaxShards) {
    return Wrong("shard_count", request.shard_count,
                 absl::StrCat("use at most ", kMaxShards, " replicas"));
  }
  if (request.shard_count == 0 && request.shard_index == 0) {
    return absl::OkStatus();
  }
  if (request.shard_index >= request.shard_count) {
    return Wrong("shard_index", request.shard_index,
                 absl::StrCat("must be below the ", request.shard_count,
                              " of shard_count"));
  }
  if (request.takes_distances()) return absl::OkStatus();
  return Wrong("shard_count", request.shard_count,
               "only distances for REWARD_KIND_FORWARD are sharded; send the "
               "request to one replica");
}

}  // namespace

absl::Status CheckScoreEngine(const std::string& engine) {
  return engine.empty() ? absl::OkStatus() : CheckKnnEngine(engine);
}

absl::Status ScoreRequest::Validate() const {
  if (epoch > std::numeric_limits<uint32_t>::max()) {
    return Wrong("epoch", epoch, "epochs are below 2^32");
  }
  if (envs == 0) return Wrong("envs", envs, "use at least one environment");
  if (horizon == 0) return Wrong("horizon", horizon, "use at least one step");
  if (window == 0 || window > kMaxWindow) {
    return Wrong("window", window,
                 absl::StrCat("use 1 to ", kMaxWindow, " epochs"));
  }
  // The product of two 32-bit numbers times the window could overflow.
  if (samples() > kMaxParticles || particles() > kMaxParticles) {
    return absl::ResourceExhaustedError(absl::StrCat(
        "envs * horizon = ", samples(), ", window = ", window,
        ": this service takes at most ", kMaxParticles,
        " particles; lower env.count, env.horizon or entropy.window"));
  }
  if (agents == 0 || agents > envs || envs % agents != 0) {
    return Wrong("agents", agents,
                 absl::StrCat("must divide the ", envs, " environments"));
  }
  if (dims == 0 || dims > kMaxFeatureDims) {
    return Wrong("dims", dims,
                 absl::StrCat("use 1 to ", kMaxFeatureDims, " features"));
  }
  KMYRIAD_RETURN_IF_ERROR(ValidateNeighbors(*this));
  KMYRIAD_RETURN_IF_ERROR(ValidateAgents(*this));
  KMYRIAD_RETURN_IF_ERROR(ValidatePeriods(*this));
  KMYRIAD_RETURN_IF_ERROR(ValidateShard(*this));
  KMYRIAD_RETURN_IF_ERROR(CheckScoreEngine(engine));
  return coverage.has_value() ? ValidateGrid(*coverage, dims)
                              : absl::OkStatus();
}

}  // namespace kmyriad
