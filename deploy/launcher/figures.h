#ifndef KMYRIAD_DEPLOY_LAUNCHER_FIGURES_H_
#define KMYRIAD_DEPLOY_LAUNCHER_FIGURES_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "common/base/environment_spec.h"
#include "nlohmann/json.hpp"

namespace kmyriad {

// Visits per coverage cell, [ny * nx] each.
struct CoverageVisits {
  uint64_t epoch = 0;
  // Of that epoch, and of all epochs up to it.
  std::vector<double> in_epoch;
  std::vector<double> in_all;
};

// Two maps of the arena, one for the epoch and one for all epochs so far:
// visits per cell in logarithmic colours, walls, start and goals. `metrics` is
// the line of metrics.jsonl of that epoch.
absl::Status DrawCoverage(const std::string& run_name,
                          const EnvironmentSpec& spec,
                          const CoverageVisits& visits,
                          const nlohmann::json& metrics,
                          const std::string& path);

// Entropy, coverage and diversity over environment steps, from the lines of
// metrics.jsonl (at least one).
absl::Status DrawCurves(const std::string& run_name,
                        const std::vector<nlohmann::json>& metrics,
                        const std::string& path);

}  // namespace kmyriad

#endif  // KMYRIAD_DEPLOY_LAUNCHER_FIGURES_H_
