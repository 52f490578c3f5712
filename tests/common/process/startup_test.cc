#include "common/process/startup.h"

#include <algorithm>
#include <string>
#include <vector>

#include "CLI/CLI.hpp"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace kmyriad {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

ConfigSource Parsed(std::vector<std::string> arguments) {
  CLI::App app("test");
  ConfigFlags flags;
  AddConfigFlags(app, flags);
  // CLI11 takes them last one first.
  std::reverse(arguments.begin(), arguments.end());
  app.parse(arguments);
  return flags.Resolve();
}

TEST(StartupTest, TheDefaultPresetStandsInForNone) {
  EXPECT_EQ(Parsed({}).preset, "ant-maze");
  EXPECT_THAT(Parsed({}).overrides, IsEmpty());
  EXPECT_EQ(Parsed({"--preset", "paper"}).preset, "paper");
  EXPECT_EQ(Parsed({"--config", "f"}).preset, "");
  EXPECT_EQ(Parsed({"--config", "f"}).file, "f");
}

TEST(StartupTest, PresetAndFileExcludeEachOther) {
  EXPECT_THROW(Parsed({"--preset", "paper", "--config", "f"}), CLI::ParseError);
}

TEST(StartupTest, ShorthandsWinOverSetWhereverTheyStand) {
  EXPECT_THAT(Parsed({"--epochs", "3", "--set", "run.epochs=1", "--set",
                      "env.count=2", "--actors", "4", "--seed", "5"})
                  .overrides,
              ElementsAre("run.epochs=1", "env.count=2", "run.epochs=3",
                          "run.seed=5", "actors.count=4"));
  // One value each: what follows is not swallowed.
  EXPECT_THROW(Parsed({"--set", "a.b=1", "c.d=2"}), CLI::ParseError);
}

TEST(StartupTest, StopSignalsAreBlockedAndNoOthers) {
  sigset_t before;
  pthread_sigmask(SIG_SETMASK, nullptr, &before);
  const sigset_t stop = BlockStopSignals();
  sigset_t now;
  pthread_sigmask(SIG_SETMASK, &before, &now);
  for (const int signal : {SIGINT, SIGTERM}) {
    EXPECT_EQ(sigismember(&stop, signal), 1);
    EXPECT_EQ(sigismember(&now, signal), 1);
  }
  EXPECT_EQ(sigismember(&stop, SIGQUIT), 0);
  EXPECT_EQ(sigismember(&now, SIGQUIT), sigismember(&before, SIGQUIT));
  EXPECT_GE(AvailableCores(), 1);
}

}  // namespace
}  // namespace kmyriad
