#include "common/base/logging.h"

#include <signal.h>
#include <spdlog/sinks/basic_file_sink.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <chrono>
#include <cstdio>
#include <memory>

#include "absl/strings/str_replace.h"

namespace kmyriad {
namespace {

spdlog::level::level_enum ToSpdlog(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug:
      return spdlog::level::debug;
    case LogLevel::kInfo:
      return spdlog::level::info;
    case LogLevel::kWarning:
      return spdlog::level::warn;
    case LogLevel::kError:
      return spdlog::level::err;
  }
  return spdlog::level::err;
}

std::shared_ptr<spdlog::logger> MakeLogger(const LogOptions& options) {
  spdlog::sink_ptr sink;
  if (!options.file.empty()) {
    // spdlog reports an unusable file by an exception; it ends here.
    try {
      sink = std::make_shared<spdlog::sinks::basic_file_sink_mt>(options.file);
    } catch (const spdlog::spdlog_ex& error) {
      std::fprintf(stderr, "cannot log to %s: %s; logging to stderr\n",
                   options.file.c_str(), error.what());
    }
  }
  if (sink == nullptr) {
    sink = std::make_shared<spdlog::sinks::stderr_sink_mt>();
  }
  auto logger = std::make_shared<spdlog::logger>(options.role, sink);
  logger->set_level(ToSpdlog(options.level));
  logger->flush_on(spdlog::level::warn);
  // UTC, so that lines of processes on several machines sort together.
  logger->set_pattern(options.role.empty() ? "%Y-%m-%dT%H:%M:%S.%eZ %l %v"
                                           : "%Y-%m-%dT%H:%M:%S.%eZ %l %n: %v",
                      spdlog::pattern_time_type::utc);
  return logger;
}

// Never destroyed: threads may log while the process ends.
std::shared_ptr<spdlog::logger>& CurrentLogger() {
  static auto* const logger = new std::shared_ptr<spdlog::logger>(
      MakeLogger({"", "", LogLevel::kWarning}));
  return *logger;
}

}  // namespace

void InitLogging(const LogOptions& options) {
  std::shared_ptr<spdlog::logger> logger = MakeLogger(options);
  CurrentLogger() = logger;
  // The default logger is known to spdlog's once-a-second flusher.
  spdlog::set_default_logger(logger);
  // Its thread takes no signals: a program that blocks those it waits for
  // later would be killed by what this thread gets.
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  spdlog::flush_every(std::chrono::seconds(1));
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

void Log(LogLevel level, absl::string_view message) {
  spdlog::logger& logger = *CurrentLogger();
  if (!logger.should_log(ToSpdlog(level))) return;
  // A message is one line, whatever is in it.
  const std::string line =
      absl::StrReplaceAll(message, {{"\n", "\\n"}, {"\r", "\\r"}});
  logger.log(ToSpdlog(level), spdlog::string_view_t(line.data(), line.size()));
}

}  // namespace kmyriad
