#include "entropy_service/estimator/coverage.h"

#include <cmath>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/testing/seeded_random.h"

namespace kmyriad {
namespace {

using testing::ElementsAre;

// Three columns, two rows of half-metre cells from (-1, 2); one unreachable.
CoverageGrid SmallGrid() {
  CoverageGrid grid;
  grid.x_min = -1;
  grid.y_min = 2;
  grid.cell_size = 0.5f;
  grid.nx = 3;
  grid.ny = 2;
  grid.reachable = {1, 1, 0, 1, 1, 1};
  return grid;
}

std::vector<uint32_t> AgentsInOrder(uint32_t envs, uint32_t agents) {
  std::vector<uint32_t> agent_of_env(envs);
  for (uint32_t e = 0; e < envs; ++e) agent_of_env[e] = e / (envs / agents);
  return agent_of_env;
}

TEST(CellsOfTest, FindsTheCellOfEachParticle) {
  const float below = std::nextafter(-0.5f, -1.0f);
  const std::vector<float> features = {
      -1,    2,      9,  // lower corner: cell 0
      below, 2.4f,   9,  // just left of the edge
      -0.5f, 2.4f,   9,  // on the edge: the next cell
      0.4f,  2.9f,   9,  // last cell
      0.5f,  2.1f,   9,  // right of the grid
      -0.9f, 3.0f,   9,  // above it
      -1.1f, 2.1f,   9,  // left of it
      -0.9f, 2.1f,   9,  // masked
      NAN,   2.1f,   9,  // masked
      1e30f, -1e30f, 9};
  const std::vector<uint8_t> mask = {1, 1, 1, 1, 1, 1, 1, 0, 0, 1};
  EXPECT_THAT(CellsOf(SmallGrid(), features, 3, mask),
              ElementsAre(0, 0, 1, 5, kNoCell, kNoCell, kNoCell, kNoCell,
                          kNoCell, kNoCell));
}

TEST(MeasureCoverageTest, MatchesAnExampleByHand) {
  // Visits: cell 0 twice, cell 2 (unreachable) once, cell 5 once, two outside.
  const Coverage coverage =
      MeasureCoverage(SmallGrid(), {0, kNoCell, 5, 0, 2, kNoCell, kNoCell}, 6);
  EXPECT_THAT(coverage.visits, ElementsAre(2, 0, 1, 0, 0, 1));
  EXPECT_EQ(coverage.reachable_cells, 5u);
  EXPECT_EQ(coverage.reachable_cells_hit, 2u);
  EXPECT_DOUBLE_EQ(coverage.ratio(), 0.4);
  // Six pooled: two outside and one in a wall.
  EXPECT_EQ(coverage.unreachable_hits, 3u);
  // Shares 1/2, 1/4, 1/4.
  EXPECT_NEAR(coverage.grid_entropy_nats, 1.5 * std::log(2.0), 1e-15);
}

TEST(MeasureCoverageTest, WithoutAVisitTheEntropyIsNotANumber) {
  const Coverage coverage = MeasureCoverage(SmallGrid(), {kNoCell}, 1);
  EXPECT_EQ(coverage.ratio(), 0);
  EXPECT_TRUE(std::isnan(coverage.grid_entropy_nats));
}

TEST(MeasureAgentVisitsTest, MatchesAnExampleByHand) {
  // Agent 0: cells 0, 0, 2 (in a wall), outside. Agent 1: nowhere. Agent 2, two
  // environments: cells 0, 1, 3, 4, 5, 5, 5, 5.
  const std::vector<uint32_t> cells = {
      0, 0, 2, kNoCell, kNoCell, kNoCell, kNoCell, kNoCell,
      0, 1, 3, 4,       5,       5,       5,       5};
  const AgentVisits visits =
      MeasureAgentVisits(SmallGrid(), cells, {0, 1, 2, 2}, 3);
  ASSERT_EQ(visits.coverage.size(), 3u);
  EXPECT_DOUBLE_EQ(visits.coverage[0], 0.2);
  EXPECT_EQ(visits.coverage[1], 0);
  EXPECT_EQ(visits.coverage[2], 1);
  ASSERT_EQ(visits.entropy_nats.size(), 3u);
  EXPECT_NEAR(visits.entropy_nats[0], std::log(3.0) - 2.0 / 3.0 * std::log(2.0),
              1e-15);
  EXPECT_TRUE(std::isnan(visits.entropy_nats[1]));
  // Shares 1/8 four times and 1/2.
  EXPECT_NEAR(visits.entropy_nats[2], 2 * std::log(2.0), 1e-15);
}

// With the population's own entropy the divergence follows from the agents'.
TEST(MeasureAgentVisitsTest, AgreesWithTheDivergence) {
  SeededRandom random(5);
  constexpr uint32_t kAgents = 4;
  constexpr uint32_t kHorizon = 50;
  std::vector<uint32_t> cells(kAgents * kHorizon);
  for (uint32_t& cell : cells) cell = static_cast<uint32_t>(random.Below(6));
  const CoverageGrid grid = SmallGrid();
  const std::vector<uint32_t> agents = AgentsInOrder(kAgents, kAgents);
  double mean = 0;
  for (const double entropy :
       MeasureAgentVisits(grid, cells, agents, kAgents).entropy_nats) {
    mean += entropy / kAgents;
  }
  EXPECT_NEAR(
      MeasureCoverage(grid, cells, cells.size()).grid_entropy_nats - mean,
      OccupancyDivergence(cells, agents, kAgents, 6), 1e-13);
}

TEST(OccupancyDivergenceTest, DisjointAgentsReachLnM) {
  constexpr uint32_t kAgents = 50;
  constexpr uint32_t kHorizon = 30;
  std::vector<uint32_t> cells;
  for (uint32_t agent = 0; agent < kAgents; ++agent) {
    for (uint32_t t = 0; t < kHorizon; ++t) cells.push_back(agent * 5 + t % 5);
  }
  EXPECT_NEAR(OccupancyDivergence(cells, AgentsInOrder(kAgents, kAgents),
                                  kAgents, 5 * kAgents),
              std::log(kAgents), 1e-12);
}

TEST(OccupancyDivergenceTest, AgentsWithEqualVisitsDoNotDiffer) {
  const std::vector<uint32_t> cells = {0, 1, 1, 3, 1, 0, 3, 1};
  EXPECT_NEAR(OccupancyDivergence(cells, AgentsInOrder(2, 2), 2, 4), 0, 1e-15);
}

TEST(OccupancyDivergenceTest, MatchesAnExampleByHand) {
  // Agent 0: cells 0 and 1 half each; agent 1: cell 1 only.
  // H(mix) = -(1/4 ln 1/4 + 3/4 ln 3/4), mean H = (ln 2 + 0) / 2.
  const double expected =
      -(0.25 * std::log(0.25) + 0.75 * std::log(0.75)) - 0.5 * std::log(2.0);
  EXPECT_NEAR(OccupancyDivergence({0, 1, 1, 1}, {0, 1}, 2, 2), expected, 1e-15);
  // The same agents when environments are not in their order.
  EXPECT_NEAR(OccupancyDivergence({1, 1, 0, 1}, {1, 0}, 2, 2), expected, 1e-15);
}

TEST(OccupancyDivergenceTest, WithoutAVisitThereIsNone) {
  EXPECT_TRUE(
      std::isnan(OccupancyDivergence({kNoCell, kNoCell}, {0, 1}, 2, 4)));
}

class OccupancyNullTest : public testing::Test {
 protected:
  static constexpr uint32_t kEnvs = 60;
  static constexpr uint32_t kAgents = 6;
  static constexpr uint32_t kHorizon = 40;
  static constexpr uint32_t kCells = 100;

