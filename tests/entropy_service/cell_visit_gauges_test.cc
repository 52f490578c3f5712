#include "entropy_service/cell_visit_gauges.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "common/base/clock.h"
#include "tests/testing/prometheus_text.h"
#include "tests/testing/status_matchers.h"

namespace kmyriad {
namespace {

constexpr char kVisits[] = "kmyriad_exploration_cell_visits";

CoverageGrid Grid(uint32_t nx, uint32_t ny) {
  CoverageGrid grid;
  grid.cell_size = 0.5f;
  grid.nx = nx;
  grid.ny = ny;
  return grid;
}

class CellVisitGaugesTest : public ::testing::Test {
 protected:
  PrometheusText Text() const {
    const auto text = ParsePrometheusText(registry_.Text());
    EXPECT_THAT(text, IsOk());
    return text.value_or(PrometheusText());
  }
  double Visits(const std::string& x, const std::string& y) const {
    return Text().Value(kVisits, {{"cell_x", x}, {"cell_y", y}});
  }
  int Series() const {
    int series = 0;
    for (const PrometheusSample& sample : Text().samples) {
      series += sample.name == kVisits ? 1 : 0;
    }
    return series;
  }

  MetricsRegistry registry_;
  CellVisitGauges gauges_{registry_};
};

TEST_F(CellVisitGaugesTest, ShowsVisitedCellsAlone) {
  gauges_.Set(Grid(3, 2), {0, 7, 0, 0, 0, 9});
  EXPECT_EQ(Series(), 2);
  EXPECT_EQ(Visits("01", "00"), 7);
  EXPECT_EQ(Visits("02", "01"), 9);
  EXPECT_EQ(Text().Value("kmyriad_exploration_cell_size_meters"), 0.5);
  // The next epoch leaves one and finds another.
  gauges_.Set(Grid(3, 2), {5, 0, 0, 0, 0, 1});
  EXPECT_EQ(Visits("00", "00"), 5);
  EXPECT_EQ(Visits("01", "00"), 0);
  EXPECT_EQ(Visits("02", "01"), 1);
}

TEST_F(CellVisitGaugesTest, LargeGridsAreMergedAndLoseNothing) {
  // 100 cells a side: squares of 4 x 4, the last ones whole as well.
  std::vector<uint32_t> visits(100 * 50, 1);
  gauges_.Set(Grid(100, 50), visits);
  EXPECT_EQ(Series(), 25 * 13);
  EXPECT_EQ(Visits("00", "00"), 16);
  EXPECT_EQ(Visits("24", "12"), 8);
  EXPECT_EQ(Text().Value("kmyriad_exploration_cell_size_meters"), 2);
  double sum = 0;
  for (const PrometheusSample& sample : Text().samples) {
    if (sample.name == kVisits) sum += sample.value;
  }
  EXPECT_EQ(sum, 5000);
}

TEST_F(CellVisitGaugesTest, WhatDoesNotFitItsGridIsPassedOver) {
  gauges_.Set(Grid(3, 2), {1, 2, 3});
  gauges_.Set(Grid(0, 0), {});
  EXPECT_EQ(Series(), 0);
}

// However large the grid, the series are bounded.
TEST_F(CellVisitGaugesTest, SeriesAreBounded) {
  for (const uint32_t side : {31u, 32u, 33u, 64u, 1000u, 4096u}) {
    gauges_.Set(Grid(side, side), std::vector<uint32_t>(side * side, 1));
    EXPECT_LE(Series(), 32 * 32) << side;
  }
  EXPECT_EQ(Series(), 32 * 32);
  const double start = RealClock().MonotonicSeconds();
  const size_t bytes = registry_.Text().size();
  RecordProperty("text_bytes", std::to_string(bytes));
  RecordProperty(
      "text_milliseconds",
      std::to_string(1e3 * (RealClock().MonotonicSeconds() - start)));
}

}  // namespace
}  // namespace kmyriad
