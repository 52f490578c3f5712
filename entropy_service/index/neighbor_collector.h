#ifndef KMYRIAD_ENTROPY_SERVICE_INDEX_NEIGHBOR_COLLECTOR_H_
#define KMYRIAD_ENTROPY_SERVICE_INDEX_NEIGHBOR_COLLECTOR_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <vector>

#include "absl/types/span.h"
#include "entropy_service/index/knn_index.h"

namespace kmyriad {

// Takes what a search finds, one query after the other. Each task of a search
// has one of its own.
class NeighborCollector {
 public:
  virtual ~NeighborCollector() = default;

  // Of the query at rows[index], the keys (top_k.h) of all neighbours within
  // some distance: those `count` nearest that the search is for, the farthest
  // of them last, else in any order, then the others in any order; it may
  // reorder them. False: it needs more of them. That cannot be if these are
  // `all` that there are.
  virtual bool Take(size_t index, absl::Span<uint64_t> keys, bool all) = 0;
  // How many behind the `count` nearest it is likely to need.
  virtual double later_expected() const { return 0; }
  // After the last query.
  virtual void Finish() {}
};

// Keeps the squared k-th distance: out [rows].
class KthCollector final : public NeighborCollector {
 public:
  KthCollector(uint32_t k, absl::Span<float> out) : k_(k), out_(out) {}

  bool Take(size_t index, absl::Span<uint64_t> keys, bool all) override;

 private:
  const uint32_t k_;
  const absl::Span<float> out_;
};

// Keeps the k nearest, nearest first: out [rows, k]; `ids` by row.
class NearestCollector final : public NeighborCollector {
 public:
  NearestCollector(uint32_t k, const std::vector<uint32_t>& ids,
                   absl::Span<Neighbor> out)
      : k_(k), ids_(ids), out_(out) {}

  bool Take(size_t index, absl::Span<uint64_t> keys, bool all) override;

 private:
  const uint32_t k_;
  const std::vector<uint32_t>& ids_;
  const absl::Span<Neighbor> out_;
};

// Makes the answers of KnnIndex::SearchWithoutAgents, and hands them to
// `visit`.
class WithoutAgentsCollector final : public NeighborCollector {
 public:
  // `rows` are those of the search, `ids` those of all rows, at least one;
  // particles_per_agent as in PointsView. The arguments must outlive it.
  WithoutAgentsCollector(
      uint32_t k, absl::Span<const uint32_t> rows,
      const std::vector<uint32_t>& ids, uint32_t particles_per_agent,
      const std::function<void(const KthWithoutAgents&)>& visit);

  bool Take(size_t index, absl::Span<uint64_t> keys, bool all) override;
  double later_expected() const override { return 4 + 2 * later_mean_; }
  void Finish() override;

 private:
  uint32_t AgentOf(uint32_t row) const {
    return particles_per_agent_ == 0 ? 0 : ids_[row] / particles_per_agent_;
  }
  // Counts the agents of `nearest` other than `own`.
  void CountOthers(absl::Span<const uint64_t> nearest, uint32_t own);
  // Sorts one more of `later`, the keys behind the k nearest, or all the rest.
  void SortLater(absl::Span<uint64_t> later);
  // Which of `later` becomes the k-th without an agent that has some of the k
  // nearest; later.size() if none does. Sorts as many as it must.
  size_t ReplacementWithout(uint32_t agent, absl::Span<uint64_t> later);

  const uint32_t k_;
  const absl::Span<const uint32_t> rows_;
  const std::vector<uint32_t>& ids_;
  const uint32_t particles_per_agent_;
  const std::function<void(const KthWithoutAgents&)>& visit_;
  KthWithoutAgents found_;
  // Of the last queries, how many behind the k-th they needed.
  double later_mean_ = 2;
  // Of the query at hand: other agents among the k nearest, and how many of
  // these each has, [agents], 0 between queries; with kIsLater.
  std::vector<uint32_t> others_;
  std::vector<uint32_t> counts_;
  // Agents of the later ones, as many as are sorted.
  std::vector<uint32_t> later_agents_;
};

}  // namespace kmyriad

#endif  // KMYRIAD_ENTROPY_SERVICE_INDEX_NEIGHBOR_COLLECTOR_H_
