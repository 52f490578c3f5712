#include "common/metrics/metrics_registry.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <thread>
#include <vector>

#include "tests/testing/prometheus_text.h"
#include "tests/testing/status_matchers.h"

namespace kmyriad {
namespace {

TEST(MetricsRegistryTest, TextParsesAsPrometheusText) {
  MetricsRegistry registry(MetricLabels{{"run_name", "a \"quoted\\\nname"}});
  Counter& counter = registry.AddCounter("kmyriad_test_events_total", "Events.",
                                         {{"reason", "stale"}});
  registry
      .AddCounter("kmyriad_test_events_total", "Events.",
                  {{"reason", "decode"}})
      .Add(4);
  Gauge& gauge = registry.AddGauge("kmyriad_test_entropy_nats", "Entropy.");
  Histogram& histogram =
      registry.AddHistogram("kmyriad_test_seconds", "Time.", {0.5, 1, 2});
  counter.Add();
  counter.Add(2.5);
  gauge.Set(-3.25);
  for (const double value : {0.1, 0.6, 0.7, 50.0}) histogram.Observe(value);
  EXPECT_EQ(counter.value(), 3.5);
  EXPECT_EQ(gauge.value(), -3.25);

  KMYRIAD_ASSERT_OK_AND_ASSIGN(const PrometheusText text,
                               ParsePrometheusText(registry.Text()));
  const std::string run = "a \"quoted\\\nname";
  EXPECT_EQ(text.types.at("kmyriad_test_events_total"), "counter");
  EXPECT_EQ(text.Value("kmyriad_test_events_total",
                       {{"reason", "stale"}, {"run_name", run}}),
            3.5);
  EXPECT_EQ(text.Value("kmyriad_test_events_total", {{"reason", "decode"}}), 4);
  EXPECT_EQ(text.Value("kmyriad_test_entropy_nats", {{"run_name", run}}),
            -3.25);
  EXPECT_EQ(text.Value("kmyriad_test_seconds_bucket", {{"le", "0.5"}}), 1);
  EXPECT_EQ(text.Value("kmyriad_test_seconds_bucket", {{"le", "2"}}), 3);
  EXPECT_EQ(text.Value("kmyriad_test_seconds_bucket", {{"le", "+Inf"}}), 4);
  EXPECT_DOUBLE_EQ(text.Value("kmyriad_test_seconds_sum"), 51.4);
}

// The negative control of the test above: a broken text does not parse.
TEST(MetricsRegistryTest, ManyValuesAtOnceAreThoseOneByOne) {
  const std::vector<double> bounds = {0.5, 1, 2};
  const std::vector<double> values = {0.1, 0.5, 0.75, 1, 1.5, 2, 3, 3};
  MetricsRegistry at_once;
  at_once.AddHistogram("kmyriad_test_seconds", "h", bounds).ObserveAll(values);
  MetricsRegistry one_by_one;
  Histogram& histogram =
      one_by_one.AddHistogram("kmyriad_test_seconds", "h", bounds);
  for (const double value : values) histogram.Observe(value);
  EXPECT_EQ(at_once.Text(), one_by_one.Text());
}

TEST(MetricsRegistryTest, DamagedTextDoesNotParse) {
  MetricsRegistry registry;
  registry.AddGauge("kmyriad_test_value", "Value.", {{"a", "b"}}).Set(1);
  std::string text = registry.Text();
  ASSERT_THAT(ParsePrometheusText(text), IsOk());
  text.erase(text.find('}'), 1);
  EXPECT_FALSE(ParsePrometheusText(text).ok());
}

TEST(MetricsRegistryTest, TheSameSeriesTwiceIsOneSeries) {
  MetricsRegistry registry;
  Counter& first = registry.AddCounter("kmyriad_test_total", "Total.");
  Counter& second = registry.AddCounter("kmyriad_test_total", "Total.");
  first.Add();
  second.Add();
  EXPECT_EQ(first.value(), 2);
  EXPECT_THAT(ParsePrometheusText(registry.Text()), IsOk());
}

TEST(MetricsRegistryTest, CountsFromManyThreads) {
  MetricsRegistry registry;
  Counter& counter = registry.AddCounter("kmyriad_test_total", "Total.");
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (int j = 0; j < 1000; ++j) counter.Add();
      registry.AddGauge("kmyriad_test_value", "Value.").Set(1);
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(counter.value(), 4000);
}

TEST(MetricsRegistryDeathTest, MalformedAndMistypedNamesAreBrokenInvariants) {
  MetricsRegistry registry;
  registry.AddCounter("kmyriad_test_total", "Total.");
  EXPECT_DEATH(registry.AddGauge("kmyriad_test_total", "x"),
               "metric kmyriad_test_total");
  EXPECT_DEATH(registry.AddGauge("kmyriad test", "x"), "metric kmyriad test");
}

TEST(MetricsRegistryTest, LatencyBoundsDoubleFromOneMillisecond) {
  const std::vector<double> bounds = LatencyBounds();
  ASSERT_EQ(bounds.size(), 17u);
  EXPECT_EQ(bounds.front(), 1e-3);
  EXPECT_DOUBLE_EQ(bounds.back(), 65.536);
}

TEST(ScopedTimerTest, ObservesOnce) {
  MetricsRegistry registry;
  Histogram& histogram =
      registry.AddHistogram("kmyriad_test_seconds", "Time.", LatencyBounds());
  { ScopedTimer timer(histogram); }
  KMYRIAD_ASSERT_OK_AND_ASSIGN(const PrometheusText text,
                               ParsePrometheusText(registry.Text()));
  EXPECT_EQ(text.Value("kmyriad_test_seconds_count"), 1);
  EXPECT_GE(text.Value("kmyriad_test_seconds_sum"), 0);
}

}  // namespace
}  // namespace kmyriad
