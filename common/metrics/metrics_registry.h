#ifndef KMYRIAD_COMMON_METRICS_METRICS_REGISTRY_H_
#define KMYRIAD_COMMON_METRICS_METRICS_REGISTRY_H_

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace kmyriad {

using MetricLabels = std::map<std::string, std::string>;

// Handles are owned by the registry and live as long as it; thread-safe.
class Counter {
 public:
  virtual ~Counter() = default;
  // amount >= 0.
  virtual void Add(double amount = 1) = 0;
  virtual double value() const = 0;
};
class Gauge {
 public:
  virtual ~Gauge() = default;
  virtual void Set(double value) = 0;
  virtual double value() const = 0;
};
class Histogram {
 public:
  virtual ~Histogram() = default;
  virtual void Observe(double value) = 0;
  // Many values at once, all of them finite.
  virtual void ObserveAll(const std::vector<double>& values) = 0;
};

// Metrics of one process (prometheus-cpp inside). Injected, never global.
// Names follow kmyriad_<component>_<noun>_<unit>[_total]. Thread-safe, but get
// handles at start, not on hot paths.
class MetricsRegistry {
 public:
  // `constant_labels` go to every series (run name, role).
  explicit MetricsRegistry(MetricLabels constant_labels = {});
  ~MetricsRegistry();
  MetricsRegistry(const MetricsRegistry&) = delete;
  MetricsRegistry& operator=(const MetricsRegistry&) = delete;

  Counter& AddCounter(const std::string& name, const std::string& help,
                      const MetricLabels& labels = {});
  Gauge& AddGauge(const std::string& name, const std::string& help,
                  const MetricLabels& labels = {});
  // Upper bounds ascending, without +Inf.
  Histogram& AddHistogram(const std::string& name, const std::string& help,
                          const std::vector<double>& bounds,
                          const MetricLabels& labels = {});

  // All series in Prometheus text format 0.0.4.
  std::string Text() const;

  struct Impl;
  Impl& impl() { return *impl_; }

 private:
  std::unique_ptr<Impl> impl_;
};

// Bounds 1 ms .. 65 s, doubling.
std::vector<double> LatencyBounds();

// Seconds since construction go to a histogram at destruction.
class ScopedTimer {
 public:
  explicit ScopedTimer(Histogram& histogram);
  ~ScopedTimer();
  ScopedTimer(const ScopedTimer&) = delete;
  ScopedTimer& operator=(const ScopedTimer&) = delete;

 private:
  Histogram& histogram_;
  double start_;
};

// Serves GET /metrics of a registry, and process_* series, until destroyed.
class MetricsExposer {
 public:
  // `address` is "HOST:PORT"; port 0 takes a free one. UNAVAILABLE, naming the
  // address and the mend, if it is in use. The registry must outlive it.
  static absl::StatusOr<std::unique_ptr<MetricsExposer>> Start(
      const std::string& address, MetricsRegistry& registry);
  virtual ~MetricsExposer() = default;
  // Port that is listened on.
  virtual int port() const = 0;
};

}  // namespace kmyriad

#endif  // KMYRIAD_COMMON_METRICS_METRICS_REGISTRY_H_
