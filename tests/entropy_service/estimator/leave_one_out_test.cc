#include "entropy_service/estimator/leave_one_out.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <memory>
#include <numeric>
#include <vector>

#include "absl/synchronization/mutex.h"
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

// ln V_i of all particles.
std::vector<double> Volumes(const KnnIndex& index, uint32_t dims, uint32_t k) {
  ThreadPool pool(2);
  std::vector<float> squared(index.size());
  EXPECT_TRUE(index.KthSquaredDistances(k, pool, absl::MakeSpan(squared)).ok());
  std::vector<double> volumes(index.size());
  LogVolumes(squared, dims, kFloor, absl::MakeSpan(volumes));
  return volumes;
}

// Calls visit(kth, losses) for the particles `rows` of a population.
void ForEachParticle(
    const KnnIndex& index, RowRange rows, uint32_t k,
    const std::function<void(float, absl::Span<const KthWithoutAgents::Loss>)>&
        visit) {
  ThreadPool pool(1);
  absl::Mutex mutex;
  EXPECT_TRUE(index
                  .SearchWithoutAgents(
                      rows, k, pool,
                      [&](const KthWithoutAgents& kth) {
                        absl::MutexLock lock(&mutex);
                        for (size_t i = 0; i < kth.rows.size(); ++i) {
                          visit(
                              kth.squared_distances[i],
                              absl::MakeSpan(kth.losses)
                                  .subspan(kth.offsets[i], kth.offsets[i + 1] -
                                                               kth.offsets[i]));
                        }
                      })
                  .ok());
}

std::unique_ptr<KnnIndex> IndexOf(const std::vector<float>& points,
                                  const std::vector<uint32_t>& ids,
                                  uint32_t dims, uint32_t agents) {
  PointsView view{points, ids, dims};
  view.particles_per_agent = static_cast<uint32_t>(ids.size() / agents);
  ThreadPool pool(2);
  auto chosen = CreateKnnIndex("auto", view, *ChooseSimdLevel(), pool);
  EXPECT_TRUE(chosen.ok()) << chosen.status();
  return std::move(chosen->index);
}

// Marginals by the one-pass rule.
std::vector<double> OnePass(const std::vector<float>& points, uint32_t dims,
                            uint32_t k, uint32_t agents) {
  const size_t count = points.size() / dims;
  const std::vector<uint32_t> ids = Ids(count);
  const auto index = IndexOf(points, ids, dims, agents);
  LeaveOneOut result(agents, count / agents, dims, k, kFloor);
  ForEachParticle(*index, {0, count}, k,
                  [&](float kth, auto losses) { result.Add(kth, losses); });
  return result.Marginals(ids, Volumes(*index, dims, k));
}

TEST(LeaveOneOutTest, EqualsARecomputationForEveryAgent) {
  constexpr uint32_t kAgents = 20;
  for (const uint32_t dims : {1u, 2u, 3u, 7u}) {
    for (const uint32_t k : {1u, 4u, 9u}) {
      const std::vector<float> points = Walks(kAgents, 60, dims, dims + k);
      const double all = PlainEntropy(points, dims, k);
      const std::vector<double> marginals = OnePass(points, dims, k, kAgents);
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

// Negative control: what plain k-th distances would give, by which a particle
// does not notice that a neighbour's agent is gone, is not the recomputation's.
TEST(LeaveOneOutTest, PlainDistancesAreNotEnough) {
  const std::vector<float> points = Walks(4, 60, 2, 3);
  const std::vector<uint32_t> ids = Ids(240);
  const auto index = IndexOf(points, ids, 2, 4);
  LeaveOneOut plain(4, 60, 2, 4, kFloor);
  ForEachParticle(*index, {0, 240}, 4, [&](float kth, auto losses) {
    std::vector<KthWithoutAgents::Loss> none(losses.begin(), losses.end());
    for (KthWithoutAgents::Loss& loss : none) loss.squared_distance = kth;
    plain.Add(kth, none);
  });
  const std::vector<double> actual =
      plain.Marginals(ids, Volumes(*index, 2, 4));
  const std::vector<double> expected = OnePass(points, 2, 4, 4);
  double largest = 0;
  for (uint32_t agent = 0; agent < 4; ++agent) {
    largest = std::max(largest, std::abs(actual[agent] - expected[agent]));
  }
  EXPECT_GT(largest, 1e-4);
}

// However the particles are dealt to threads, and in whatever order.
TEST(LeaveOneOutTest, AnySplitGivesTheSameBits) {
  const std::vector<float> points = Walks(6, 50, 2, 9);
  const std::vector<uint32_t> ids = Ids(300);
  const auto index = IndexOf(points, ids, 2, 6);
  const std::vector<double> volumes = Volumes(*index, 2, 4);
  std::vector<std::vector<double>> results;
  for (const size_t parts : {1u, 2u, 5u}) {
    std::vector<LeaveOneOut> sums(parts, LeaveOneOut(6, 50, 2, 4, kFloor));
    for (size_t part = 0; part < parts; ++part) {
      // The last rows first.
      const RowRange rows = {(parts - 1 - part) * 300 / parts,
                             (parts - part) * 300 / parts};
      ForEachParticle(*index, rows, 4, [&](float kth, auto losses) {
        sums[part].Add(kth, losses);
      });
    }
    for (size_t part = 1; part < parts; ++part) sums[0].Merge(sums[part]);
    results.push_back(sums[0].Marginals(ids, volumes));
  }
  EXPECT_EQ(results[1], results[0]);
  EXPECT_EQ(results[2], results[0]);
}

TEST(LeaveOneOutTest, ACopyOfAnotherAgentIsWorthLessThanALonelyOne) {
  std::vector<float> points = Walks(3, 100, 2, 5);
  for (size_t i = 0; i < 200; ++i) {
    // The second agent goes next to the first, the third far away.
    points[200 + i] = points[i] + 0.01f;
    points[400 + i] += 50;
  }
  const std::vector<double> marginals = OnePass(points, 2, 4, 3);
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
