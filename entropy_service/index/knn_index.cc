#include "entropy_service/index/knn_index.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"

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

// Rows whose robust lists are made at the same time, and neighbours that they
// may hold together on the way (one list may be longer).
constexpr size_t kRobustRows = size_t{1} << 14;
constexpr size_t kRobustNeighbors = size_t{1} << 22;

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

size_t KnnIndex::RobustLength(absl::Span<const Neighbor> nearest, uint32_t row,
                              uint32_t k) const {
  const auto agent_of = [this](uint32_t id) {
    return particles_per_agent_ == 0 ? 0 : id / particles_per_agent_;
  };
  const uint32_t own = agent_of(ids_[row]);
  // The others among the first k, and their entries so far: without any later
  // one the first k are still there.
  std::vector<std::pair<uint32_t, size_t>> others;
  for (size_t length = 1; length <= nearest.size(); ++length) {
    const uint32_t agent = agent_of(nearest[length - 1].id);
    const auto known = std::find_if(
        others.begin(), others.end(),
        [agent](const auto& other) { return other.first == agent; });
    if (known != others.end()) {
      ++known->second;
    } else if (length <= k && agent != own) {
      others.emplace_back(agent, 1);
    }
    if (length < k) continue;
    const bool outlasts = std::all_of(
        others.begin(), others.end(),
        [&](const auto& other) { return length - other.second >= k; });
    if (outlasts) return length;
  }
  return 0;
}

absl::Status KnnIndex::AppendRobust(RowRange rows, const NeighborQuery& query,
                                    const SearchContext& context,
                                    NeighborLists& lists) const {
  std::vector<std::vector<Neighbor>> found(rows.size());
  std::vector<uint32_t> pending(rows.size());
  std::iota(pending.begin(), pending.end(), static_cast<uint32_t>(rows.first));
  const Exclusion exclusion(*this, query);
  // Few lists are longer than twice k; those are sought anew, ever longer.
  for (uint64_t length = 2 * uint64_t{query.k}; !pending.empty(); length *= 2) {
    std::vector<uint32_t> longer;
    const size_t step = std::max<size_t>(1, kRobustNeighbors / length);
    for (size_t first = 0; first < pending.size(); first += step) {
      const auto some = absl::MakeSpan(pending).subspan(first, step);
      uint64_t available = length;
      for (const uint32_t row : some) {
        available =
            std::min<uint64_t>(available, size() - exclusion.Of(row).size());
      }
      const auto count = static_cast<uint32_t>(available);
      std::vector<Neighbor> nearest(some.size() * count);
      KMYRIAD_RETURN_IF_ERROR(FindNearest(some, count, exclusion, context,
                                          absl::MakeSpan(nearest)));
      for (size_t i = 0; i < some.size(); ++i) {
        auto list = absl::MakeSpan(nearest).subspan(i * count, count);
        size_t needed = RobustLength(list, some[i], query.k);
        if (needed == 0 && size() - exclusion.Of(some[i]).size() == count) {
          needed = count;
        }
        if (needed == 0) {
          longer.push_back(some[i]);
        } else {
          found[some[i] - rows.first].assign(
              list.begin(), list.begin() + static_cast<std::ptrdiff_t>(needed));
        }
      }
    }
    pending = std::move(longer);
  }
  for (const std::vector<Neighbor>& list : found) {
    lists.neighbors.insert(lists.neighbors.end(), list.begin(), list.end());
    lists.offsets.push_back(lists.neighbors.size());
  }
  return absl::OkStatus();
}

absl::StatusOr<NeighborLists> KnnIndex::SearchRobust(
    RowRange rows, const NeighborQuery& query,
    const SearchContext& context) const {
  if (query.scope != NeighborScope::kAll) {
    return absl::InvalidArgumentError(
        "a robust list is sought among all agents: use scope kAll");
  }
  KMYRIAD_RETURN_IF_ERROR(CheckRows(rows));
  std::vector<uint32_t> all(rows.size());
  std::iota(all.begin(), all.end(), static_cast<uint32_t>(rows.first));
  KMYRIAD_RETURN_IF_ERROR(CheckScope(query, all));
  NeighborLists lists;
  lists.offsets.push_back(0);
  for (size_t first = rows.first; first < rows.last; first += kRobustRows) {
    KMYRIAD_RETURN_IF_ERROR(
        AppendRobust({first, std::min(rows.last, first + kRobustRows)}, query,
                     context, lists));
  }
  return lists;
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
