#include "entropy_service/estimator/leave_one_out.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

#include "entropy_service/estimator/knn_entropy_estimator.h"
#include "entropy_service/index/index_factory.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/testing/seeded_random.h"

namespace kmyriad {
namespace {

constexpr float kFloor = 1e-3f;

// Agents' particles one after the other, `per_agent` each: random walks, each
// from a start of its own.
std::vector<float> Walks(uint32_t agents, uint32_t per_agent, uint32_t dims,
                         uint64_t seed, double step = 0.1) {
  SeededRandom random(seed);
  std::vector<float> points;
  for (uint32_t agent = 0; agent < agents; ++agent) {
    std::vector<double> place(dims);
    for (double& x : place) x = random.Normal();
    for (uint32_t t = 0; t < per_agent; ++t) {
      for (double& x : place) {
        x += step * random.Normal();
        points.push_back(static_cast<float>(x));
      }
    }
  }
  return points;
}

std::vector<uint32_t> Ids(size_t count) {
  std::vector<uint32_t> ids(count);
  std::iota(ids.begin(), ids.end(), 0u);
  return ids;
}

// Entropy of points by the plain estimator, all in the same order.
double PlainEntropy(const std::vector<float>& points, uint32_t dims,
                    uint32_t k) {
  const size_t count = points.size() / dims;
  const std::vector<uint32_t> ids = Ids(count);
  ThreadPool pool(2);
  const auto chosen = CreateKnnIndex("brute_force", {points, ids, dims},
                                     *ChooseSimdLevel(), pool);
  std::vector<float> squared(count);
  EXPECT_TRUE(
      chosen->index->KthSquaredDistances(k, pool, absl::MakeSpan(squared))
          .ok());
  std::vector<double> volumes(count);
  LogVolumes(squared, dims, kFloor, absl::MakeSpan(volumes));
  return KnnEntropy(count, k,
                    std::accumulate(volumes.begin(), volumes.end(), 0.0) /
                        static_cast<double>(count));
}

// The one-pass rule on the engine's robust lists.
LeaveOneOut OnePass(const std::vector<float>& points, uint32_t dims, uint32_t k,
                    uint32_t agents) {
  const size_t count = points.size() / dims;
  const std::vector<uint32_t> ids = Ids(count);
  const auto per_agent = static_cast<uint32_t>(count / agents);
  PointsView view{points, ids, dims};
  view.particles_per_agent = per_agent;
  ThreadPool pool(2);
  const auto chosen = CreateKnnIndex("auto", view, *ChooseSimdLevel(), pool);
  EXPECT_TRUE(chosen.ok()) << chosen.status();
  const auto lists = chosen->index->SearchRobust({0, count}, k, pool);
  EXPECT_TRUE(lists.ok()) << lists.status();
  LeaveOneOut result(agents, dims, k, kFloor);
  for (size_t i = 0; i < count; ++i) {
    const auto list = absl::MakeSpan(lists->neighbors)
                          .subspan(lists->offsets[i],
                                   lists->offsets[i + 1] - lists->offsets[i]);
    std::vector<uint32_t> owners;
    for (const Neighbor& neighbor : list) {
      owners.push_back(neighbor.id / per_agent);
    }
    result.Add(static_cast<uint32_t>(i) / per_agent, list, owners);
  }
  return result;
}

TEST(LeaveOneOutTest, EqualsARecomputationForEveryAgent) {
  constexpr uint32_t kAgents = 20;
  for (const uint32_t dims : {1u, 2u, 3u, 7u}) {
    for (const uint32_t k : {1u, 4u, 9u}) {
      const std::vector<float> points = Walks(kAgents, 60, dims, dims + k);
      const LeaveOneOut one_pass = OnePass(points, dims, k, kAgents);
      const double all = PlainEntropy(points, dims, k);
      EXPECT_NEAR(one_pass.Entropy(), all, 1e-12);
      const std::vector<double> marginals = one_pass.Marginals();
      for (uint32_t agent = 0; agent < kAgents; ++agent) {
        std::vector<float> rest = points;
        const auto first =
            rest.begin() + static_cast<std::ptrdiff_t>(agent * 60 * dims);
        rest.erase(first, first + 60 * dims);
        EXPECT_NEAR(marginals[agent], all - PlainEntropy(rest, dims, k), 1e-12)
            << "d = " << dims << ", k = " << k << ", agent " << agent;
      }
    }
  }
}

// Lists that end at the k-th neighbour are too short for the rule: what it
// gives then is not the recomputation's.
TEST(LeaveOneOutTest, PlainListsAreNotEnough) {
  const std::vector<float> points = Walks(4, 60, 2, 3);
  const std::vector<uint32_t> ids = Ids(240);
  ThreadPool pool(2);
  const auto chosen =
      CreateKnnIndex("auto", {points, ids, 2}, *ChooseSimdLevel(), pool);
  std::vector<Neighbor> lists(240 * 4);
  ASSERT_TRUE(chosen->index->Search(ids, 4, pool, absl::MakeSpan(lists)).ok());
  LeaveOneOut plain(4, 2, 4, kFloor);
  for (uint32_t i = 0; i < 240; ++i) {
    const auto list = absl::MakeSpan(lists).subspan(i * 4, 4);
    std::vector<uint32_t> owners;
    for (const Neighbor& neighbor : list) owners.push_back(neighbor.id / 60);
    plain.Add(i / 60, list, owners);
  }
  const std::vector<double> expected = OnePass(points, 2, 4, 4).Marginals();
  double largest = 0;
  for (uint32_t agent = 0; agent < 4; ++agent) {
    largest =
        std::max(largest, std::abs(plain.Marginals()[agent] - expected[agent]));
  }
  EXPECT_GT(largest, 1e-4);
}

TEST(LeaveOneOutTest, ACopyOfAnotherAgentIsWorthLessThanALonelyOne) {
  std::vector<float> points = Walks(3, 100, 2, 5);
  for (size_t i = 0; i < 200; ++i) {
    // The second agent goes next to the first, the third far away.
    points[200 + i] = points[i] + 0.01f;
    points[400 + i] += 50;
  }
  const std::vector<double> marginals = OnePass(points, 2, 4, 3).Marginals();
  EXPECT_GT(marginals[2], marginals[0] + 0.3);
  EXPECT_GT(marginals[2], marginals[1] + 0.3);
  EXPECT_NEAR(marginals[0], marginals[1], 0.1);
}

TEST(CreditSharesTest, GrowWithTheMarginalAndAreNeverZero) {
  const std::vector<double> marginals = {0.4, -0.2, 0.2, 0.2};
  const std::vector<double> shares =
      CreditShares(marginals, Credit::kLeaveOneOut, 1, 1);
  // Mean of the positive parts is 0.2.
  const double expected[] = {0.42, 0.02, 0.22, 0.22};
  for (size_t a = 0; a < 4; ++a) EXPECT_NEAR(shares[a], expected[a], 1e-15);
  EXPECT_THAT(CreditShares(marginals, Credit::kUniform, 1, 1),
              testing::Each(1.0));
  EXPECT_THAT(
      CreditShares(std::vector<double>{-1, -2, 0}, Credit::kLeaveOneOut, 1, 1),
      testing::Each(1.0));
}

TEST(CreditSharesTest, ShuffledSharesAreTheSameOnesInAnotherOrder) {
  std::vector<double> marginals(40);
  std::iota(marginals.begin(), marginals.end(), 1.0);
  const auto expected = CreditShares(marginals, Credit::kLeaveOneOut, 7, 3);
  const auto shuffled = CreditShares(marginals, Credit::kShuffled, 7, 3);
  EXPECT_NE(shuffled, expected);
  EXPECT_THAT(shuffled, testing::UnorderedElementsAreArray(expected));
  EXPECT_EQ(CreditShares(marginals, Credit::kShuffled, 7, 3), shuffled);
  EXPECT_NE(CreditShares(marginals, Credit::kShuffled, 7, 4), shuffled);
}

TEST(RedistributeTest, KeepsTheSumAndTheRatios) {
  SeededRandom random(2);
  std::vector<double> values(1000);
  for (double& value : values) value = random.Unit();
  const std::vector<double> before = values;
  std::vector<uint32_t> agents(1000);
  for (uint32_t& agent : agents) agent = static_cast<uint32_t>(random.Below(5));
  const std::vector<double> shares = {1, 2, 3, 4, 5};
  Redistribute(agents, shares, absl::MakeSpan(values));
  EXPECT_NEAR(std::accumulate(values.begin(), values.end(), 0.0),
              std::accumulate(before.begin(), before.end(), 0.0), 1e-10);
  const double unit = values[0] / before[0] / shares[agents[0]];
  for (size_t i = 0; i < 1000; ++i) {
    EXPECT_NEAR(values[i], unit * shares[agents[i]] * before[i], 1e-12);
  }
}

TEST(RedistributeTest, EqualSharesChangeNothing) {
  std::vector<double> values = {0.1, 0.7, 0, 3};
  const std::vector<double> before = values;
  Redistribute(std::vector<uint32_t>{0, 1, 0, 1}, std::vector<double>{1, 1},
               absl::MakeSpan(values));
  EXPECT_EQ(values, before);
  std::vector<double> zeros(4);
  Redistribute(std::vector<uint32_t>{0, 1, 0, 1}, std::vector<double>{1, 2},
               absl::MakeSpan(zeros));
  EXPECT_THAT(zeros, testing::Each(0.0));
}

}  // namespace
}  // namespace kmyriad
