#ifndef KMYRIAD_COMMON_BASE_LOGGING_H_
#define KMYRIAD_COMMON_BASE_LOGGING_H_

#include <cstdint>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"

namespace kmyriad {

enum class LogLevel { kDebug, kInfo, kWarning, kError };

// kText: time, level, role, message. kJson: one object per line with the keys
// time, level, role, run (UUID, empty while unknown), policy_version, message.
enum class LogFormat { kText, kJson };

// Where and what to log. Before InitLogging lines of kWarning and above go to
// stderr.
struct LogOptions {
  // Role of the process, in every line: "learner", "actor-2", ...
  std::string role;
  // File to append to; empty: stderr.
  std::string file;
  LogLevel level = LogLevel::kInfo;
  LogFormat format = LogFormat::kText;
};

// Once, from main. A file that cannot be opened is reported on stderr, and
// logging goes there.
void InitLogging(const LogOptions& options);

// What the lines of JSON say from here on: the run that this process works for,
// and the version of the policy that it works with. Thread-safe.
void SetLogRun(absl::string_view run_uuid);
void SetLogPolicyVersion(uint64_t version);

// One line: time, level, role, message. Thread-safe; flushed at kWarning and
// above and once a second.
void Log(LogLevel level, absl::string_view message);

template <typename... Args>
void LogInfo(const Args&... args) {
  Log(LogLevel::kInfo, absl::StrCat(args...));
}
template <typename... Args>
void LogWarning(const Args&... args) {
  Log(LogLevel::kWarning, absl::StrCat(args...));
}
template <typename... Args>
void LogError(const Args&... args) {
  Log(LogLevel::kError, absl::StrCat(args...));
}

}  // namespace kmyriad

#endif  // KMYRIAD_COMMON_BASE_LOGGING_H_
