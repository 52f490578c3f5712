// Every engine at every instruction set against a naive loop: same ids, same
// bits.
#include <algorithm>
#include <bit>
#include <cmath>
#include <memory>
#include <numeric>
#include <string>
#include <tuple>
#include <vector>

#include "common/base/simd_level.h"
#include "common/base/thread_pool.h"
#include "common/math/philox.h"
#include "entropy_service/index/index_factory.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace kmyriad {
namespace {

// A set of points, with ids that have gaps.
struct Points {
  uint32_t dims = 0;
  std::vector<float> coordinates;
  std::vector<uint32_t> ids;

  size_t size() const { return ids.size(); }
  PointsView view() const { return {coordinates, ids, dims}; }
};

float Uniform(uint32_t point, uint32_t dim, uint32_t draw = 0) {
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
std::vector<std::pair<std::string, Points>> DataSets(uint32_t count,
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

float SquaredDistance(const Points& points, size_t a, size_t b) {
  float sum = 0;
  for (size_t j = 0; j < points.dims; ++j) {
    const float difference = points.coordinates[a * points.dims + j] -
                             points.coordinates[b * points.dims + j];
    sum = std::fma(difference, difference, sum);
  }
  return sum;
}

std::vector<Neighbor> NaiveNeighbors(const Points& points, size_t row,
                                     uint32_t k) {
  std::vector<Neighbor> all;
  for (size_t other = 0; other < points.size(); ++other) {
    if (other == row) continue;
    all.push_back({points.ids[other], SquaredDistance(points, row, other)});
  }
  std::sort(all.begin(), all.end(), [](const Neighbor& a, const Neighbor& b) {
    return std::tie(a.squared_distance, a.id) <
           std::tie(b.squared_distance, b.id);
  });
  all.resize(k);
  return all;
}

// Checks neighbours of every `stride`-th row, and all k-th distances, against
// the naive loop.
void ExpectExact(const KnnIndex& index, const Points& points, uint32_t k,
                 uint32_t stride, ThreadPool& pool) {
  std::vector<uint32_t> rows;
  for (uint32_t row = 0; row < points.size(); row += stride) {
    rows.push_back(row);
  }
  std::vector<Neighbor> found(rows.size() * k);
  ASSERT_TRUE(index.Search(rows, k, pool, absl::MakeSpan(found)).ok());
  std::vector<float> kth(points.size());
  ASSERT_TRUE(index.KthSquaredDistances(k, pool, absl::MakeSpan(kth)).ok());
  for (size_t i = 0; i < rows.size(); ++i) {
    const std::vector<Neighbor> expected = NaiveNeighbors(points, rows[i], k);
    const std::vector<Neighbor> actual(found.begin() + i * k,
                                       found.begin() + (i + 1) * k);
    ASSERT_EQ(actual, expected) << "row " << rows[i] << ", k " << k;
    ASSERT_EQ(std::bit_cast<uint32_t>(kth[rows[i]]),
              std::bit_cast<uint32_t>(expected.back().squared_distance))
        << "row " << rows[i] << ", k " << k;
  }
}

std::vector<SimdLevel> SupportedLevels() {
  std::vector<SimdLevel> levels;
  for (const SimdLevel level :
       {SimdLevel::kScalar, SimdLevel::kAvx2, SimdLevel::kAvx512}) {
    if (SupportsSimdLevel(level)) levels.push_back(level);
  }
  return levels;
}

using Parameters = std::tuple<std::string, SimdLevel>;

class KnnConformanceTest : public testing::TestWithParam<Parameters> {
 protected:
  std::unique_ptr<KnnIndex> Index(const Points& points) {
    auto chosen = CreateKnnIndex(std::get<0>(GetParam()), points.view(),
                                 std::get<1>(GetParam()), pool_);
    EXPECT_TRUE(chosen.ok()) << chosen.status();
    return std::move(chosen->index);
  }
  // Neighbours' dimensions that the engine takes.
  std::vector<uint32_t> Dims() const {
    return std::get<0>(GetParam()) == "grid"
               ? std::vector<uint32_t>{1, 2, 3}
               : std::vector<uint32_t>{1, 2, 3, 5, 7};
  }

  ThreadPool pool_{2};
};

TEST_P(KnnConformanceTest, EveryDataSetMatchesTheNaiveLoop) {
  for (const uint32_t dims : Dims()) {
    for (const auto& [name, points] : DataSets(700, dims)) {
      SCOPED_TRACE(testing::Message() << name << ", d = " << dims);
      const auto index = Index(points);
      for (const uint32_t k : {1u, 4u, 64u}) {
        ExpectExact(*index, points, k, 17, pool_);
      }
    }
  }
}

TEST_P(KnnConformanceTest, SmallSetsAndLastNeighborsMatchTheNaiveLoop) {
  for (const uint32_t count : {2u, 15u, 16u, 17u, 31u, 32u, 33u, 100u}) {
    for (const auto& [name, points] : DataSets(count, 2)) {
      SCOPED_TRACE(testing::Message() << name << ", N = " << count);
      ExpectExact(*Index(points), points, count - 1, 3, pool_);
    }
  }
}

TEST_P(KnnConformanceTest, AnswersDoNotDependOnTheNumberOfThreads) {
  const Points points = DataSets(3000, 2)[1].second;
  const auto index = Index(points);
  std::vector<float> expected(points.size());
  ThreadPool single(1);
  ASSERT_TRUE(
      index->KthSquaredDistances(9, single, absl::MakeSpan(expected)).ok());
  for (const int threads : {2, 3, 7}) {
    ThreadPool pool(threads);
    auto rebuilt = CreateKnnIndex(std::get<0>(GetParam()), points.view(),
                                  std::get<1>(GetParam()), pool);
    ASSERT_TRUE(rebuilt.ok());
    std::vector<float> actual(points.size());
    ASSERT_TRUE(
        rebuilt->index->KthSquaredDistances(9, pool, absl::MakeSpan(actual))
            .ok());
    EXPECT_EQ(actual, expected) << threads << " threads";
  }
}

TEST_P(KnnConformanceTest, ManyPointsAtOnePlaceAreSolvedOneByOne) {
  // More coincident points than a candidate list takes.
  const Points points = MakePoints(20000, 2, [](uint32_t i, uint32_t j) {
    return i % 4 == 0 ? Uniform(i, j) : 0.25f;
  });
  ExpectExact(*Index(points), points, 8, 1999, pool_);
}

TEST_P(KnnConformanceTest, RequestsOutsideTheContractAreRefused) {
  const Points points = DataSets(20, 2)[0].second;
  const auto index = Index(points);
  std::vector<float> kth(20);
  std::vector<Neighbor> neighbors(3);
  const auto code = [&](uint32_t k, size_t room) {
    return index->KthSquaredDistances(k, pool_, absl::MakeSpan(kth).first(room))
        .code();
  };
  EXPECT_EQ(code(0, 20), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(code(20, 20), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(code(19, 20), absl::StatusCode::kOk);
  EXPECT_EQ(code(3, 19), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(index->Search({20}, 3, pool_, absl::MakeSpan(neighbors)).code(),
            absl::StatusCode::kOutOfRange);
  EXPECT_EQ(index->Search({1}, 2, pool_, absl::MakeSpan(neighbors)).code(),
            absl::StatusCode::kInvalidArgument);
}

std::string ParameterName(const testing::TestParamInfo<Parameters>& info) {
  return std::get<0>(info.param) + "_" +
         std::string(SimdLevelName(std::get<1>(info.param)));
}

INSTANTIATE_TEST_SUITE_P(EveryEngine, KnnConformanceTest,
                         testing::Combine(testing::Values("grid", "kd_tree",
                                                          "brute_force"),
                                          testing::ValuesIn(SupportedLevels())),
                         ParameterName);

TEST(KnnEnginesTest, GridAndBruteForceAgreeOnEveryBit) {
  ThreadPool pool(2);
  const SimdLevel level = SupportedLevels().back();
  for (const uint32_t dims : {1u, 2u, 3u}) {
    for (const auto& [name, points] : DataSets(2500, dims)) {
      std::vector<float> results[2];
      for (const int engine : {0, 1}) {
        const auto chosen = CreateKnnIndex(engine == 0 ? "grid" : "brute_force",
                                           points.view(), level, pool);
        ASSERT_TRUE(chosen.ok());
        results[engine].resize(points.size());
        ASSERT_TRUE(
            chosen->index
                ->KthSquaredDistances(37, pool, absl::MakeSpan(results[engine]))
                .ok());
      }
      EXPECT_EQ(results[0], results[1]) << name << ", d = " << dims;
    }
  }
}

TEST(KnnEnginesTest, TreeAndBruteForceTakeEveryDimension) {
  ThreadPool pool(2);
  for (const SimdLevel level : SupportedLevels()) {
    for (uint32_t dims = 1; dims <= kMaxIndexDims; ++dims) {
      SCOPED_TRACE(dims);
      const Points points = DataSets(90, dims)[0].second;
      for (const char* engine : {"kd_tree", "brute_force"}) {
        const auto chosen = CreateKnnIndex(engine, points.view(), level, pool);
        ASSERT_TRUE(chosen.ok());
        ExpectExact(*chosen->index, points, 5, 7, pool);
      }
    }
  }
}

}  // namespace
}  // namespace kmyriad
