// Every engine at every instruction set against a naive loop: same ids, same
// bits. With KMYRIAD_ON_GPU those of the GPU alone; exits with 77 without one.
#include <algorithm>
#include <bit>
#include <cmath>
#include <functional>
#include <map>
#include <memory>
#include <numeric>
#include <string>
#include <tuple>
#include <vector>

#include "absl/synchronization/mutex.h"
#include "common/base/simd_level.h"
#include "common/base/thread_pool.h"
#include "common/math/philox.h"
#include "entropy_service/index/cuda/device_index.h"
#include "entropy_service/index/index_factory.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/conformance/knn_oracle.h"

namespace kmyriad {
namespace {

SearchFunction SearchOf(const KnnIndex& index, ThreadPool& pool) {
  return [&](const std::vector<uint32_t>& rows, const NeighborQuery& query) {
    std::vector<Neighbor> found(rows.size() * query.k);
    const absl::Status status =
        index.Search(rows, query, pool, absl::MakeSpan(found));
    EXPECT_TRUE(status.ok()) << status;
    return found;
  };
}

// Checks neighbours of every `stride`-th row, and all k-th distances, against
// the naive loop.
void ExpectExact(const KnnIndex& index, const Points& points,
                 const NeighborQuery& query, uint32_t stride,
                 ThreadPool& pool) {
  SCOPED_TRACE(testing::Message()
               << "k " << query.k << ", scope " << static_cast<int>(query.scope)
               << ", window " << query.theiler_window);
  ASSERT_EQ(FirstDifference(points, query, stride, SearchOf(index, pool)), -1);
  std::vector<float> kth(points.size());
  ASSERT_TRUE(index.KthSquaredDistances(query, pool, absl::MakeSpan(kth)).ok());
  for (size_t row = 0; row < points.size(); row += stride) {
    const float expected =
        NaiveNeighbors(points, row, query, query.k).back().squared_distance;
    ASSERT_EQ(std::bit_cast<uint32_t>(kth[row]),
              std::bit_cast<uint32_t>(expected))
        << "row " << row;
  }
}

// What SearchWithoutAgents says of each of `rows`.
std::map<uint32_t, NaiveKth> KthOf(const KnnIndex& index, RowRange rows,
                                   const NeighborQuery& query,
                                   ThreadPool& pool) {
  std::map<uint32_t, NaiveKth> found;
  absl::Mutex mutex;
  const absl::Status status = index.SearchWithoutAgents(
      rows, query, pool, [&](const KthWithoutAgents& kth) {
        absl::MutexLock lock(&mutex);
        for (size_t i = 0; i < kth.rows.size(); ++i) {
          NaiveKth answer;
          answer.squared_distance = kth.squared_distances[i];
          for (size_t j = kth.offsets[i]; j < kth.offsets[i + 1]; ++j) {
            const auto& loss = kth.losses[j];
            EXPECT_TRUE(
                answer.without.emplace(loss.agent, loss.squared_distance)
                    .second);
          }
          EXPECT_TRUE(found.emplace(kth.rows[i], answer).second)
              << "row " << kth.rows[i] << " twice";
        }
      });
  EXPECT_TRUE(status.ok()) << status;
  return found;
}

// Checks every seventh of `rows` against the naive loop.
void ExpectExactWithoutAgents(const KnnIndex& index, const Points& points,
                              RowRange rows, const NeighborQuery& query,
                              ThreadPool& pool) {
  const std::map<uint32_t, NaiveKth> found = KthOf(index, rows, query, pool);
  ASSERT_EQ(found.size(), rows.size());
  for (size_t row = rows.first; row < rows.last; row += 7) {
    const NaiveKth expected = NaiveKthWithoutAgents(points, row, query);
    ASSERT_EQ(found.at(static_cast<uint32_t>(row)), expected)
        << "row " << row << ", k " << query.k << ", window "
        << query.theiler_window;
  }
}

// An index by an engine of CreateKnnIndex or, for "twin_grid" and
// "twin_brute_force", by the host twin of a CUDA one; "twin_reversed_grid" and
// so on run its blocks and threads backwards.
std::unique_ptr<KnnIndex> MakeIndex(const std::string& engine,
                                    const Points& points, SimdLevel level,
                                    ThreadPool& pool) {
  if (engine.rfind("twin", 0) == 0) {
    const bool grid = engine.find("grid") != std::string::npos;
    const bool reversed = engine.find("reversed") != std::string::npos;
    auto index = DeviceIndex::Create(
        grid ? DeviceEngine::kGrid : DeviceEngine::kBruteForce, points.view(),
        CreateTwinKnnDevice(reversed));
    EXPECT_TRUE(index.ok()) << index.status();
    return *std::move(index);
  }
  auto chosen = CreateKnnIndex(engine, points.view(), level, pool);
  EXPECT_TRUE(chosen.ok()) << chosen.status();
  return std::move(chosen->index);
}

using Parameters = std::tuple<std::string, SimdLevel>;

class KnnConformanceTest : public testing::TestWithParam<Parameters> {
 protected:
  std::unique_ptr<KnnIndex> Index(const Points& points) {
    return MakeIndex(std::get<0>(GetParam()), points, std::get<1>(GetParam()),
                     pool_);
  }
  // Neighbours' dimensions that the engine takes.
  std::vector<uint32_t> Dims() const {
    return std::get<0>(GetParam()).find("grid") != std::string::npos
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
    const auto rebuilt = MakeIndex(std::get<0>(GetParam()), points,
                                   std::get<1>(GetParam()), pool);
    std::vector<float> actual(points.size());
    ASSERT_TRUE(
        rebuilt->KthSquaredDistances(9, pool, absl::MakeSpan(actual)).ok());
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

// Trajectories of 60 ids, of which 20 points each are there; three of them are
// an agent's, and agents keep to places of their own, which touch.
Points Population(uint32_t count, uint32_t dims) {
  Points points = MakePoints(count, dims, [](uint32_t i, uint32_t j) {
    const float place = static_cast<float>(i / 60 % 4) * 0.9f;
    return place + 0.02f * static_cast<float>(i % 20) + 0.3f * Uniform(i, j);
  });
  points.horizon = 60;
  points.particles_per_agent = 180;
  for (uint32_t& id : points.ids) id -= 5;
  return points;
}

// Wraps the coordinates of `dims` dimensions to a period of `period`.
void Wrap(Points& points, uint32_t dims, float period) {
  points.periods.assign(points.dims, 0.0f);
  std::fill_n(points.periods.begin(), dims, period);
  for (size_t i = 0; i < points.coordinates.size(); ++i) {
    if (i % points.dims >= dims) continue;
    float& value = points.coordinates[i];
    value -= std::floor(value / period) * period;
    value = std::min(std::max(value, 0.0f), period);
  }
}

TEST_P(KnnConformanceTest, ScopesAndWindowsMatchTheNaiveLoop) {
  for (const uint32_t dims : Dims()) {
    for (const bool periodic : {false, true}) {
      Points points = Population(600, dims);
      if (periodic) Wrap(points, dims, 1.5f);
      SCOPED_TRACE(testing::Message() << "d = " << dims << ", " << periodic);
      const auto index = Index(points);
      for (const NeighborScope scope :
           {NeighborScope::kAll, NeighborScope::kOwnAgent,
            NeighborScope::kOtherAgents}) {
        for (const uint32_t window : {0u, 1u, 9u, 1000u}) {
          for (const uint32_t k : {1u, 7u, 20u}) {
            NeighborQuery query(k);
            query.scope = scope;
            query.theiler_window = window;
            ExpectExact(*index, points, query, 31, pool_);
          }
        }
      }
    }
  }
}

TEST_P(KnnConformanceTest, PeriodsMatchTheNaiveLoop) {
  for (const uint32_t dims : Dims()) {
    for (auto& [name, points] : DataSets(500, dims)) {
      if (name == "huge coordinates") continue;
      for (const uint32_t periodic : {1u, dims}) {
        for (const float period : {0.25f, 6.2831853f, 1000.0f}) {
          SCOPED_TRACE(testing::Message() << name << ", d = " << dims << ", "
                                          << periodic << " of " << period);
          Points wrapped = points;
          Wrap(wrapped, periodic, period);
          const auto index = Index(wrapped);
          for (const uint32_t k : {1u, 16u}) {
            ExpectExact(*index, wrapped, k, 29, pool_);
          }
        }
      }
    }
  }
}

TEST_P(KnnConformanceTest, SearchesWithoutAgentsAreExact) {
  for (const bool lattice : {false, true}) {
    Points points = Population(600, 2);
    if (lattice) {
      for (float& value : points.coordinates) value = std::floor(value * 4);
    }
    const auto index = Index(points);
    for (const uint32_t k : {1u, 4u, 40u}) {
      for (const uint32_t window : {0u, 5u}) {
        NeighborQuery query(k);
        query.theiler_window = window;
        ExpectExactWithoutAgents(*index, points, {100, 600}, query, pool_);
      }
    }
  }
}

TEST_P(KnnConformanceTest, SearchesWithoutAgentsOfEveryDataSetAreExact) {
  for (const uint32_t dims : Dims()) {
    for (auto& [name, points] : DataSets(330, dims)) {
      SCOPED_TRACE(testing::Message() << name << ", d = " << dims);
      // 20 points of each agent, which lie side by side or scattered.
      points.particles_per_agent = 60;
      const auto index = Index(points);
      for (const uint32_t k : {2u, 16u}) {
        ExpectExactWithoutAgents(*index, points, {0, points.size()}, k, pool_);
      }
      // Two agents: without one, fewer than k may be left.
      points.particles_per_agent = 960;
      ExpectExactWithoutAgents(*Index(points), points, {0, points.size()}, 30,
                               pool_);
    }
  }
}

TEST_P(KnnConformanceTest, AnySplitOfTheRowsGivesTheSameBits) {
  const Points points = Population(1000, 3);
  const auto index = Index(points);
  for (const NeighborScope scope :
       {NeighborScope::kAll, NeighborScope::kOwnAgent,
        NeighborScope::kOtherAgents}) {
    NeighborQuery query(5);
    query.scope = scope;
    std::vector<float> whole(points.size());
    ASSERT_TRUE(
        index->KthSquaredDistances(query, pool_, absl::MakeSpan(whole)).ok());
    for (const size_t parts : {2u, 3u, 7u, 1000u}) {
      std::vector<float> split(points.size());
      for (size_t part = 0; part < parts; ++part) {
        const RowRange rows = {part * points.size() / parts,
                               (part + 1) * points.size() / parts};
        ASSERT_TRUE(index
                        ->KthSquaredDistances(query, rows, pool_,
                                              absl::MakeSpan(split).subspan(
                                                  rows.first, rows.size()))
                        .ok());
      }
      EXPECT_EQ(split, whole) << parts << " parts";
    }
  }
}

// Two points at each place, so that the nearest is at distance zero.
TEST_P(KnnConformanceTest, FaultySearchesAreFoundOut) {
  Points points = MakePoints(
      600, 2, [](uint32_t i, uint32_t j) { return Uniform(i / 2, j); });
  const auto index = Index(points);
  const SearchFunction search = SearchOf(*index, pool_);
  ASSERT_EQ(FirstDifference(points, 3, 1, search), -1);
  // Self is taken for whatever comes first at distance zero.
  const auto drop_first = [&](const std::vector<uint32_t>& rows,
                              const NeighborQuery& query) {
    std::vector<Neighbor> found;
    for (const uint32_t row : rows) {
      std::vector<Neighbor> with_self = NaiveNeighbors(points, row, query);
      with_self.push_back({points.ids[row], 0.0f});
      std::sort(with_self.begin(), with_self.end(),
                [](const Neighbor& a, const Neighbor& b) {
                  return std::tie(a.squared_distance, a.id) <
                         std::tie(b.squared_distance, b.id);
                });
      found.insert(found.end(), with_self.begin() + 1,
                   with_self.begin() + 1 + query.k);
    }
    return found;
  };
  EXPECT_NE(FirstDifference(points, 3, 1, drop_first), -1);
  // A cell of 16 points is never looked at.
  const float x = points.coordinates[0];
  const float y = points.coordinates[1];
  std::vector<std::pair<float, size_t>> by_distance;
  for (size_t row = 1; row < points.size(); ++row) {
    by_distance.emplace_back(std::hypot(points.coordinates[row * 2] - x,
                                        points.coordinates[row * 2 + 1] - y),
                             row);
  }
  std::sort(by_distance.begin(), by_distance.end());
  Points fewer = points;
  std::vector<size_t> dropped;
  for (size_t i = 40; i < 56; ++i) dropped.push_back(by_distance[i].second);
  std::sort(dropped.rbegin(), dropped.rend());
  for (const size_t row : dropped) {
    fewer.ids.erase(fewer.ids.begin() + static_cast<std::ptrdiff_t>(row));
    fewer.coordinates.erase(
        fewer.coordinates.begin() + static_cast<std::ptrdiff_t>(row * 2),
        fewer.coordinates.begin() + static_cast<std::ptrdiff_t>(row * 2 + 2));
  }
  const auto without_cell = Index(fewer);
  const auto search_fewer = [&](const std::vector<uint32_t>& rows,
                                const NeighborQuery& query) {
    std::vector<Neighbor> found;
    for (const uint32_t row : rows) {
      const auto place =
          std::find(fewer.ids.begin(), fewer.ids.end(), points.ids[row]);
      if (place == fewer.ids.end()) {
        const auto own = search({row}, query);
        found.insert(found.end(), own.begin(), own.end());
        continue;
      }
      std::vector<Neighbor> list(query.k);
      EXPECT_TRUE(
          without_cell
              ->Search({static_cast<uint32_t>(place - fewer.ids.begin())},
                       query, pool_, absl::MakeSpan(list))
              .ok());
      found.insert(found.end(), list.begin(), list.end());
    }
    return found;
  };
  EXPECT_NE(FirstDifference(points, 3, 1, search_fewer), -1);
  // A window one step too wide.
  const Points population = Population(600, 2);
  const auto all = Index(population);
  const auto off_by_one = [&](const std::vector<uint32_t>& rows,
                              NeighborQuery query) {
    query.theiler_window += 3;
    return SearchOf(*all, pool_)(rows, query);
  };
  EXPECT_NE(FirstDifference(population, 3, 1, off_by_one), -1);
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
  EXPECT_EQ(
      index->KthSquaredDistances(3, {0, 21}, pool_, absl::MakeSpan(kth)).code(),
      absl::StatusCode::kOutOfRange);
  NeighborQuery others(3);
  others.scope = NeighborScope::kOtherAgents;
  EXPECT_EQ(
      index->KthSquaredDistances(others, pool_, absl::MakeSpan(kth)).code(),
      absl::StatusCode::kFailedPrecondition)
      << "all are of one agent";
  EXPECT_EQ(index
                ->SearchWithoutAgents({0, 20}, others, pool_,
                                      [](const KthWithoutAgents&) {})
                .code(),
            absl::StatusCode::kInvalidArgument);
  NeighborQuery window(3);
  window.theiler_window = 60;
  EXPECT_EQ(
      index->KthSquaredDistances(window, pool_, absl::MakeSpan(kth)).code(),
      absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(index->Search({20}, 3, pool_, absl::MakeSpan(neighbors)).code(),
            absl::StatusCode::kOutOfRange);
  EXPECT_EQ(index->Search({1}, 2, pool_, absl::MakeSpan(neighbors)).code(),
            absl::StatusCode::kInvalidArgument);
}

std::string ParameterName(const testing::TestParamInfo<Parameters>& info) {
  return std::get<0>(info.param) + "_" +
         std::string(SimdLevelName(std::get<1>(info.param)));
}

#if defined(KMYRIAD_ON_GPU)
INSTANTIATE_TEST_SUITE_P(EveryGpuEngine, KnnConformanceTest,
                         testing::Combine(testing::Values("cuda_grid",
                                                          "cuda_brute_force"),
                                          testing::Values(SimdLevel::kScalar)),
                         ParameterName);
#else
std::vector<SimdLevel> SupportedLevels() {
  std::vector<SimdLevel> levels;
  for (const SimdLevel level :
       {SimdLevel::kScalar, SimdLevel::kAvx2, SimdLevel::kAvx512}) {
    if (SupportsSimdLevel(level)) levels.push_back(level);
  }
  return levels;
}

INSTANTIATE_TEST_SUITE_P(EveryEngine, KnnConformanceTest,
                         testing::Combine(testing::Values("grid", "kd_tree",
                                                          "brute_force"),
                                          testing::ValuesIn(SupportedLevels())),
                         ParameterName);

// The twins do not depend on the instruction set.
INSTANTIATE_TEST_SUITE_P(EveryTwin, KnnConformanceTest,
                         testing::Combine(testing::Values("twin_grid",
                                                          "twin_brute_force"),
                                          testing::Values(SimdLevel::kScalar)),
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

// A kernel whose threads raced would show it here, or give other bits.
TEST(KnnEnginesTest, TheOrderOfBlocksAndThreadsChangesNoBitOfATwin) {
  ThreadPool pool(2);
  for (const auto& [name, points] : DataSets(1100, 3)) {
    SCOPED_TRACE(name);
    for (const char* engine : {"grid", "brute_force"}) {
      const auto reversed = MakeIndex(std::string("twin_reversed_") + engine,
                                      points, SimdLevel::kScalar, pool);
      ExpectExact(*reversed, points, 9, 61, pool);
    }
  }
}

// Where the bound on the expanded form's roundings is worst: far from the
// centre in many dimensions, ties at every distance, and an outlier.
TEST(KnnEnginesTest, TheExpandedFilterLosesNoNeighbor) {
  ThreadPool pool(2);
  const std::vector<std::function<float(uint32_t, uint32_t)>> data = {
      [](uint32_t i, uint32_t j) {
        return (i % 3 == 0 ? 3000.0f : -1500.0f) + Uniform(i, j);
      },
      [](uint32_t i, uint32_t j) { return 40 + std::floor(Uniform(i, j) * 3); },
      [](uint32_t i, uint32_t j) { return i == 7 ? 9e16f : Uniform(i, j); },
      [](uint32_t i, uint32_t j) { return (Uniform(i, j) - 0.5f) * 1.9e17f; },
      [](uint32_t i, uint32_t j) { return Uniform(i, j) * 3e-20f; }};
  for (const uint32_t dims : {2u, 15u, 32u}) {
    for (size_t set = 0; set < data.size(); ++set) {
      const Points points = MakePoints(1500, dims, data[set]);
      for (const SimdLevel level : SupportedLevels()) {
        SCOPED_TRACE(testing::Message() << "set " << set << ", d = " << dims);
        const auto chosen =
            CreateKnnIndex("brute_force", points.view(), level, pool);
        ASSERT_TRUE(chosen.ok());
        ExpectExact(*chosen->index, points, 6, 97, pool);
      }
    }
  }
}

TEST(KnnEnginesTest, TreeAndBruteForceTakeEveryDimension) {
  ThreadPool pool(2);
  for (const SimdLevel level : SupportedLevels()) {
    for (uint32_t dims = 1; dims <= kMaxIndexDims; ++dims) {
      SCOPED_TRACE(dims);
      Points points = DataSets(90, dims)[0].second;
      if (dims % 3 == 0) Wrap(points, dims / 2 + 1, 0.8f);
      for (const char* engine :
           {"kd_tree", "brute_force", "twin_brute_force"}) {
        ExpectExact(*MakeIndex(engine, points, level, pool), points, 5, 7,
                    pool);
      }
    }
  }
}

#endif

}  // namespace
}  // namespace kmyriad
