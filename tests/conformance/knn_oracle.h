#ifndef KMYRIAD_TESTS_CONFORMANCE_KNN_ORACLE_H_
#define KMYRIAD_TESTS_CONFORMANCE_KNN_ORACLE_H_

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "common/math/philox.h"
#include "entropy_service/index/knn_index.h"

// Data sets that are hard for one engine or another, and the naive loop that
// every engine must agree with.

namespace kmyriad {

// A set of points, with ids that have gaps.
struct Points {
  uint32_t dims = 0;
  std::vector<float> coordinates;
  std::vector<uint32_t> ids;
  std::vector<float> periods;
  uint32_t horizon = 0;
  uint32_t particles_per_agent = 0;

  size_t size() const { return ids.size(); }
  PointsView view() const {
    return {coordinates, ids, dims, periods, horizon, particles_per_agent};
  }
  uint32_t AgentOf(uint32_t id) const {
    return particles_per_agent == 0 ? 0 : id / particles_per_agent;
  }
};

inline float Uniform(uint32_t point, uint32_t dim, uint32_t draw = 0) {
  return UniformOpen(
      RunRandom(7, RandomStream::kEvaluation, point, draw, dim, 0).word[0]);
}

// Fills `count` points by coordinate(point, dim).
template <typename Coordinate>
Points MakePoints(uint32_t count, uint32_t dims, Coordinate coordinate) {
  Points points;
  points.dims = dims;
  for (uint32_t i = 0; i < count; ++i) {
    for (uint32_t j = 0; j < dims; ++j) {
      points.coordinates.push_back(coordinate(i, j));
    }
    points.ids.push_back(3 * i + 5);
  }
  return points;
}

// The data sets that are hard for one engine or another.
inline std::vector<std::pair<std::string, Points>> DataSets(uint32_t count,
                                                            uint32_t dims) {
  std::vector<std::pair<std::string, Points>> sets;
  const auto add = [&](const char* name, auto coordinate) {
    sets.emplace_back(name, MakePoints(count, dims, coordinate));
  };
  add("uniform", [](uint32_t i, uint32_t j) { return Uniform(i, j); });
  add("clustered", [](uint32_t i, uint32_t j) {
    return Uniform(i % 11, j, 1) * 100 + 1e-3f * Uniform(i, j);
  });
  add("skewed towards the start", [](uint32_t i, uint32_t j) {
    return std::pow(Uniform(i, 0, 1), 20.0f) * 10 * (Uniform(i, j) - 0.5f);
  });
  add("collinear, tilted", [](uint32_t i, uint32_t j) {
    return Uniform(i, 0) * static_cast<float>(j + 1);
  });
  add("collinear, along one axis", [dims](uint32_t i, uint32_t j) {
    return j + 1 == dims ? Uniform(i, j) * 50 : 2.0f;
  });
  add("all at one place", [](uint32_t, uint32_t) { return -3.25f; });
  add("half at one place",
      [](uint32_t i, uint32_t j) { return i % 2 == 0 ? 0.5f : Uniform(i, j); });
  add("integer lattice",
      [](uint32_t i, uint32_t j) { return std::floor(Uniform(i, j) * 6); });
  add("huge coordinates",
      [](uint32_t i, uint32_t j) { return (Uniform(i, j) - 0.5f) * 1.9e18f; });
  add("far from the origin",
      [](uint32_t i, uint32_t j) { return 1e6f + Uniform(i, j) * 30; });
  add("squares that underflow",
      [](uint32_t i, uint32_t j) { return Uniform(i, j) * 3e-23f; });
  add("one outlier",
      [](uint32_t i, uint32_t j) { return i == 17 ? 1e6f : Uniform(i, j); });
  add("two far clusters", [](uint32_t i, uint32_t j) {
    return (i % 2 == 0 ? -1e4f : 1e4f) + Uniform(i, j);
  });
  Points walk;
  add("random walks", [&walk, dims](uint32_t i, uint32_t j) {
    walk.coordinates.resize((i + 1) * dims);
    const float before =
        i % 100 == 0 ? 0 : walk.coordinates[(i - 1) * dims + j];
    return walk.coordinates[i * dims + j] =
               before + 0.1f * (Uniform(i, j) - 0.5f);
  });
  return sets;
}

inline float SquaredDistance(const Points& points, size_t a, size_t b) {
  float sum = 0;
  for (size_t j = 0; j < points.dims; ++j) {
    float difference = points.coordinates[a * points.dims + j] -
                       points.coordinates[b * points.dims + j];
    if (!points.periods.empty() && points.periods[j] > 0) {
      difference = std::fabs(difference);
      difference = std::min(difference, points.periods[j] - difference);
    }
    sum = std::fma(difference, difference, sum);
  }
  return sum;
}

// Whether the rules of NeighborQuery let `other` be a neighbour of `self`.
inline bool MayBeNeighbor(const Points& points, const NeighborQuery& query,
                          uint32_t self, uint32_t other) {
  if (self == other) return false;
  const bool same_agent = points.AgentOf(self) == points.AgentOf(other);
  if (query.scope == NeighborScope::kOwnAgent && !same_agent) return false;
  if (query.scope == NeighborScope::kOtherAgents && same_agent) return false;
  const bool same_trajectory =
      points.horizon == 0 || self / points.horizon == other / points.horizon;
  const uint32_t steps = self > other ? self - other : other - self;
  return !same_trajectory || steps > query.theiler_window;
}

// The first `count` of all that may be neighbours of a row, nearest first.
inline std::vector<Neighbor> NaiveNeighbors(const Points& points, size_t row,
                                            const NeighborQuery& query,
                                            size_t count = 1000000) {
  std::vector<Neighbor> all;
  for (size_t other = 0; other < points.size(); ++other) {
    if (!MayBeNeighbor(points, query, points.ids[row], points.ids[other])) {
      continue;
    }
    all.push_back({points.ids[other], SquaredDistance(points, row, other)});
  }
  const size_t sorted = std::min<size_t>(all.size(), count);
  std::partial_sort(all.begin(),
                    all.begin() + static_cast<std::ptrdiff_t>(sorted),
                    all.end(), [](const Neighbor& a, const Neighbor& b) {
                      return std::tie(a.squared_distance, a.id) <
                             std::tie(b.squared_distance, b.id);
                    });
  all.resize(sorted);
  return all;
}

// The k-th distance of a row, and what it becomes without each other agent that
// has some of the k nearest, by agent.
struct NaiveKth {
  float squared_distance = 0;
  std::map<uint32_t, float> without;
  bool operator==(const NaiveKth&) const = default;
};

inline NaiveKth NaiveKthWithoutAgents(const Points& points, size_t row,
                                      const NeighborQuery& query) {
  const std::vector<Neighbor> all = NaiveNeighbors(points, row, query);
  NaiveKth kth;
  kth.squared_distance = all[query.k - 1].squared_distance;
  for (uint32_t i = 0; i < query.k; ++i) {
    const uint32_t agent = points.AgentOf(all[i].id);
    if (agent == points.AgentOf(points.ids[row])) continue;
    uint32_t left = 0;
    for (const Neighbor& neighbor : all) {
      if (points.AgentOf(neighbor.id) == agent || ++left < query.k) continue;
      kth.without[agent] = neighbor.squared_distance;
      break;
    }
  }
  return kth;
}

// A search: the k nearest of each row, one after the other.
using SearchFunction = std::function<std::vector<Neighbor>(
    const std::vector<uint32_t>& rows, const NeighborQuery& query)>;

// The first row of every `stride` whose neighbours, or their bits, differ from
// the naive loop's; -1 if there is none.
inline int64_t FirstDifference(const Points& points, const NeighborQuery& query,
                               uint32_t stride, const SearchFunction& search) {
  std::vector<uint32_t> rows;
  for (uint32_t row = 0; row < points.size(); row += stride) {
    rows.push_back(row);
  }
  const std::vector<Neighbor> found = search(rows, query);
  for (size_t i = 0; i < rows.size(); ++i) {
    const std::vector<Neighbor> expected =
        NaiveNeighbors(points, rows[i], query, query.k);
    if (!std::equal(expected.begin(), expected.end(),
                    found.begin() + static_cast<std::ptrdiff_t>(i * query.k))) {
      return rows[i];
    }
  }
  return -1;
}

}  // namespace kmyriad

#endif  // KMYRIAD_TESTS_CONFORMANCE_KNN_ORACLE_H_
