#ifndef KMYRIAD_ENTROPY_SERVICE_INDEX_KNN_INDEX_H_
#define KMYRIAD_ENTROPY_SERVICE_INDEX_KNN_INDEX_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "common/base/thread_pool.h"

namespace kmyriad {

// Limits of every index.
inline constexpr size_t kMaxIndexPoints = size_t{1} << 24;
inline constexpr uint32_t kMaxIndexDims = 32;
// Squared distances of larger coordinates could leave float's range.
inline constexpr float kMaxIndexCoordinate = 1e18f;

// Points to index; the buffers belong to the caller.
struct PointsView {
  // [count, dims] row-major, each finite and at most kMaxIndexCoordinate in
  // magnitude.
  absl::Span<const float> coordinates;
  // [count] strictly ascending, so that the order of rows is that of ids.
  absl::Span<const uint32_t> ids;
  uint32_t dims = 0;
  // [dims], or empty if no dimension is periodic: the period of each
  // dimension, 0 for those that are not. Coordinates of a periodic dimension
  // lie in [0, period].
  absl::Span<const float> periods = {};
  // Ids per trajectory and per agent: id i is step i % horizon of trajectory
  // i / horizon, and of agent i / particles_per_agent. 0: all are of one.
  uint32_t horizon = 0;
  uint32_t particles_per_agent = 0;
};

// A neighbour: its id and squared distance.
struct Neighbor {
  uint32_t id = 0;
  float squared_distance = 0;
  bool operator==(const Neighbor&) const = default;
};

// Among whom neighbours are sought: all points, those of the query's own
// agent, or those of all other agents.
enum class NeighborScope { kAll, kOwnAgent, kOtherAgents };

// What is asked of every point.
struct NeighborQuery {
  // Implicit, since most ask for k neighbours among all.
  NeighborQuery(uint32_t neighbors)  // NOLINT(google-explicit-constructor)
      : k(neighbors) {}

  uint32_t k;
  NeighborScope scope = NeighborScope::kAll;
  // Points of the query's own trajectory at most this many steps away are no
  // neighbours (Theiler, Phys. Rev. A 34, 1986).
  uint32_t theiler_window = 0;
};

// Rows [first, last).
struct RowRange {
  size_t first = 0;
  size_t last = 0;
  size_t size() const { return last - first; }
};

class NeighborCollector;

// Squared k-th distances of some rows, and those without one other agent.
struct KthWithoutAgents {
  struct Loss {
    uint32_t agent = 0;
    float squared_distance = 0;
    bool operator==(const Loss&) const = default;
  };

  std::vector<uint32_t> rows;
  // [rows.size()]
  std::vector<float> squared_distances;
  // Those of rows[i] are losses [offsets[i], offsets[i + 1]).
  std::vector<size_t> offsets = {0};
  std::vector<Loss> losses;
};

// With what a search runs: threads, and a flag that ends it early.
class SearchContext {
 public:
  // `cancelled` may be null; both must outlive the search. Implicit, since
  // most searches just need threads.
  SearchContext(ThreadPool& pool,  // NOLINT(google-explicit-constructor)
                const std::atomic<bool>* cancelled = nullptr)
      : pool_(pool), cancelled_(cancelled) {}

  ThreadPool& pool() const { return pool_; }

  // Calls body(i) for i in [0, count); CANCELLED, with some calls left out,
  // once the flag is set.
  absl::Status ParallelFor(size_t count,
                           const std::function<void(size_t)>& body) const;

 private:
  ThreadPool& pool_;
  const std::atomic<bool>* const cancelled_;
};

// Exact k-nearest-neighbour search of a fixed set of points among themselves.
//
// The squared distance of x and y is the direct form, summed over dimensions
// in order with one fma each: s = fma(e, e, s) in fp32, where e = |x_j - y_j|
// or, in a dimension of period p, min(e, p - e). Neighbours are ordered by
// (squared distance, id); a point is never its own neighbour, while another
// point at the same place is. These rules fix every bit of the answer: it
// depends neither on the engine, nor on the number of threads, nor on the
// instruction set, nor on which rows are asked for together.
//
// Immutable once made; const methods may run concurrently, but only one at a
// time may use a given pool.
class KnnIndex {
 public:
  virtual ~KnnIndex() = default;

  // "grid", "kd_tree" or "brute_force".
  virtual absl::string_view name() const = 0;
  // Points in the index.
  size_t size() const { return ids_.size(); }

  // Squared k-th distances of the points of `rows`: out [rows.size()].
  // INVALID_ARGUMENT for k = 0, OUT_OF_RANGE for rows that do not exist,
  // FAILED_PRECONDITION if a point has fewer than k others in its scope,
  // CANCELLED if the context says so.
  absl::Status KthSquaredDistances(const NeighborQuery& query, RowRange rows,
                                   const SearchContext& context,
                                   absl::Span<float> out) const;
  // Of all points: out [size()].
  absl::Status KthSquaredDistances(const NeighborQuery& query,
                                   const SearchContext& context,
                                   absl::Span<float> out) const {
    return KthSquaredDistances(query, {0, size()}, context, out);
  }

