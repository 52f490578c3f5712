#ifndef KMYRIAD_ENTROPY_SERVICE_ESTIMATOR_NEIGHBOR_GRAPH_H_
#define KMYRIAD_ENTROPY_SERVICE_ESTIMATOR_NEIGHBOR_GRAPH_H_

#include <cstddef>
#include <cstdint>
#include <vector>

namespace kmyriad {

// The k nearest neighbours of every particle of a pool, by row in the pool.
struct NeighborGraph {
  uint32_t k = 0;
  // [size(), k], nearest first, never the row itself.
  std::vector<uint32_t> neighbors;

  size_t size() const { return k == 0 ? 0 : neighbors.size() / k; }
};

// Which particles make the mass W_i around particle i; both have k members.
enum class NeighborSet {
  // i itself and its k - 1 nearest: MEPOL's code. The k-th lies on the surface
  // of the ball and is left out.
  kSelfAndNearest,
  // The k nearest others: MEPOL's paper.
  kNearest,
};

// Calls visit(j) for the members of row i's set, nearest first.
template <typename Visit>
void ForEachMember(const NeighborGraph& graph, NeighborSet set, size_t row,
                   const Visit& visit) {
  const bool self = set == NeighborSet::kSelfAndNearest;
  if (self) visit(row);
  const uint32_t* const own = graph.neighbors.data() + row * graph.k;
  for (uint32_t j = 0; j < graph.k - (self ? 1 : 0); ++j) visit(own[j]);
}

}  // namespace kmyriad

#endif  // KMYRIAD_ENTROPY_SERVICE_ESTIMATOR_NEIGHBOR_GRAPH_H_
