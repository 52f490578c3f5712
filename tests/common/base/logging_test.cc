#include "common/base/logging.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <cstdlib>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_split.h"
#include "common/base/clock.h"
#include "common/base/file_system.h"
#include "nlohmann/json.hpp"
#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_dir.h"

namespace kmyriad {
namespace {

using ::testing::HasSubstr;
using ::testing::MatchesRegex;

constexpr char kTime[] = "[0-9]+-[0-9]+-[0-9]+T[0-9]+:[0-9]+:[0-9]+\\.[0-9]+Z ";

std::vector<std::string> Lines(const std::string& path) {
  const auto text = PosixFileSystem().Read(path, 1 << 20);
  EXPECT_THAT(text, IsOk());
  return absl::StrSplit(text.value_or(""), '\n', absl::SkipEmpty());
}

// In a process of its own, where nothing was initialised yet.
TEST(LoggingDeathTest, BeforeInitWarningsGoToStderr) {
  ::testing::GTEST_FLAG(death_test_style) = "threadsafe";
  const auto log = [] {
    LogInfo("quiet");
    LogWarning("loud ", 7);
    std::exit(0);
  };
  EXPECT_EXIT(log(), ::testing::ExitedWithCode(0),
              MatchesRegex(std::string(kTime) + "warning loud 7\n"));
}

TEST(LoggingTest, LinesHaveTimeLevelAndRole) {
  TempDir folder;
  const std::string path = folder.File("log");
  InitLogging({"actor-2", path, LogLevel::kInfo});
  Log(LogLevel::kDebug, "hidden");
  LogInfo("speed ", 1.5);
  // Braces are no format, line ends no new lines.
  LogError("a {} b\nc");
  const std::vector<std::string> lines = Lines(path);
  ASSERT_EQ(lines.size(), 2u);
  EXPECT_THAT(lines[0],
              MatchesRegex(std::string(kTime) + "info actor-2: speed 1.5"));
  EXPECT_THAT(lines[1], HasSubstr("error actor-2: a {} b\\nc"));
}

TEST(LoggingTest, AppendsToTheFile) {
  TempDir folder;
  const std::string path = folder.File("log");
  ASSERT_THAT(PosixFileSystem().WriteAndSync(path, "old\n"), IsOk());
  InitLogging({"learner", path, LogLevel::kDebug});
  Log(LogLevel::kDebug, "seen");
  LogWarning("flushed");
  const std::vector<std::string> lines = Lines(path);
  ASSERT_EQ(lines.size(), 3u);
  EXPECT_EQ(lines[0], "old");
  EXPECT_THAT(lines[1], HasSubstr("seen"));
}

TEST(LoggingTest, AnUnusableFileIsReportedAndStderrUsed) {
  TempDir folder;
  ::testing::internal::CaptureStderr();
  // A folder cannot be opened for writing.
  InitLogging({"learner", folder.path(), LogLevel::kInfo});
  LogWarning("still here");
  const std::string text = ::testing::internal::GetCapturedStderr();
  EXPECT_THAT(text, HasSubstr("cannot log to " + folder.path()));
  EXPECT_THAT(text, HasSubstr("warning learner: still here"));
}

TEST(LoggingTest, LinesOfManyThreadsStayWhole) {
  TempDir folder;
  const std::string path = folder.File("log");
  InitLogging({"x", path, LogLevel::kInfo});
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([] {
      for (int j = 0; j < 100; ++j) LogWarning(std::string(50, 'w'), "!");
    });
  }
  for (std::thread& thread : threads) thread.join();
  const std::vector<std::string> lines = Lines(path);
  EXPECT_EQ(lines.size(), 400u);
  for (const std::string& line : lines) {
    ASSERT_THAT(line, MatchesRegex(std::string(kTime) + "warning x: w+!"));
  }
}

TEST(LoggingTest, JsonLinesCarryTheRunAndThePolicyVersion) {
  TempDir folder;
  const std::string path = folder.File("log");
  InitLogging({"actor-2", path, LogLevel::kInfo, LogFormat::kJson});
  LogWarning("before ", 1);
  SetLogRun("00112233-run");
  SetLogPolicyVersion(18446744073709551615u);
  Log(LogLevel::kDebug, "hidden");
  LogError("a \"{}\" b\nc \xff");
  SetLogRun("");
  SetLogPolicyVersion(0);
  const std::vector<std::string> lines = Lines(path);
  ASSERT_EQ(lines.size(), 2u);
  const auto first = nlohmann::json::parse(lines[0], nullptr, false);
  const auto second = nlohmann::json::parse(lines[1], nullptr, false);
  ASSERT_TRUE(first.is_object() && second.is_object()) << lines[0] << lines[1];
  EXPECT_EQ(first.size(), 6u);
  EXPECT_EQ(first["level"], "warning");
  EXPECT_EQ(first["role"], "actor-2");
  EXPECT_EQ(first["run"], "");
  EXPECT_EQ(first["policy_version"], 0);
  EXPECT_EQ(first["message"], "before 1");
  EXPECT_THAT(first["time"].get<std::string>() + " ", MatchesRegex(kTime));
  EXPECT_EQ(second["level"], "error");
  EXPECT_EQ(second["run"], "00112233-run");
  EXPECT_EQ(second["policy_version"], 18446744073709551615u);
  EXPECT_EQ(second["message"], "a \"{}\" b\nc \xef\xbf\xbd");
}

// A signal goes to any thread that does not block it, and ends the program.
TEST(LoggingDeathTest, ASignalBlockedAfterInitWaitsForWhoeverWantsIt) {
  ::testing::GTEST_FLAG(death_test_style) = "threadsafe";
  const auto wait_for_signal = [] {
    InitLogging({"x", "", LogLevel::kWarning});
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &set, nullptr);
    kill(getpid(), SIGTERM);
    int signal = 0;
    sigwait(&set, &signal);
    std::exit(signal == SIGTERM ? 0 : 1);
  };
  EXPECT_EXIT(wait_for_signal(), ::testing::ExitedWithCode(0), "");
}

TEST(ClockTest, MonotonicTimeDoesNotFallAndWallTimeIsToday) {
  const double first = RealClock().MonotonicSeconds();
  EXPECT_GE(RealClock().MonotonicSeconds(), first);
  EXPECT_GT(RealClock().WallTime(), absl::FromUnixSeconds(1'700'000'000));
}

}  // namespace
}  // namespace kmyriad
