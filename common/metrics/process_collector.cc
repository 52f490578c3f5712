#include "common/metrics/process_collector.h"

#include <unistd.h>

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"
#include "absl/types/optional.h"
#include "common/base/file_system.h"
#include "common/metrics/process_usage.h"

namespace kmyriad {
namespace {

constexpr uint64_t kProcFileBytes = 4 << 20;

// Number `index` (from 0) among the words of `text`.
absl::optional<double> Word(absl::string_view text, size_t index) {
  const std::vector<absl::string_view> words =
      absl::StrSplit(text, absl::ByAnyChar(" \n"), absl::SkipEmpty());
  double value;
  if (index >= words.size() || !absl::SimpleAtod(words[index], &value)) {
    return absl::nullopt;
  }
  return value;
}

absl::optional<double> OpenFiles() {
  const auto names = PosixFileSystem().List("/proc/self/fd");
  if (!names.ok() || names->empty()) return absl::nullopt;
  // One of them is the listing itself.
  return static_cast<double>(names->size() - 1);
}

// Seconds since 1970: boot time plus ticks from boot to the process's start.
absl::optional<double> StartSeconds() {
  const auto self = PosixFileSystem().Read("/proc/self/stat", kProcFileBytes);
  const auto system = PosixFileSystem().Read("/proc/stat", kProcFileBytes);
  if (!self.ok() || !system.ok()) return absl::nullopt;
  // The program's name, in parentheses, may hold blanks; field 22 of proc(5)
  // is the 20th after it.
  const size_t name_end = self->rfind(')');
  const size_t boot_at = system->find("\nbtime ");
  if (name_end == std::string::npos || boot_at == std::string::npos) {
    return absl::nullopt;
  }
  const absl::optional<double> ticks =
      Word(absl::string_view(*self).substr(name_end + 1), 19);
  const absl::optional<double> boot =
      Word(absl::string_view(*system).substr(boot_at), 1);
  if (!ticks || !boot) return absl::nullopt;
  return *boot + *ticks / static_cast<double>(sysconf(_SC_CLK_TCK));
}

}  // namespace

ProcessCollector::ProcessCollector(const MetricLabels& labels) {
  for (const auto& [name, value] : labels) labels_.push_back({name, value});
}

std::vector<prometheus::MetricFamily> ProcessCollector::Collect() const {
  std::vector<prometheus::MetricFamily> families;
  const auto add = [&](const char* name, const char* help,
                       prometheus::MetricType type,
                       const absl::optional<double>& value) {
    if (!value) return;
    prometheus::ClientMetric metric;
    metric.label = labels_;
    metric.counter.value = *value;
    metric.gauge.value = *value;
    families.push_back({name, help, type, {metric}});
  };
  add("process_cpu_seconds_total", "User and system CPU time, seconds.",
      prometheus::MetricType::Counter, UsedCpuSeconds());
  add("process_resident_memory_bytes", "Resident memory, bytes.",
      prometheus::MetricType::Gauge, ResidentMemoryBytes());
  add("process_open_fds", "Open file descriptors.",
      prometheus::MetricType::Gauge, OpenFiles());
  add("process_start_time_seconds", "Start of the process, seconds since 1970.",
      prometheus::MetricType::Gauge, StartSeconds());
  return families;
}

}  // namespace kmyriad
