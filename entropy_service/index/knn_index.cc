#include "entropy_service/index/knn_index.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "entropy_service/index/neighbor_collector.h"
#include "entropy_service/index/top_k.h"

namespace kmyriad {
namespace {

absl::Status ValidatePeriods(const PointsView& points) {
  if (points.periods.empty()) return absl::OkStatus();
  if (points.periods.size() != points.dims) {
    return absl::InvalidArgumentError(absl::StrCat(
        "periods = ", points.periods.size(), " numbers: ", points.dims,
        " features need one each, or none"));
  }
  for (const float period : points.periods) {
    if (!(period >= 0 && period <= kMaxIndexCoordinate)) {
      return absl::InvalidArgumentError(absl::StrCat(
          "period = ", period, ": use a positive number up to ",
          kMaxIndexCoordinate, ", or 0 for a feature without a period"));
    }
  }
  for (size_t i = 0; i < points.coordinates.size(); ++i) {
    const float period = points.periods[i % points.dims];
    const float value = points.coordinates[i];
    if (period > 0 && !(value >= 0 && value <= period)) {
      return absl::InvalidArgumentError(absl::StrCat(
          "feature ", i % points.dims, " of point ",
          points.ids[i / points.dims], " = ", value, ": its period is ", period,
          "; wrap it to [0, ", period, "]"));
    }
  }
  return absl::OkStatus();
}

// Neighbours that lists of different lengths may hold together on the way (one
// list may be longer), and rows that one task collects.
constexpr size_t kChunkNeighbors = size_t{1} << 22;
constexpr size_t kTaskRows = 512;

}  // namespace

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

KnnIndex::KnnIndex(const PointsView& points)
    : dims_(points.dims),
      horizon_(points.horizon),
      particles_per_agent_(points.particles_per_agent),
      ids_(points.ids.begin(), points.ids.end()) {
  const bool periodic =
      std::any_of(points.periods.begin(), points.periods.end(),
                  [](float period) { return period > 0; });
  if (!periodic) return;
  for (const float period : points.periods) {
    periods_.push_back(period > 0 ? period
                                  : std::numeric_limits<float>::infinity());
  }
}

RowRange KnnIndex::RowsOf(uint64_t first, uint64_t last) const {
  // Without gaps there is nothing to search for.
  if (const uint64_t front = ids_.front(); ids_.back() - front + 1 == size()) {
    const auto row_of = [&](uint64_t id) {
      return std::clamp<uint64_t>(id, front, front + size()) - front;
    };
    return {row_of(first), row_of(last)};
  }
  const auto begin = std::lower_bound(ids_.begin(), ids_.end(), first);
  const auto end = std::lower_bound(begin, ids_.end(), last);
  return {static_cast<size_t>(begin - ids_.begin()),
          static_cast<size_t>(end - ids_.begin())};
}

RowRange KnnIndex::AgentOf(uint32_t row) const {
  if (particles_per_agent_ == 0) return {0, size()};
  const uint64_t first =
      ids_[row] / particles_per_agent_ * uint64_t{particles_per_agent_};
  return RowsOf(first, first + particles_per_agent_);
}

RowRange KnnIndex::Exclusion::Of(uint32_t row) const {
  if (only_self()) return {row, row + size_t{1}};
  if (query_.scope == NeighborScope::kOtherAgents) return index_.AgentOf(row);
  const uint64_t id = index_.ids_[row];
  const uint64_t window = query_.theiler_window;
  uint64_t first = id - std::min(id, window);
  uint64_t last = id + window + 1;
  if (const uint64_t horizon = index_.horizon_; horizon > 0) {
    const uint64_t begin = id / horizon * horizon;
    first = std::max(first, begin);
    last = std::min(last, begin + horizon);
  }
  return index_.RowsOf(first, last);
}

absl::Status KnnIndex::CheckRows(RowRange rows) const {
  if (rows.first <= rows.last && rows.last <= size()) return absl::OkStatus();
  return absl::OutOfRangeError(absl::StrCat("rows [", rows.first, ", ",
                                            rows.last, "): the index has ",
                                            size(), " points"));
}

absl::Status KnnIndex::CheckScope(const NeighborQuery& query,
                                  absl::Span<const uint32_t> rows) const {
  if (query.k == 0) {
    return absl::InvalidArgumentError("k = 0: use at least one neighbour");
  }
  const Exclusion exclusion(*this, query);
  // Wide windows and scopes are checked row by row, the common case once.
  const bool each =
      query.scope == NeighborScope::kOtherAgents ||
      (query.theiler_window > 0 &&
       size() <= uint64_t{query.k} + 2 * uint64_t{query.theiler_window} + 1);
  for (const uint32_t row : each ? rows : rows.first(rows.empty() ? 0 : 1)) {
    const RowRange excluded = exclusion.Of(row);
    if (size() - excluded.size() < query.k) {
      return absl::FailedPreconditionError(absl::StrCat(
          "k = ", query.k, ": ", size(), " points, of which particle ",
          ids_[row], " leaves out ", excluded.size(),
          ", have fewer other points than that; lower k"));
    }
  }
  return absl::OkStatus();
}

std::unique_ptr<KnnIndex> KnnIndex::Subset(RowRange rows,
                                           ThreadPool& pool) const {
  std::vector<float> coordinates(rows.size() * dims_);
  for (size_t i = 0; i < rows.size(); ++i) {
    CopyPoint(static_cast<uint32_t>(rows.first + i), &coordinates[i * dims_]);
  }
  std::vector<float> periods = periods_;
  for (float& period : periods) {
    if (std::isinf(period)) period = 0;
  }
  return Like(
      {coordinates, absl::MakeSpan(ids_).subspan(rows.first, rows.size()),
       dims_, periods, horizon_, particles_per_agent_},
      pool);
}

absl::Status KnnIndex::KthSquaredDistances(const NeighborQuery& query,
                                           RowRange rows,
                                           const SearchContext& context,
                                           absl::Span<float> out) const {
  KMYRIAD_RETURN_IF_ERROR(CheckRows(rows));
  if (out.size() != rows.size()) {
    return absl::InvalidArgumentError(absl::StrCat("room for ", out.size(),
                                                   " results, but there are ",
                                                   rows.size(), " points"));
  }
  if (query.scope == NeighborScope::kOwnAgent) {
    NeighborQuery own = query;
    own.scope = NeighborScope::kAll;
    for (size_t first = rows.first; first < rows.last;) {
      const RowRange agent = AgentOf(static_cast<uint32_t>(first));
      const size_t last = std::min(rows.last, agent.last);
      KMYRIAD_RETURN_IF_ERROR(
          Subset(agent, context.pool())
              ->KthSquaredDistances(
                  own, {first - agent.first, last - agent.first}, context,
                  out.subspan(first - rows.first, last - first)));
      first = last;
    }
    return absl::OkStatus();
  }
  std::vector<uint32_t> all(rows.size());
  std::iota(all.begin(), all.end(), static_cast<uint32_t>(rows.first));
  KMYRIAD_RETURN_IF_ERROR(CheckScope(query, all));
  if (rows.size() == 0) return absl::OkStatus();
  return FindKth(rows, query.k, Exclusion(*this, query), context, out);
}

absl::Status KnnIndex::Search(absl::Span<const uint32_t> rows,
                              const NeighborQuery& query,
                              const SearchContext& context,
                              absl::Span<Neighbor> out) const {
  for (const uint32_t row : rows) {
    if (row >= size()) {
      return absl::OutOfRangeError(
          absl::StrCat("row ", row, ": the index has ", size(), " points"));
    }
  }
  if (out.size() != rows.size() * query.k) {
    return absl::InvalidArgumentError(
        absl::StrCat("room for ", out.size(), " neighbours, but ", rows.size(),
                     " rows of ", query.k, " were asked for"));
  }
  if (query.scope == NeighborScope::kOwnAgent) {
    NeighborQuery own = query;
    own.scope = NeighborScope::kAll;
    // Runs of one agent share an index.
    for (size_t first = 0; first < rows.size();) {
      const RowRange agent = AgentOf(rows[first]);
      size_t last = first;
      std::vector<uint32_t> local;
      for (; last < rows.size() && rows[last] >= agent.first &&
             rows[last] < agent.last;
           ++last) {
        local.push_back(rows[last] - static_cast<uint32_t>(agent.first));
      }
      KMYRIAD_RETURN_IF_ERROR(
          Subset(agent, context.pool())
              ->Search(local, own, context,
                       out.subspan(first * own.k, local.size() * own.k)));
      first = last;
    }
    return absl::OkStatus();
  }
  KMYRIAD_RETURN_IF_ERROR(CheckScope(query, rows));
  if (rows.empty()) return absl::OkStatus();
  return FindNearest(rows, query.k, Exclusion(*this, query), context, out);
}

absl::Status KnnIndex::SortNearest(absl::Span<const uint32_t> rows, uint32_t k,
                                   const Exclusion& exclusion,
                                   const SearchContext& context,
                                   absl::Span<Neighbor> out) const {
  return FindWithin(rows, k, exclusion, context, [this, k, out] {
    return std::make_unique<NearestCollector>(k, ids_, out);
  });
}

uint32_t KnnIndex::RowOf(uint32_t id) const {
  return static_cast<uint32_t>(std::lower_bound(ids_.begin(), ids_.end(), id) -
                               ids_.begin());
}

absl::Status KnnIndex::FindWithin(
    absl::Span<const uint32_t> rows, uint32_t count, const Exclusion& exclusion,
    const SearchContext& context,
    const CollectorFactory& make_collector) const {
  std::vector<uint32_t> pending(rows.size());
  std::iota(pending.begin(), pending.end(), 0u);
  std::vector<uint8_t> taken(rows.size());
  for (uint64_t length = count + count / 4 + 8; !pending.empty(); length *= 2) {
    const size_t step = std::max<size_t>(1, kChunkNeighbors / length);
    for (size_t first = 0; first < pending.size(); first += step) {
      const auto some = absl::MakeSpan(pending).subspan(first, step);
      std::vector<uint32_t> asked(some.size());
      uint64_t available = length;
      for (size_t i = 0; i < some.size(); ++i) {
        asked[i] = rows[some[i]];
        available = std::min<uint64_t>(available,
                                       size() - exclusion.Of(asked[i]).size());
      }
      const auto k = static_cast<uint32_t>(available);
      std::vector<Neighbor> nearest(some.size() * k);
      KMYRIAD_RETURN_IF_ERROR(
          FindNearest(asked, k, exclusion, context, absl::MakeSpan(nearest)));
      const size_t tasks = (some.size() + kTaskRows - 1) / kTaskRows;
      KMYRIAD_RETURN_IF_ERROR(context.ParallelFor(tasks, [&](size_t task) {
        const std::unique_ptr<NeighborCollector> collector = make_collector();
        std::vector<uint64_t> keys(k);
        const size_t end = std::min(some.size(), (task + 1) * kTaskRows);
        for (size_t i = task * kTaskRows; i < end; ++i) {
          for (size_t j = 0; j < k; ++j) {
            const Neighbor& neighbor = nearest[i * k + j];
            keys[j] =
                NeighborKey(neighbor.squared_distance, RowOf(neighbor.id));
          }
          const bool all = size() - exclusion.Of(asked[i]).size() == k;
          taken[some[i]] =
              collector->Take(some[i], absl::MakeSpan(keys), all) ? 1 : 0;
        }
        collector->Finish();
      }));
    }
    pending.erase(
        std::remove_if(pending.begin(), pending.end(),
                       [&taken](uint32_t index) { return taken[index] != 0; }),
        pending.end());
  }
  return absl::OkStatus();
}

absl::Status KnnIndex::SearchWithoutAgents(
    RowRange rows, const NeighborQuery& query, const SearchContext& context,
    const std::function<void(const KthWithoutAgents&)>& visit) const {
  if (query.scope != NeighborScope::kAll) {
    return absl::InvalidArgumentError(
        "agents are left out of a search among all: use scope kAll");
  }
  KMYRIAD_RETURN_IF_ERROR(CheckRows(rows));
  std::vector<uint32_t> all(rows.size());
  std::iota(all.begin(), all.end(), static_cast<uint32_t>(rows.first));
  KMYRIAD_RETURN_IF_ERROR(CheckScope(query, all));
  if (all.empty()) return absl::OkStatus();
  return FindWithin(all, query.k, Exclusion(*this, query), context, [&] {
    return std::make_unique<WithoutAgentsCollector>(
        query.k, all, ids_, particles_per_agent_, visit);
  });
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
  return ValidatePeriods(points);
}

}  // namespace kmyriad