  // The k nearest neighbours of the points at `rows`, nearest first:
  // out [rows.size(), k]. Errors as above.
  absl::Status Search(absl::Span<const uint32_t> rows,
                      const NeighborQuery& query, const SearchContext& context,
                      absl::Span<Neighbor> out) const;

  // The k-th distance of each of `rows`, and what it becomes when any one agent
  // other than the point's own goes: for those agents that have some of the k
  // nearest (without others it stays), in no particular order, and unless fewer
  // than k points are left. Calls visit with the answers to some rows at a
  // time, from threads of the pool, each row once, in no particular order.
  // Scope kAll only (INVALID_ARGUMENT); other errors as above.
  absl::Status SearchWithoutAgents(
      RowRange rows, const NeighborQuery& query, const SearchContext& context,
      const std::function<void(const KthWithoutAgents&)>& visit) const;

 protected:
  // What engines see of a query: the k nearest points that are not of the
  // rows that it excludes, which hold its own and leave at least k.
  class Exclusion {
   public:
    Exclusion(const KnnIndex& index, const NeighborQuery& query)
        : index_(index), query_(query) {}
    RowRange Of(uint32_t row) const;
    // Only the query's own row is excluded, for all queries.
    bool only_self() const {
      return query_.scope == NeighborScope::kAll && query_.theiler_window == 0;
    }

   private:
    const KnnIndex& index_;
    const NeighborQuery query_;
  };

  // One for each task of a search.
  using CollectorFactory = std::function<std::unique_ptr<NeighborCollector>()>;

  // Copies all but the coordinates. `points` is valid.
  explicit KnnIndex(const PointsView& points);

  // FindNearest by way of FindWithin, for engines that override that.
  absl::Status SortNearest(absl::Span<const uint32_t> rows, uint32_t k,
                           const Exclusion& exclusion,
                           const SearchContext& context,
                           absl::Span<Neighbor> out) const;

  const std::vector<uint32_t>& ids() const { return ids_; }
  uint32_t dims() const { return dims_; }
  // [dims], +inf where not periodic; null if no dimension is.
  const float* periods() const {
    return periods_.empty() ? nullptr : periods_.data();
  }

 private:
  // The searches, of requests within the contract.
  virtual absl::Status FindKth(RowRange rows, uint32_t k,
                               const Exclusion& exclusion,
                               const SearchContext& context,
                               absl::Span<float> out) const = 0;
  virtual absl::Status FindNearest(absl::Span<const uint32_t> rows, uint32_t k,
                                   const Exclusion& exclusion,
                                   const SearchContext& context,
                                   absl::Span<Neighbor> out) const = 0;
  // Shows collectors what is near each of `rows`, until they have enough; by
  // ever longer lists of FindNearest, unless an engine knows better.
  virtual absl::Status FindWithin(absl::Span<const uint32_t> rows,
                                  uint32_t count, const Exclusion& exclusion,
                                  const SearchContext& context,
                                  const CollectorFactory& make_collector) const;
  // Writes the coordinates of a point: out [dims].
  virtual void CopyPoint(uint32_t row, float* out) const = 0;
  // An index by the same engine of other points, which are valid.
  virtual std::unique_ptr<KnnIndex> Like(const PointsView& points,
                                         ThreadPool& pool) const = 0;

  // Rows whose ids are in [first, last).
  RowRange RowsOf(uint64_t first, uint64_t last) const;
  RowRange AgentOf(uint32_t row) const;
  absl::Status CheckRows(RowRange rows) const;
  // INVALID_ARGUMENT for k = 0, FAILED_PRECONDITION, naming it, if a row
  // has fewer than k points in its scope.
  absl::Status CheckScope(const NeighborQuery& query,
                          absl::Span<const uint32_t> rows) const;
  // Of an id that exists.
  uint32_t RowOf(uint32_t id) const;
  // An index of the points of `rows` alone.
  std::unique_ptr<KnnIndex> Subset(RowRange rows, ThreadPool& pool) const;

  const uint32_t dims_;
  const uint32_t horizon_;
  const uint32_t particles_per_agent_;
  const std::vector<uint32_t> ids_;
  std::vector<float> periods_;
};

// INVALID_ARGUMENT, naming the first offender, unless `points` is as
// PointsView demands and within the limits.
absl::Status ValidatePoints(const PointsView& points);

}  // namespace kmyriad

#endif  // KMYRIAD_ENTROPY_SERVICE_INDEX_KNN_INDEX_H_
