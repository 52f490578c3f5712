#ifndef KMYRIAD_TESTS_ENTROPY_SERVICE_ESTIMATOR_GRAPH_OF_H_
#define KMYRIAD_TESTS_ENTROPY_SERVICE_ESTIMATOR_GRAPH_OF_H_

#include <numeric>
#include <vector>

#include "entropy_service/estimator/knn_entropy_estimator.h"
#include "entropy_service/estimator/neighbor_graph.h"
#include "entropy_service/index/index_factory.h"
#include "gtest/gtest.h"

namespace kmyriad {

// A measured set of points, whose ids are their rows.
struct TestGraph {
  NeighborGraph graph;
  std::vector<double> log_volumes;
  std::vector<double> mean_distances;
};

// Of points [count, dims], with `periods` [dims] or none.
inline TestGraph GraphOf(const std::vector<float>& points, uint32_t dims,
                         uint32_t k, float floor = 1e-9f,
                         const std::vector<float>& periods = {}) {
  const size_t count = points.size() / dims;
  std::vector<uint32_t> ids(count);
  std::iota(ids.begin(), ids.end(), 0u);
  ThreadPool pool(2);
  PointsView view{points, ids, dims};
  view.periods = periods;
  const auto chosen = CreateKnnIndex("auto", view, *ChooseSimdLevel(), pool);
  EXPECT_TRUE(chosen.ok()) << chosen.status();
  std::vector<Neighbor> neighbors(count * k);
  EXPECT_TRUE(
      chosen->index->Search(ids, k, pool, absl::MakeSpan(neighbors)).ok());
  TestGraph result;
  result.graph.k = k;
  std::vector<float> squared(count);
  for (size_t i = 0; i < count; ++i) {
    double sum = 0;
    for (uint32_t j = 0; j < k; ++j) {
      const Neighbor& neighbor = neighbors[i * k + j];
      result.graph.neighbors.push_back(neighbor.id);
      sum += std::sqrt(double{neighbor.squared_distance});
    }
    squared[i] = neighbors[i * k + k - 1].squared_distance;
    result.mean_distances.push_back(sum / k);
  }
  result.log_volumes.resize(count);
  LogVolumes(squared, dims, floor, absl::MakeSpan(result.log_volumes));
  return result;
}

}  // namespace kmyriad

#endif  // KMYRIAD_TESTS_ENTROPY_SERVICE_ESTIMATOR_GRAPH_OF_H_
