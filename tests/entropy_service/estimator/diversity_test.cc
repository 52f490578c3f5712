#include "entropy_service/estimator/diversity.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

#include "entropy_service/estimator/coverage.h"
#include "entropy_service/estimator/knn_entropy_estimator.h"
#include "entropy_service/index/index_factory.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/testing/seeded_random.h"

namespace kmyriad {
namespace {

// Divergences of two agents in one dimension: the second is normal with the
// given mean, the first with mean 0.
std::vector<double> ShiftedNormals(float mean, uint32_t per_agent,
                                   uint64_t seed) {
  SeededRandom random(seed);
  std::vector<float> points = random.Normals(2 * per_agent);
  for (uint32_t i = per_agent; i < 2 * per_agent; ++i) points[i] += mean;
  std::vector<uint32_t> ids(2 * per_agent);
  std::iota(ids.begin(), ids.end(), 0u);
  PointsView view{points, ids, 1};
  view.particles_per_agent = per_agent;
  ThreadPool pool(2);
  const auto chosen = CreateKnnIndex("auto", view, *ChooseSimdLevel(), pool);
  EXPECT_TRUE(chosen.ok()) << chosen.status();
  std::vector<uint32_t> agents(ids.size());
  for (uint32_t i = per_agent; i < ids.size(); ++i) agents[i] = 1;
  std::vector<std::vector<double>> volumes;
  for (const NeighborScope scope :
       {NeighborScope::kOwnAgent, NeighborScope::kOtherAgents}) {
    NeighborQuery query(4);
    query.scope = scope;
    std::vector<float> squared(ids.size());
    EXPECT_TRUE(
        chosen->index->KthSquaredDistances(query, pool, absl::MakeSpan(squared))
            .ok());
    volumes.emplace_back(ids.size());
    LogVolumes(squared, 1, 1e-9f, absl::MakeSpan(volumes.back()));
  }
  return AgentDivergences(volumes[0], volumes[1], agents, 2);
}

TEST(AgentDivergencesTest, AreThoseOfShiftedNormals) {
  // KL of N(0, 1) from N(m, 1) is m^2 / 2, both ways.
  for (const float mean : {0.0f, 1.0f, 2.0f}) {
    for (const double divergence : ShiftedNormals(mean, 20000, 4)) {
      EXPECT_NEAR(divergence, 0.5 * mean * mean, 0.03 + 0.05 * mean);
    }
  }
}

TEST(AgentDivergencesTest, AreNotANumberWhereThereIsNothingToCompare) {
  const std::vector<double> own = {1, 2, 3};
  const std::vector<double> others = {2, 3, 4};
  const auto some =
      AgentDivergences(own, others, std::vector<uint32_t>{0, 0, 1}, 3);
  EXPECT_DOUBLE_EQ(some[0], 1 + std::log(1.0));
  EXPECT_TRUE(std::isnan(some[1]));
  EXPECT_TRUE(std::isnan(some[2]));
  EXPECT_TRUE(std::isnan(
      AgentDivergences(own, others, std::vector<uint32_t>{0, 0, 0}, 1)[0]));
}

TEST(CellSharingTest, AgentsApartShareNothing) {
  // Three agents of one environment and four steps, each in its own cell.
  const std::vector<uint32_t> cells = {0, 0, 0, 0, 5, 5, 5, 5, 9, 9, 9, 9};
  const CellSharing sharing =
      MeasureCellSharing(cells, std::vector<uint32_t>{0, 1, 2}, 3, 10);
  EXPECT_DOUBLE_EQ(sharing.owner_share, 1);
  EXPECT_DOUBLE_EQ(sharing.redundancy, 0);
  EXPECT_NEAR(sharing.vendi_score, 3, 1e-12);
}

TEST(CellSharingTest, AgentsAlikeShareEverything) {
  const std::vector<uint32_t> cells = {0, 1, 2, 3, 0, 1, 2, 3, 3, 2, 1, 0};
  const CellSharing sharing =
      MeasureCellSharing(cells, std::vector<uint32_t>{0, 1, 2}, 3, 10);
  // The first of equals owns all.
  EXPECT_DOUBLE_EQ(sharing.owner_share, 1.0 / 3);
  EXPECT_DOUBLE_EQ(sharing.redundancy, 1);
  EXPECT_NEAR(sharing.vendi_score, 1, 1e-9);
}

TEST(CellSharingTest, CountsVisitsAndLeavesOutWhoHasNone) {
  // Agent 0: environments 0 and 2; agent 1: environment 1; agent 2: nowhere.
  const std::vector<uint32_t> cells = {
      0, 0, 1, 0, 1, 1, 4, 4, kNoCell, kNoCell, kNoCell, kNoCell};
  const CellSharing sharing =
      MeasureCellSharing(cells, std::vector<uint32_t>{0, 1, 0, 2}, 3, 5);
  // Cell 0: agents 0 (2), 1 (1); cell 1: agents 0 (1), 1 (2); cell 4: agent 0.
  EXPECT_DOUBLE_EQ(sharing.owner_share, (2.0 / 3 + 1.0 / 2) / 2);
  EXPECT_DOUBLE_EQ(sharing.redundancy, (2.0 / 3 + 1) / 2);
  EXPECT_GT(sharing.vendi_score, 1);
  EXPECT_LT(sharing.vendi_score, 2);
  const CellSharing none = MeasureCellSharing(
      std::vector<uint32_t>(4, kNoCell), std::vector<uint32_t>{0, 1}, 2, 5);
  EXPECT_TRUE(std::isnan(none.owner_share));
  EXPECT_TRUE(std::isnan(none.vendi_score));
}

TEST(CellSharingTest, ManyAgentsHaveNoVendiScore) {
  std::vector<uint32_t> cells(kMaxVendiAgents + 1);
  std::iota(cells.begin(), cells.end(), 0u);
  const std::vector<uint32_t> agents = cells;
  const CellSharing sharing =
      MeasureCellSharing(cells, agents, kMaxVendiAgents + 1, 200);
  EXPECT_TRUE(std::isnan(sharing.vendi_score));
  EXPECT_DOUBLE_EQ(sharing.owner_share, 1);
}

TEST(SymmetricEigenvaluesTest, AreThoseOfAKnownMatrix) {
  // Tridiagonal 2, -1: 2 - 2 cos(pi i / (n + 1)).
  constexpr size_t kSize = 12;
  std::vector<double> matrix(kSize * kSize);
  for (size_t i = 0; i < kSize; ++i) {
    matrix[i * kSize + i] = 2;
    if (i + 1 < kSize) {
      matrix[i * kSize + i + 1] = matrix[(i + 1) * kSize + i] = -1;
    }
  }
  std::vector<double> values = SymmetricEigenvalues(matrix, kSize);
  std::sort(values.begin(), values.end());
  for (size_t i = 0; i < kSize; ++i) {
    EXPECT_NEAR(values[i],
                2 - 2 * std::cos(M_PI * static_cast<double>(i + 1) / 13),
                1e-13);
  }
}

}  // namespace
}  // namespace kmyriad
