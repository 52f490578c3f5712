#include "common/base/logging.h"

#include <signal.h>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/basic_file_sink.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <atomic>
#include <chrono>
#include <cstdio>
#include <memory>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/synchronization/mutex.h"
#include "common/base/json_string.h"

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

// UTC, so that lines of processes on several machines sort together.
constexpr char kTimePattern[] = "%Y-%m-%dT%H:%M:%S.%eZ";

// Never destroyed: threads may log while the process ends.
struct RunContext {
  absl::Mutex mutex;
  std::string run ABSL_GUARDED_BY(mutex);
  std::atomic<uint64_t> policy_version = 0;
  // Whether the logger writes JSON.
  std::atomic<bool> json = false;
};
RunContext& Context() {
  static auto* const context = new RunContext();
  return *context;
}

// One JSON object per line.
class JsonFormatter : public spdlog::formatter {
 public:
  void format(const spdlog::details::log_msg& message,
              spdlog::memory_buf_t& line) override {
    const auto text = [](spdlog::string_view_t view) {
      return JsonString(absl::string_view(view.data(), view.size()));
    };
    const auto append = [&line](const std::string& part) {
      line.append(part.data(), part.data() + part.size());
    };
    append("{\"time\":\"");
    time_.format(message, line);
    std::string run;
    {
      absl::MutexLock lock(&Context().mutex);
      run = Context().run;
    }
    append(absl::StrCat(
        "\",\"level\":", text(spdlog::level::to_string_view(message.level)),
        ",\"role\":", text(message.logger_name), ",\"run\":", JsonString(run),
        ",\"policy_version\":", Context().policy_version.load(),
        ",\"message\":", text(message.payload), "}\n"));
  }
  std::unique_ptr<spdlog::formatter> clone() const override {
    return std::make_unique<JsonFormatter>();
  }

 private:
  spdlog::pattern_formatter time_{kTimePattern, spdlog::pattern_time_type::utc,
                                  ""};
};

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
  if (options.format == LogFormat::kJson) {
    logger->set_formatter(std::make_unique<JsonFormatter>());
  } else {
    logger->set_pattern(
        absl::StrCat(kTimePattern,
                     options.role.empty() ? " %l %v" : " %l %n: %v"),
        spdlog::pattern_time_type::utc);
  }
  return logger;
}

// Never destroyed: threads may log while the process ends.
std::shared_ptr<spdlog::logger>& CurrentLogger() {
  static auto* const logger = new std::shared_ptr<spdlog::logger>(
      MakeLogger({"", "", LogLevel::kWarning, LogFormat::kText}));
  return *logger;
}

}  // namespace

void InitLogging(const LogOptions& options) {
  std::shared_ptr<spdlog::logger> logger = MakeLogger(options);
  CurrentLogger() = logger;
  Context().json = options.format == LogFormat::kJson;
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

void SetLogRun(absl::string_view run_uuid) {
  absl::MutexLock lock(&Context().mutex);
  Context().run = std::string(run_uuid);
}

void SetLogPolicyVersion(uint64_t version) {
  Context().policy_version = version;
}

void Log(LogLevel level, absl::string_view message) {
  spdlog::logger& logger = *CurrentLogger();
  if (!logger.should_log(ToSpdlog(level))) return;
  const auto log = [&logger, level](absl::string_view text) {
    logger.log(ToSpdlog(level),
               spdlog::string_view_t(text.data(), text.size()));
  };
  // A message is one line, whatever is in it; JSON has its own way.
  if (Context().json) return log(message);
  log(absl::StrReplaceAll(message, {{"\n", "\\n"}, {"\r", "\\r"}}));
}

}  // namespace kmyriad
