#ifndef KMYRIAD_TESTS_TESTING_PROMETHEUS_TEXT_H_
#define KMYRIAD_TESTS_TESTING_PROMETHEUS_TEXT_H_

#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace kmyriad {

struct PrometheusSample {
  std::string name;
  std::map<std::string, std::string> labels;
  double value = 0;
};

struct PrometheusText {
  // Family to "counter", "gauge", "histogram", "summary" or "untyped".
  std::map<std::string, std::string> types;
  std::vector<PrometheusSample> samples;

  // Value of the one sample with this name and at least these labels; not a
  // number if there is none or more than one.
  double Value(const std::string& name,
               const std::map<std::string, std::string>& labels = {}) const;
};

// Parses Prometheus text format 0.0.4 strictly, as a server reads it:
// INVALID_ARGUMENT, naming the line, for malformed lines, samples of families
// without a type, a second TYPE, duplicate series, negative counters,
// and histograms whose buckets fall or whose +Inf bucket is not the count.
absl::StatusOr<PrometheusText> ParsePrometheusText(absl::string_view text);

}  // namespace kmyriad

#endif  // KMYRIAD_TESTS_TESTING_PROMETHEUS_TEXT_H_