  // Cell of each sample: its environment's own region of width `width`, within
  // a region of its agent if `agents_differ`.
  std::vector<uint32_t> Cells(bool agents_differ) {
    SeededRandom random(4);
    std::vector<uint32_t> cells;
    for (uint32_t env = 0; env < kEnvs; ++env) {
      const uint32_t home = agents_differ
                                ? env / (kEnvs / kAgents) * 16
                                : static_cast<uint32_t>(random.Below(90));
      for (uint32_t t = 0; t < kHorizon; ++t) {
        cells.push_back(home + static_cast<uint32_t>(random.Below(10)));
      }
    }
    return cells;
  }
  double Divergence(const std::vector<uint32_t>& cells) {
    return OccupancyDivergence(cells, AgentsInOrder(kEnvs, kAgents), kAgents,
                               kCells);
  }
  double Null(const std::vector<uint32_t>& cells, uint32_t epoch = 3) {
    return OccupancyDivergenceNull(cells, kEnvs, kAgents, kCells, 42, epoch);
  }
};

TEST_F(OccupancyNullTest, AgentsThatDoNotDifferAreAtTheNull) {
  const auto cells = Cells(false);
  // Short trajectories differ by chance: far from zero, but at the null.
  EXPECT_GT(Divergence(cells), 0.2);
  EXPECT_NEAR(Divergence(cells), Null(cells), 0.1);
}

TEST_F(OccupancyNullTest, AgentsThatDifferAreAboveTheNull) {
  const auto cells = Cells(true);
  EXPECT_NEAR(Divergence(cells), std::log(kAgents), 0.01);
  EXPECT_LT(Null(cells), Divergence(cells) - 1);
}

TEST_F(OccupancyNullTest, IsAFunctionOfSeedAndEpoch) {
  const auto cells = Cells(false);
  EXPECT_EQ(Null(cells, 3), Null(cells, 3));
  EXPECT_NE(Null(cells, 3), Null(cells, 4));
}

TEST_F(OccupancyNullTest, OneEnvironmentPerAgentHasNoNull) {
  EXPECT_TRUE(std::isnan(
      OccupancyDivergenceNull(Cells(false), kEnvs, kEnvs, kCells, 42, 3)));
}

}  // namespace
}  // namespace kmyriad
