#include "learner/fleet_metrics.h"

#include <limits>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace kmyriad {
namespace {

using ::testing::HasSubstr;

v1::ActorTotals Totals(uint64_t env_steps, double cpu_seconds,
                       uint64_t resident_bytes) {
  v1::ActorTotals totals;
  totals.set_env_steps(env_steps);
  totals.set_nonfinite(env_steps / 100);
  totals.set_cpu_seconds(cpu_seconds);
  totals.set_credit_wait_seconds(cpu_seconds / 2);
  totals.set_resident_bytes(resident_bytes);
  return totals;
}

class FleetMetricsTest : public testing::Test {
 protected:
  void Expect(const std::string& series) {
    EXPECT_THAT(registry_.Text(), HasSubstr(series + "\n"));
  }

  MetricsRegistry registry_;
  FleetMetrics fleet_{registry_};
};

TEST_F(FleetMetricsTest, SumsWhatStreamsSay) {
  fleet_.Report(1, Totals(100, 2, 1000));
  fleet_.Report(2, Totals(300, 1, 500));
  fleet_.Report(1, Totals(250, 4, 2000));
  Expect("kmyriad_fleet_env_steps_total 550");
  Expect("kmyriad_fleet_physics_errors_total 5");
  Expect("kmyriad_fleet_cpu_seconds_total 5");
  Expect("kmyriad_fleet_credit_wait_seconds_total 2.5");
  Expect("kmyriad_fleet_resident_memory_bytes 2500");
}

TEST_F(FleetMetricsTest, CountersOutliveTheStreamAndMemoryDoesNot) {
  fleet_.Report(1, Totals(100, 2, 1000));
  fleet_.Report(2, Totals(50, 1, 500));
  fleet_.Forget(1);
  fleet_.Forget(7);
  Expect("kmyriad_fleet_env_steps_total 150");
  Expect("kmyriad_fleet_resident_memory_bytes 500");
  // The same actor by a new stream, which counts from 0.
  fleet_.Report(3, Totals(10, 1, 1000));
  Expect("kmyriad_fleet_env_steps_total 160");
  Expect("kmyriad_fleet_resident_memory_bytes 1500");
}

TEST_F(FleetMetricsTest, NonsenseAddsNothing) {
  fleet_.Report(1, Totals(100, 2, 0));
  for (const double seconds :
       {std::numeric_limits<double>::quiet_NaN(),
        std::numeric_limits<double>::infinity(), -5.0, 1.0}) {
    fleet_.Report(1, Totals(40, seconds, 0));
  }
  Expect("kmyriad_fleet_env_steps_total 100");
  Expect("kmyriad_fleet_cpu_seconds_total 2");
  fleet_.Report(1, Totals(101, 3, 0));
  Expect("kmyriad_fleet_env_steps_total 101");
  Expect("kmyriad_fleet_cpu_seconds_total 3");
}

}  // namespace
}  // namespace kmyriad
