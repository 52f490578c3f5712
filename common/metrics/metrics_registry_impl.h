#ifndef KMYRIAD_COMMON_METRICS_METRICS_REGISTRY_IMPL_H_
#define KMYRIAD_COMMON_METRICS_METRICS_REGISTRY_IMPL_H_

#include <prometheus/registry.h>

#include <deque>
#include <memory>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "common/metrics/metrics_registry.h"

namespace kmyriad {

// Inside of MetricsRegistry, for the sources of this folder alone. The
// prometheus registry synchronises itself; handles only ever grow.
struct MetricsRegistry::Impl {
  MetricLabels constant_labels;
  std::shared_ptr<prometheus::Registry> registry;
  absl::Mutex mutex;
  std::deque<std::unique_ptr<Counter>> counters ABSL_GUARDED_BY(mutex);
  std::deque<std::unique_ptr<Gauge>> gauges ABSL_GUARDED_BY(mutex);
  std::deque<std::unique_ptr<Histogram>> histograms ABSL_GUARDED_BY(mutex);
};

}  // namespace kmyriad

#endif  // KMYRIAD_COMMON_METRICS_METRICS_REGISTRY_IMPL_H_
