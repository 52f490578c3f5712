#ifndef KMYRIAD_COMMON_METRICS_PROCESS_COLLECTOR_H_
#define KMYRIAD_COMMON_METRICS_PROCESS_COLLECTOR_H_

#include <prometheus/client_metric.h>
#include <prometheus/collectable.h>
#include <prometheus/metric_family.h>

#include <vector>

#include "common/metrics/metrics_registry.h"

namespace kmyriad {

// The usual process_* series of this process, read from the kernel at every
// scrape; what cannot be read is left out. Thread-safe.
class ProcessCollector : public prometheus::Collectable {
 public:
  explicit ProcessCollector(const MetricLabels& labels);
  std::vector<prometheus::MetricFamily> Collect() const override;

 private:
  std::vector<prometheus::ClientMetric::Label> labels_;
};

}  // namespace kmyriad

#endif  // KMYRIAD_COMMON_METRICS_PROCESS_COLLECTOR_H_
