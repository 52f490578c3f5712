#include "learner/fleet_metrics.h"

#include <cmath>

namespace kmyriad {
namespace {

// Adds what has come since `last`.
void Advance(double now, double& last, Counter& counter) {
  if (!std::isfinite(now) || now <= last) return;
  counter.Add(now - last);
  last = now;
}

}  // namespace

FleetMetrics::FleetMetrics(MetricsRegistry& registry)
    : env_steps_(registry.AddCounter(
          "kmyriad_fleet_env_steps_total",
          "Environment steps of all actors, by their heartbeats.")),
      physics_errors_(registry.AddCounter(
          "kmyriad_fleet_physics_errors_total",
          "Environment steps of all actors whose state was put back.")),
      cpu_seconds_(registry.AddCounter("kmyriad_fleet_cpu_seconds_total",
                                       "Processor time of all actors.")),
      credit_wait_seconds_(registry.AddCounter(
          "kmyriad_fleet_credit_wait_seconds_total",
          "Seconds that the actors' workers waited for the learner to take "
          "samples.")),
      resident_bytes_(registry.AddGauge("kmyriad_fleet_resident_memory_bytes",
                                        "Resident memory of all actors.")) {}

void FleetMetrics::Report(StreamId id, const v1::ActorTotals& totals) {
  absl::MutexLock lock(&mutex_);
  Last& last = last_[id];
  Advance(static_cast<double>(totals.env_steps()), last.env_steps, env_steps_);
  Advance(static_cast<double>(totals.nonfinite()), last.nonfinite,
          physics_errors_);
  Advance(totals.cpu_seconds(), last.cpu_seconds, cpu_seconds_);
  Advance(totals.credit_wait_seconds(), last.credit_wait_seconds,
          credit_wait_seconds_);
  last.resident_bytes = static_cast<double>(totals.resident_bytes());
  ShowMemory();
}

void FleetMetrics::Forget(StreamId id) {
  absl::MutexLock lock(&mutex_);
  if (last_.erase(id) > 0) ShowMemory();
}

void FleetMetrics::ShowMemory() {
  double sum = 0;
  for (const auto& [id, last] : last_) sum += last.resident_bytes;
  resident_bytes_.Set(sum);
}

}  // namespace kmyriad
