#include "entropy_service/cell_visit_gauges.h"

#include <algorithm>

#include "absl/strings/str_format.h"

namespace kmyriad {

CellVisitGauges::CellVisitGauges(MetricsRegistry& registry)
    : registry_(registry),
      cell_size_(registry.AddGauge("kmyriad_exploration_cell_size_meters",
                                   "Side of a square of the visit map.")) {}

void CellVisitGauges::Set(const CoverageGrid& grid,
                          const std::vector<uint32_t>& visits) {
  if (grid.nx == 0 || visits.size() != size_t{grid.nx} * grid.ny) return;
  const uint32_t merged =
      (std::max(grid.nx, grid.ny) + kMaxSide - 1) / kMaxSide;
  std::map<std::pair<uint32_t, uint32_t>, uint64_t> sums;
  for (uint32_t y = 0; y < grid.ny; ++y) {
    for (uint32_t x = 0; x < grid.nx; ++x) {
      const uint32_t count = visits[size_t{y} * grid.nx + x];
      if (count > 0) sums[{x / merged, y / merged}] += count;
    }
  }
  cell_size_.Set(double{grid.cell_size} * merged);
  absl::MutexLock lock(&mutex_);
  for (const auto& [square, gauge] : squares_) {
    if (sums.count(square) == 0) gauge->Set(0);
  }
  for (const auto& [square, sum] : sums) {
    Gauge*& gauge = squares_[square];
    if (gauge == nullptr) {
      // Padded, so that they also sort as text.
      gauge = &registry_.AddGauge(
          "kmyriad_exploration_cell_visits",
          "Particles of the last epoch in a square of the map.",
          {{"cell_x", absl::StrFormat("%02d", square.first)},
           {"cell_y", absl::StrFormat("%02d", square.second)}});
    }
    gauge->Set(static_cast<double>(sum));
  }
}

}  // namespace kmyriad
