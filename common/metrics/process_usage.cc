#include "common/metrics/process_usage.h"

#include <sys/resource.h>
#include <unistd.h>

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"
#include "common/base/file_system.h"

namespace kmyriad {

absl::optional<double> UsedCpuSeconds() {
  rusage usage;
  if (getrusage(RUSAGE_SELF, &usage) != 0) return absl::nullopt;
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) +
           1e-6 * static_cast<double>(time.tv_usec);
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

absl::optional<double> ResidentMemoryBytes() {
  // Seven numbers of pages, the resident ones second: proc(5).
  constexpr uint64_t kStatmBytes = 4096;
  const auto text = PosixFileSystem().Read("/proc/self/statm", kStatmBytes);
  if (!text.ok()) return absl::nullopt;
  const std::vector<absl::string_view> words = absl::StrSplit(*text, ' ');
  double pages;
  if (words.size() < 2 || !absl::SimpleAtod(words[1], &pages)) {
    return absl::nullopt;
  }
  return pages * static_cast<double>(sysconf(_SC_PAGESIZE));
}

}  // namespace kmyriad
