#ifndef KMYRIAD_ENTROPY_SERVICE_CELL_VISIT_GAUGES_H_
#define KMYRIAD_ENTROPY_SERVICE_CELL_VISIT_GAUGES_H_

#include <cstdint>
#include <map>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "common/base/environment_spec.h"
#include "common/metrics/metrics_registry.h"

namespace kmyriad {

// The map of where the population was, as metrics: one gauge per square of the
// coverage grid that was ever visited, kmyriad_exploration_cell_visits with the
// labels cell_x and cell_y, counted from the low corner. Cells are added up to
// squares until no side has more than kMaxSide of them, so that series stay
// few; kmyriad_exploration_cell_size_meters tells how large they are.
// Thread-safe.
class CellVisitGauges {
 public:
  static constexpr uint32_t kMaxSide = 32;

  // The registry must outlive it.
  explicit CellVisitGauges(MetricsRegistry& registry);

  // Visits of an epoch, [grid.ny * grid.nx]; squares without any become 0.
  void Set(const CoverageGrid& grid, const std::vector<uint32_t>& visits);

 private:
  MetricsRegistry& registry_;
  Gauge& cell_size_;
  absl::Mutex mutex_;
  std::map<std::pair<uint32_t, uint32_t>, Gauge*> squares_
      ABSL_GUARDED_BY(mutex_);
};

}  // namespace kmyriad

#endif  // KMYRIAD_ENTROPY_SERVICE_CELL_VISIT_GAUGES_H_
