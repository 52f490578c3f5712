#ifndef KMYRIAD_ENTROPY_SERVICE_INDEX_KNN_INDEX_H_
#define KMYRIAD_ENTROPY_SERVICE_INDEX_KNN_INDEX_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>

#include "absl/status/status.h"
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
};

// A neighbour: its id and squared distance.
struct Neighbor {
  uint32_t id = 0;
  float squared_distance = 0;
  bool operator==(const Neighbor&) const = default;
};

// With what a search runs: threads, and a flag that ends it early.
class SearchContext {
 public:
  // `cancelled` may be null; both must outlive the search. Implicit, since
  // most searches just need threads.
  SearchContext(ThreadPool& pool,  // NOLINT(google-explicit-constructor)
                const std::atomic<bool>* cancelled = nullptr)
      : pool_(pool), cancelled_(cancelled) {}

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
// in order with one fma each: s = fma(x_j - y_j, x_j - y_j, s) in fp32.
// Neighbours are ordered by (squared distance, id); a point is never its own
// neighbour, while another point at the same place is. These rules fix every
// bit of the answer: it depends neither on the engine, nor on the number of
// threads, nor on the instruction set.
//
// Immutable once made; const methods may run concurrently, but only one at a
// time may use a given pool.
class KnnIndex {
 public:
  virtual ~KnnIndex() = default;

  // "grid", "kd_tree" or "brute_force".
  virtual absl::string_view name() const = 0;
  // Points in the index.
  virtual size_t size() const = 0;

  // Squared distance of every point to its k-th nearest neighbour, by row:
  // out [size()]. INVALID_ARGUMENT for k = 0, FAILED_PRECONDITION unless
  // k < size(), CANCELLED if the context says so.
  virtual absl::Status KthSquaredDistances(uint32_t k,
                                           const SearchContext& context,
                                           absl::Span<float> out) const = 0;

  // The k nearest neighbours of the points at `rows`, nearest first:
  // out [rows.size(), k]. Errors as above; OUT_OF_RANGE for a row that does
  // not exist.
  virtual absl::Status Search(absl::Span<const uint32_t> rows, uint32_t k,
                              const SearchContext& context,
                              absl::Span<Neighbor> out) const = 0;
};

// INVALID_ARGUMENT, naming the first offender, unless `points` is as
// PointsView demands and within the limits.
absl::Status ValidatePoints(const PointsView& points);

// The checks of k, rows and sizes that KnnIndex documents.
absl::Status ValidateKthRequest(size_t size, uint32_t k, size_t out);
absl::Status ValidateSearchRequest(size_t size, absl::Span<const uint32_t> rows,
                                   uint32_t k, size_t out);

}  // namespace kmyriad

#endif  // KMYRIAD_ENTROPY_SERVICE_INDEX_KNN_INDEX_H_
