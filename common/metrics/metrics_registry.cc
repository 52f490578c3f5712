#include "common/metrics/metrics_registry.h"

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/text_serializer.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <utility>

#include "common/base/clock.h"
#include "common/metrics/metrics_registry_impl.h"

namespace kmyriad {
namespace {

class PrometheusCounter : public Counter {
 public:
  explicit PrometheusCounter(prometheus::Counter& counter)
      : counter_(counter) {}
  void Add(double amount) override { counter_.Increment(amount); }
  double value() const override { return counter_.Value(); }

 private:
  prometheus::Counter& counter_;
};

class PrometheusGauge : public Gauge {
 public:
  explicit PrometheusGauge(prometheus::Gauge& gauge) : gauge_(gauge) {}
  void Set(double value) override { gauge_.Set(value); }
  double value() const override { return gauge_.Value(); }

 private:
  prometheus::Gauge& gauge_;
};

class PrometheusHistogram : public Histogram {
 public:
  PrometheusHistogram(prometheus::Histogram& histogram,
                      const std::vector<double>& bounds)
      : histogram_(histogram), bounds_(bounds) {}
  void Observe(double value) override { histogram_.Observe(value); }

  // One lock for all of them.
  void ObserveAll(const std::vector<double>& values) override {
    std::vector<double> counts(bounds_.size() + 1);
    double sum = 0;
    for (const double value : values) {
      const auto bound =
          std::lower_bound(bounds_.begin(), bounds_.end(), value);
      ++counts[static_cast<size_t>(bound - bounds_.begin())];
      sum += value;
    }
    histogram_.ObserveMultiple(counts, sum);
  }

 private:
  prometheus::Histogram& histogram_;
  const std::vector<double> bounds_;
};

// Runs `add`, which registers the series `name`. prometheus-cpp throws for
// names that are malformed or used with another type: names are constants of
// ours, so that this is a broken invariant, which must say which name.
template <typename Add>
auto& Register(const std::string& name, const Add& add) {
  try {
    return add();
  } catch (const std::exception& error) {
    std::fprintf(stderr, "broken invariant: metric %s: %s\n", name.c_str(),
                 error.what());
    std::abort();
  }
}

template <typename Handle, typename Handles, typename... Parts>
auto& Keep(Handles& handles, Parts&... parts) {
  handles.push_back(std::make_unique<Handle>(parts...));
  return *handles.back();
}

}  // namespace

MetricsRegistry::MetricsRegistry(MetricLabels constant_labels)
    : impl_(std::make_unique<Impl>()) {
  impl_->constant_labels = std::move(constant_labels);
  impl_->registry = std::make_shared<prometheus::Registry>();
}

MetricsRegistry::~MetricsRegistry() = default;

Counter& MetricsRegistry::AddCounter(const std::string& name,
                                     const std::string& help,
                                     const MetricLabels& labels) {
  prometheus::Counter& series = Register(
      name, [&]() -> auto& {
        return prometheus::BuildCounter()
            .Name(name)
            .Help(help)
            .Labels(impl_->constant_labels)
            .Register(*impl_->registry)
            .Add(labels);
      });
  absl::MutexLock lock(&impl_->mutex);
  return Keep<PrometheusCounter>(impl_->counters, series);
}

Gauge& MetricsRegistry::AddGauge(const std::string& name,
                                 const std::string& help,
                                 const MetricLabels& labels) {
  prometheus::Gauge& series = Register(
      name, [&]() -> auto& {
        return prometheus::BuildGauge()
            .Name(name)
            .Help(help)
            .Labels(impl_->constant_labels)
            .Register(*impl_->registry)
            .Add(labels);
      });
  absl::MutexLock lock(&impl_->mutex);
  return Keep<PrometheusGauge>(impl_->gauges, series);
}

Histogram& MetricsRegistry::AddHistogram(const std::string& name,
                                         const std::string& help,
                                         const std::vector<double>& bounds,
                                         const MetricLabels& labels) {
  prometheus::Histogram& series = Register(
      name, [&]() -> auto& {
        return prometheus::BuildHistogram()
            .Name(name)
            .Help(help)
            .Labels(impl_->constant_labels)
            .Register(*impl_->registry)
            .Add(labels, bounds);
      });
  absl::MutexLock lock(&impl_->mutex);
  return Keep<PrometheusHistogram>(impl_->histograms, series, bounds);
}

std::string MetricsRegistry::Text() const {
  return prometheus::TextSerializer().Serialize(impl_->registry->Collect());
}

std::vector<double> LatencyBounds() {
  std::vector<double> bounds;
  for (double bound = 1e-3; bound < 66; bound *= 2) bounds.push_back(bound);
  return bounds;
}

ScopedTimer::ScopedTimer(Histogram& histogram)
    : histogram_(histogram), start_(RealClock().MonotonicSeconds()) {}

ScopedTimer::~ScopedTimer() {
  histogram_.Observe(RealClock().MonotonicSeconds() - start_);
}

}  // namespace kmyriad
